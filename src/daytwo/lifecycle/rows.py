"""Rows as the flows need them: what was predicted in a window, and everything labelled that a model may learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.event_times import times_of
from daytwo.contracts.labels import label_of
from daytwo.core.errors import DataError, SettingsError
from daytwo.lifecycle.system import System
from daytwo.predictions.labels import join_labels
from daytwo.predictions.record import ANSWERED, HOLDOUT
from daytwo.training.dataset import TrainingData
from daytwo.training.weights import checked_weights

DATASET = "dataset"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LiveRows:
    """Answered rows in order of event time; labels are NaN where none has come. Arrays of shape (n,) or (n, d)."""

    frame: pl.DataFrame
    matrix: NDArray[np.float32]
    times: NDArray[np.datetime64]
    labels: Floats

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def scores(self) -> Floats:
        """What was answered."""
        return self.frame["_score"].to_numpy()

    @property
    def acts(self) -> Floats:
        """What was told: 1 to act, 0 not to."""
        return self.frame["_act"].cast(pl.Float64).fill_null(0.0).to_numpy()

    @property
    def held(self) -> NDArray[np.bool_]:
        """Whether the row's subject is of the holdout group: no version acts on it."""
        return (self.frame["_arm"] == HOLDOUT).to_numpy()

    @property
    def days(self) -> NDArray[np.int64]:
        """The day of each row, for figures whose rows share a day's weather."""
        return self.times.astype("datetime64[D]").astype(np.int64)

    def column(self, name: str) -> NDArray[np.generic]:
        """Return a column that the payoff reads: numbers with NaN, truths, or texts with None."""
        return as_array(self.frame, name)

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> LiveRows:
        """Return some of the rows, by mask or place, in their order."""
        places = np.flatnonzero(which) if which.dtype == bool else which
        return LiveRows(self.frame[places], self.matrix[places], self.times[places], self.labels[places])

    def labelled(self) -> LiveRows:
        """Return the rows whose label has come."""
        return self.take(~np.isnan(self.labels))


def as_array(frame: pl.DataFrame, name: str) -> NDArray[np.generic]:
    """Return one column as an array: numbers as float64 with NaN for null, texts as objects with None."""
    if name not in frame.columns:
        raise DataError(
            f"[value] or [gate] sensitive reads the column {name!r}, which the rows do not have",
            hint="Name a column of the contract there, in daytwo.toml",
        )
    series = frame[name]
    if series.dtype.is_numeric():
        return series.cast(pl.Float64).to_numpy()
    return (
        series.to_numpy()
        if series.dtype == pl.Boolean and not series.null_count()
        else np.array(series.to_list(), dtype=object)
    )


def live_rows(
    system: System,
    contract: Contract,
    money: Sequence[str],
    start: datetime | None,
    end: datetime | None,
    *,
    only: pl.Expr | None = None,
) -> LiveRows:
    """Return the rows that a model (not the fallback) answered, with event times in [`start`, `end`).

    None for a bound sets none; `only` leaves out rows for which it does not hold.
    """
    wanted = pl.col("_arm").is_in(ANSWERED)
    if end is not None:
        wanted &= pl.col("_time") < end
    if start is not None:
        wanted &= pl.col("_time") >= start
    if only is not None:
        wanted &= only
    columns = ["_id", "_key", "_time", "_score", "_act", "_version", "_arm"]
    columns += [name for name in dict.fromkeys([*contract.features.names, *money]) if name not in columns]
    if system.tables.version("predictions") is None:
        frame = pl.DataFrame(schema=dict.fromkeys(columns, pl.Float64)).with_columns(
            pl.col("_id", "_key").cast(pl.String), pl.col("_time").cast(pl.Datetime("us", "UTC"))
        )
    else:
        frame = system.tables.read("predictions", columns=columns, where=wanted)
    # A row that came twice (a replay after a replay) counts once, the newest answer.
    frame = frame.sort("_time", "_key", "_id", nulls_last=True)
    keyed = frame.filter(pl.col("_key").is_not_null()).unique("_key", keep="last", maintain_order=True)
    frame = pl.concat([keyed, frame.filter(pl.col("_key").is_null())]).sort("_time", "_key", "_id", nulls_last=True)
    # Joined by themselves: a column of the user's may be called "label" too.
    joined = join_labels(frame.select("_id", "_key"), system.tables.read("labels"), as_of=None)
    times = frame["_time"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    labels = joined["label"].cast(pl.Float64).to_numpy()
    matrix = (
        Encoder(contract).matrix(frame) if frame.height else np.zeros((0, len(contract.features.names)), np.float32)
    )
    return LiveRows(frame, matrix, times, labels.astype(np.float64))


def history(system: System, contract: Contract, money: Sequence[str], until: datetime) -> TrainingData:
    """Return every labelled row that is known by `until`: ingested ones and answered ones whose label has come.

    Rows that were answered bear no weight of their own, and count as the mean of those that do.
    """
    old = system.tables.read(DATASET)
    if not old.width:
        raise DataError("there are no rows to learn from yet", hint="Run 'daytwo ingest' first")
    has_time = contract.time is not None
    labels = label_of(contract, old)
    times = times_of(contract, old) if has_time else np.zeros(old.height, "datetime64[us]")
    parts = [(Encoder(contract).matrix(old), labels, times, {name: as_array(old, name) for name in money})]
    if system.tables.version("predictions") is not None:
        live = live_rows(system, contract, money, None, until).labelled()
        if live.rows:
            columns = {name: live.column(name) for name in money}
            parts.append((live.matrix, live.labels, live.times, columns))
    matrix = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    times = np.concatenate([part[2] for part in parts])
    columns = {name: np.concatenate([part[3][name] for part in parts]) for name in money}
    known = ~np.isnan(labels)
    if has_time:
        known &= ~np.isnat(times) & (times < np.datetime64(until.replace(tzinfo=None), "us"))
        order = np.flatnonzero(known)[np.argsort(times[known], kind="stable")]
    else:
        order = np.flatnonzero(known)
    return TrainingData(
        contract.features,
        np.ascontiguousarray(matrix[order], dtype=np.float32),
        labels[order],
        times[order] if has_time else None,
        {name: column[order] for name, column in columns.items()},
        _weights(system.settings.train.weight, contract, old, len(labels), order),
    )


def _weights(
    name: str, contract: Contract, old: pl.DataFrame, rows: int, order: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Return how much each row counts, of which the first are those of `old`; None where no column says so."""
    if not name:
        return None
    if name in contract.features.names:
        raise SettingsError(
            f"[train] weight names {name!r}, which is a feature: the model would learn from how much a row counts",
            hint="Give that column the role 'ignored' in contract.toml; it need not be there when rows are answered",
        )
    if name not in old.columns or not old[name].dtype.is_numeric():
        problem = "is no number" if name in old.columns else "the rows do not have"
        raise DataError(
            f"[train] weight names the column {name!r}, which {problem}",
            hint="Name a column of the data that says how much a row counts, or leave it empty",
        )
    weights = np.full(rows, np.nan)
    weights[: old.height] = old[name].cast(pl.Float64).to_numpy()
    return checked_weights(weights[order], name)
