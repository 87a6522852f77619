"""The reference: what normal looks like for one model, kept in its bundle as `reference.json`.

Made once at training time; holds the bins, the counts, how much each channel moved between the reference's own
blocks (so that an alarm knows normal from the start), and the performance that later windows are held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task
from daytwo.monitoring.alarming.blocks import Block, Times, choose_block, split
from daytwo.monitoring.alarming.channels import Moments, channels, correlations
from daytwo.monitoring.alarming.strangers import Known, learn_known
from daytwo.monitoring.estimating.performance import Answers, Estimate, realised
from daytwo.monitoring.profiles.bins import Bins, Floats, feature_bins, number_bins
from daytwo.monitoring.profiles.profile import Layout, Profile, merge, profile

# A first or last day that is cut in two is no measure of a day.
_WHOLE_BLOCK = 0.5


class Reference(msgspec.Struct, frozen=True):
    """What normal looks like.

    `history` holds one row of channel values per reference block, oldest first, in the order of `channel_names`; each
    block was compared with all the others, never with itself. `performance` is (value, standard error) of each
    metric on the labelled held-out rows; money is per row. References made before `code_sums`, `products` and `known`
    were kept have none, and hear nothing of what those tell.
    """

    task: Task
    layout: Layout
    block: Block
    rows: int
    counts: tuple[tuple[float, ...], ...]
    correlation_sum: tuple[tuple[float, ...], ...]
    correlation_squares: tuple[tuple[float, ...], ...]
    blocks: int
    channel_names: tuple[str, ...]
    history: tuple[tuple[float, ...], ...]
    performance: dict[str, tuple[float, float]]
    code_sums: tuple[float, ...] = ()
    products: tuple[tuple[float, ...], ...] = ()
    known: Known = Known()

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in order."""
        return tuple(bins.name for bins in self.layout.columns)

    @property
    def whole(self) -> Profile:
        """The profile of all reference rows; sums and squares of raw values are not kept."""
        d = len(self.layout.columns)
        counts = np.asarray(self.counts, dtype=np.float64)
        sums = np.asarray(self.code_sums) if self.code_sums else np.zeros(d)
        products = np.asarray(self.products) if self.products else np.zeros((d, d))
        return Profile(self.rows, counts, np.zeros(d), np.zeros(d), sums, products)

    @property
    def moments(self) -> Moments:
        """How columns moved together, block by block."""
        return Moments(self.blocks, np.asarray(self.correlation_sum), np.asarray(self.correlation_squares))

    def compare(self, part: Profile, matrix: NDArray[np.floating]) -> dict[str, float]:
        """Return the channels of a new block, its profile and its rows, against this reference."""
        typical = self.block.typical_rows if "volume" in self.channel_names else 0
        found = channels(part, self.whole, self.moments, self.layout, typical_rows=typical)
        return found | self.known.strangers(matrix)

    def to_json(self) -> bytes:
        """Return the reference as JSON; equal references give equal bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, text: bytes) -> Reference:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(text, type=cls)


def build_reference(
    matrix: NDArray[np.floating],
    answers: Answers,
    schema: Schema,
    *,
    task: Task,
    labels: ArrayLike | None = None,
    times: Times | None = None,
    held_out: ArrayLike | None = None,
    window: timedelta | None = None,
) -> Reference:
    """Learn what normal looks like from the rows a model was made of.

    Parameters
    ----------
    matrix : shape (n, d)
        Feature matrix, oldest row first.
    answers : Answers
        The model's calibrated scores on these rows, and decisions and payoffs where known.
    labels : shape (n,), optional
        Known outcomes; without them there is no performance to hold later windows against.
    times : datetime64, shape (n,), optional
        Without times, blocks are runs of rows.
    held_out : mask of shape (n,), optional
        Rows the model was not trained on; performance is taken from these alone. Default: all.
    window : timedelta, optional
        How long the windows are that will be judged; blocks divide it.

    Raises
    ------
    DataError
        If there are no rows.
    """
    if not len(matrix):
        raise DataError("a reference needs rows", hint="Give the rows that the model was trained on")
    layout = build_layout(matrix, np.asarray(answers.scores, dtype=np.float64), schema)
    block = choose_block(len(matrix), times, window)
    pieces = split(len(matrix), times, block)
    parts = [profile(matrix[rows], answers.scores[rows], layout) for rows in pieces]
    whole = merge(layout, parts)
    known, strangers = learn_known([matrix[rows] for rows in pieces], layout)
    full = [i for i, part in enumerate(parts) if part.rows >= _WHOLE_BLOCK * block.typical_rows] or [*range(len(parts))]
    names, history, moments = _history([parts[i] for i in full], [strangers[i] for i in full], whole, layout, block)
    return Reference(
        task=task,
        layout=layout,
        block=block,
        rows=whole.rows,
        counts=_table(whole.counts),
        correlation_sum=_table(moments.total),
        correlation_squares=_table(moments.squares),
        blocks=moments.blocks,
        channel_names=names,
        history=history,
        performance=_performance(answers, labels, held_out, task),
        code_sums=_table(whole.code_sums[None, :])[0],
        products=_table(whole.products),
        known=known,
    )


def build_layout(matrix: NDArray[np.floating], scores: Floats, schema: Schema) -> Layout:
    """Fix the bins of every column and of the score, and the number each bin stands for in correlations.

    A number's bin stands for its middle rank, a level for the rank of its mean score, so that dependence is seen
    between columns of any kind and no single extreme value rules it.
    """
    columns = tuple(feature_bins(feature, matrix[:, i]) for i, feature in enumerate(schema.features))
    codes = tuple(_bin_codes(bins, matrix[:, i], scores) for i, bins in enumerate(columns))
    return Layout(columns, number_bins("score", scores), codes)


def _bin_codes(bins: Bins, values: NDArray[np.floating], scores: Floats) -> tuple[float, ...]:
    index = bins.codes(values)
    counts = np.bincount(index, minlength=bins.size + 1)[: bins.size].astype(np.float64)
    if not counts.sum():
        return (0.0,) * bins.size
    order = np.arange(bins.size)
    if bins.is_category:
        sums = np.bincount(index, weights=np.nan_to_num(scores), minlength=bins.size + 1)[: bins.size]
        order = np.argsort(sums / np.maximum(counts, 1), kind="stable")
    share = counts / counts.sum()
    middle = np.empty(bins.size)
    middle[order] = np.cumsum(share[order]) - share[order] / 2
    mean = float(share @ middle)
    spread = float(np.sqrt(share @ (middle - mean) ** 2))
    codes = (middle - mean) / spread if spread > 1e-9 else np.zeros(bins.size)
    if bins.is_category:
        codes[-1] = 0.0
    return tuple(float(f"{code:.6g}") for code in codes)


def _history(
    parts: list[Profile], strangers: list[dict[str, float]], whole: Profile, layout: Layout, block: Block
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...], Moments]:
    """Compare each block with all the others."""
    matrices = [correlations(part) for part in parts]
    total, squares = sum(matrices), sum(matrix**2 for matrix in matrices)
    moments = Moments(len(parts), np.asarray(total), np.asarray(squares))
    typical = block.typical_rows if block.is_time else 0
    if len(parts) < 2:
        found: Mapping[str, float] = channels(parts[0], whole, moments, layout, typical_rows=typical)
        return tuple(found), (), moments
    rows = [
        channels(part, whole - part, moments.without(matrix), layout, typical_rows=typical) | strange
        for part, matrix, strange in zip(parts, matrices, strangers, strict=True)
    ]
    return tuple(rows[0]), tuple(tuple(row.values()) for row in rows), moments


def _performance(
    answers: Answers, labels: ArrayLike | None, held_out: ArrayLike | None, task: Task
) -> dict[str, tuple[float, float]]:
    if labels is None:
        return {}
    y = np.asarray(labels, dtype=np.float64)
    if held_out is not None:
        rows = np.flatnonzero(np.asarray(held_out, dtype=bool))
        answers, y = answers.take(rows), y[rows]
    found: dict[str, Estimate] = realised(answers, y, task=task)
    labelled = max(int(np.count_nonzero(~np.isnan(y))), 1)
    scale = {name: labelled if name == "money" else 1 for name in found}
    return {name: (e.value / scale[name], e.standard_error / scale[name]) for name, e in found.items()}


def _table(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{value:.9g}") for value in row) for row in matrix)
