"""Labelled rows to learn from, and how they are parted: fit | tune | select, and a test part that training never gets.

Rows with a time are parted by time, the newest last, because that is how a model will meet them. Rows without one
are parted by a hash of their content: a row keeps its part when more rows come, and equal rows stay together.
`candidate.py` learns from the parts; the gates judge on the test part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daytwo.core.durations import duration
from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task

# Fewer labelled rows teach nothing that would hold, whatever the model.
MIN_ROWS = 200
# Fewer rows of the rarer class (or of either) in a part give no usable interval: tune and select then share rows.
_MIN_PART_ROWS = 1_000
_MIN_PART_CLASS = 100
_MIN_CLASS = 20


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Labelled rows, oldest first.

    `matrix` is a feature matrix (`core/schema.py`), shape (n, d), float32; `labels` 0 or 1, or the value, shape (n,);
    `times` in UTC, shape (n,), never falling, None where rows bear no time; `money` holds the columns that the
    payoff and the gates read, by name, each of shape (n,). `weights` say how much each row counts while learning, shape
    (n,), from 0 on; None where all count alike.
    """

    schema: Schema
    matrix: NDArray[np.float32]
    labels: NDArray[np.float64]
    times: NDArray[np.datetime64] | None = None
    money: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.matrix.dtype != np.float32 or self.matrix.shape != (n, len(self.schema.features)):
            raise ValueError(f"a float32 matrix of shape {(n, len(self.schema.features))} was expected")
        columns = [*self.money.values(), *(one for one in (self.times, self.weights) if one is not None)]
        if any(column.shape != (n,) for column in columns):
            raise ValueError(f"times, weights and money columns must have shape ({n},)")
        if self.times is not None and (np.isnat(self.times).any() or (self.times[1:] < self.times[:-1]).any()):
            raise ValueError("times must be known and never fall: sort the rows by time first")

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def days(self) -> NDArray[np.int64] | None:
        """The day of each row, shape (n,): rows of one day share their weather. None without times."""
        return None if self.times is None else self.times.astype("datetime64[D]").astype(np.int64)

    def column(self, name: str) -> NDArray[np.generic]:
        """Return a column that the payoff reads, shape (n,).

        Raises
        ------
        DataError
            If it was not given.
        """
        if name not in self.money:
            raise DataError(
                f"the payoff reads the column {name!r}, which the training rows do not have",
                hint="Name a column of the data in [value], or add the column to the data",
            )
        return self.money[name]

    def take(self, rows: slice | NDArray[np.intp] | NDArray[np.bool_]) -> TrainingData:
        """Return some of the rows, in the order asked for."""
        return TrainingData(
            self.schema,
            self.matrix[rows],
            self.labels[rows],
            None if self.times is None else self.times[rows],
            {name: column[rows] for name, column in self.money.items()},
            None if self.weights is None else self.weights[rows],
        )


@dataclass(frozen=True, slots=True)
class Split:
    """`train` is for `train_candidate`, `test` (the newest labelled rows) for the gates only."""

    train: TrainingData
    test: TrainingData


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the training rows, oldest first.

    Trees see only `fit`. `tune` says when to stop and calibrates. Among variants is chosen on `select`, which is
    `tune` again where there are too few rows for both.
    """

    fit: TrainingData
    tune: TrainingData
    select: TrainingData

    @property
    def shared(self) -> bool:
        """Whether `tune` and `select` are the same rows."""
        return self.tune is self.select

    @property
    def held_out(self) -> tuple[TrainingData, ...]:
        """The parts no tree has seen, each once."""
        return (self.tune,) if self.shared else (self.tune, self.select)


def split(
    data: TrainingData, *, test_from: np.datetime64 | None = None, test_share: float = 0.2, seed: int = 0
) -> Split:
    """Set the test part aside.

    Parameters
    ----------
    test_from : datetime64, optional
        Rows of this moment and later are the test part. Default, and always where rows bear no time: `test_share`.
    test_share : float
        In (0, 1): the newest such share of rows; without times, the rows whose hash falls into such a share.
    seed : int
        Salts the hash.

    Raises
    ------
    DataError
        If either part would have no rows.
    """
    if data.times is None:
        hashed = row_hash(data.matrix, seed)
        order = np.argsort(hashed, kind="stable")
        # The highest hashes are the test part whatever the number of rows, so a row never changes sides.
        cut = int(np.searchsorted(hashed[order], np.uint64(int((1 - test_share) * 2**64))))
        data = data.take(order)
    elif test_from is not None:
        cut = int(np.searchsorted(data.times, test_from))
    else:
        cut = _clean_cut(data.times, data.rows - int(data.rows * test_share))
    if not 0 < cut < data.rows:
        raise DataError(
            f"of {data.rows} labelled rows none is {'before' if cut == 0 else 'in'} the test part",
            hint="Wait for more labelled rows, or lower [gate] test_windows",
        )
    return Split(data.take(slice(0, cut)), data.take(slice(cut, data.rows)))


def divide(
    data: TrainingData, *, task: Task, tune_share: float = 0.1, select_share: float = 0.1, window: str = "all"
) -> Parts:
    """Part training rows into fit, tune and select, in their order.

    `window` is the span of the fit part, counted back from its newest row: `all`, or a duration such as `90d`.

    Raises
    ------
    DataError
        If there are too few rows, or a class is missing; the message says which.
    """
    check_learnable(data, task)
    first = _cut(data, data.rows - int(data.rows * (tune_share + select_share)))
    second = _cut(data, data.rows - int(data.rows * select_share))
    fit = _recent(data.take(slice(0, first)), window)
    check_learnable(fit, task, minimum=MIN_ROWS // 2)
    tune, select = data.take(slice(first, second)), data.take(slice(second, data.rows))
    if not (_is_enough(tune, task) and _is_enough(select, task)):
        tune = select = data.take(slice(first, data.rows))
        check_learnable(tune, task, minimum=1, rarest=2)
    return Parts(fit, tune, select)


def check_learnable(data: TrainingData, task: Task, *, minimum: int = MIN_ROWS, rarest: int = _MIN_CLASS) -> None:
    """Refuse rows that no model can learn from.

    Raises
    ------
    DataError
        If there are fewer than `minimum` rows or `rarest` of either class, a label is missing or wrong, or all
        values are one.
    """
    labels = data.labels
    if data.rows < minimum:
        raise DataError(
            f"there are {data.rows} labelled rows to learn from, and at least {minimum} are needed",
            hint="Add older rows to [data] source, or wait until more labels have arrived",
        )
    if not np.isfinite(labels).all():
        missing = int((~np.isfinite(labels)).sum())
        raise DataError(f"{missing} of {data.rows} labels are missing", hint="Train on labelled rows only")
    if task is Task.BINARY:
        if not np.isin(labels, (0.0, 1.0)).all():
            raise DataError(
                "the target has values other than two classes", hint="Set [model] task = 'regression' for a number"
            )
        rarer = int(min(labels.sum(), data.rows - labels.sum()))
        if rarer < rarest:
            raise DataError(
                f"only {rarer} of {data.rows} rows are of the rarer class, and at least {rarest} are needed",
                hint="Check [model] target, add older rows, or wait until more labels have arrived",
            )
    elif labels.min() == labels.max():
        raise DataError(f"every label is {labels[0]:g}: there is nothing to learn", hint="Check [model] target")


def join(parts: Sequence[TrainingData]) -> TrainingData:
    """Return parts that follow each other as one."""
    times = [part.times for part in parts if part.times is not None]
    weights = [part.weights for part in parts if part.weights is not None]
    return TrainingData(
        parts[0].schema,
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(times) if times else None,
        {name: np.concatenate([part.money[name] for part in parts]) for name in parts[0].money},
        np.concatenate(weights) if weights else None,
    )


def row_hash(matrix: NDArray[np.float32], seed: int) -> NDArray[np.uint64]:
    """Return an evenly spread hash of each row's content, shape (n,); equal rows have equal hashes.

    Source: the finaliser of SplitMix64, G. Steele, D. Lea & C. Flood (2014), OOPSLA.
    """
    # Adding 0 makes -0 and 0 one value, and there is one NaN only.
    bits = np.where(np.isnan(matrix), np.float32(np.nan), matrix + np.float32(0)).view(np.uint32)
    state = np.full(len(matrix), seed % 2**64, dtype=np.uint64)
    for column in range(matrix.shape[1]):
        state = _mix(state ^ (bits[:, column].astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)))
    return state


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _recent(data: TrainingData, window: str) -> TrainingData:
    if window == "all" or data.times is None:
        return data
    first = data.times[-1] - np.timedelta64(int(duration(window).total_seconds()), "s")
    return data.take(slice(int(np.searchsorted(data.times, first)), data.rows))


def _cut(data: TrainingData, at: int) -> int:
    return at if data.times is None else _clean_cut(data.times, at)


def _clean_cut(times: NDArray[np.datetime64], at: int) -> int:
    """Move a cut to the beginning of its day, unless that day is so long that the cut would wander."""
    if not 0 < at < len(times):
        return at
    start = int(np.searchsorted(times, times[at].astype("datetime64[D]").astype(times.dtype)))
    return start if at - start <= (len(times) - at) // 2 and start > len(times) // 2 else at


def _is_enough(part: TrainingData, task: Task) -> bool:
    if part.rows < _MIN_PART_ROWS:
        return False
    return task is not Task.BINARY or min(part.labels.sum(), part.rows - part.labels.sum()) >= _MIN_PART_CLASS
