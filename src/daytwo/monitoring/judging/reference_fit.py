"""The reference is learnt: from the rows that a model was made of, cut into blocks like those that will be judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task
from daytwo.monitoring.alarming.attribution import Attribution, Reasons, learn_attribution, rows_to_ask, sampled
from daytwo.monitoring.alarming.blocks import Block, Times, choose_block, split
from daytwo.monitoring.alarming.calendar import choose_calendar, phase_of
from daytwo.monitoring.alarming.channels import channels
from daytwo.monitoring.alarming.filtering_fit import learn_filter
from daytwo.monitoring.alarming.strangers import learn_known
from daytwo.monitoring.alarming.volumes import Volumes, volumes_in_time
from daytwo.monitoring.estimating.performance import Answers, Estimate, realised
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.judging.side import Side, side_of
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout, Profile, merge, profile

# A phase's tables hold so many numbers at most, over all phases: some four million bytes.
_MOST_IN_PHASES = 250_000
# A first or last day that is cut in two is no measure of a day.
_WHOLE_BLOCK = 0.5


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
    reasons: Reasons | None = None,
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
    reasons : function of rows, optional
        What each column contributes to the model's score of each row; without it the reasons are not watched.

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
    known, strangers = learn_known([matrix[rows] for rows in pieces], layout)
    parts = [profile(matrix[rows], answers.scores[rows], layout) for rows in pieces]
    full = _full(parts, block)
    whole = merge(layout, parts)
    parts, pieces = [parts[i] for i in full], [pieces[i] for i in full]
    starts = [times[rows].min() for rows in pieces] if times is not None and block.is_time else []
    calendar, marks = _phases(parts, starts, block)
    volumes = volumes_in_time([part.rows for part in parts], starts, seconds=block.seconds) if starts else Volumes()
    always = Side(whole, side_of(parts, layout).moments)
    phases = {
        mark: side_of([part for part, own in zip(parts, marks, strict=True) if own == mark], layout)
        for mark in sorted(set(marks))
        if calendar
    }
    blocks = [matrix[rows] for rows in pieces]
    filtered, faulty = learn_filter(blocks, marks, layout) or (None, [{}] * len(full))
    attribution, weighed = _attribution(blocks, layout, reasons)
    more = [strangers[i] | one | fault for i, one, fault in zip(full, weighed, faulty, strict=True)]
    for found, part, start in zip(more, parts, starts, strict=False):
        found["volume"] = volumes.channel(part.rows, volumes.at(start), is_own=True)
    names, history = _history(parts, [phases.get(mark, always) for mark in marks], more, layout)
    return Reference(
        task=task,
        layout=layout,
        block=block,
        rows=whole.rows,
        counts=_table(whole.counts),
        correlation_sum=_table(always.moments.total),
        correlation_squares=_table(always.moments.squares),
        blocks=always.moments.blocks,
        channel_names=names,
        history=history,
        performance=_performance(answers, labels, held_out, task),
        code_sums=_table(whole.code_sums[None, :])[0],
        products=_table(whole.products),
        known=known,
        calendar=calendar,
        phases=phases,
        filter=filtered,
        attribution=attribution,
        volumes=volumes,
    )


def _full(parts: Sequence[Profile], block: Block) -> list[int]:
    """Return which blocks are whole; those within are, however few rows they have."""
    inner = range(1, len(parts) - 1)
    least = _WHOLE_BLOCK * block.typical_rows
    return [i for i, part in enumerate(parts) if i in inner or part.rows >= least] or [*range(len(parts))]


def _attribution(
    blocks: Sequence[NDArray[np.floating]], layout: Layout, reasons: Reasons | None
) -> tuple[Attribution | None, list[dict[str, float]]]:
    if reasons is None:
        return None, [{}] * len(blocks)
    most = rows_to_ask(len(blocks))
    given = [reasons(block[sampled(len(block), most)]) for block in blocks]
    return learn_attribution(given, [bins.name for bins in layout.columns], looked_at=most)


def _phases(parts: Sequence[Profile], starts: Sequence[np.datetime64[Any]], block: Block) -> tuple[str, list[str]]:
    """Return the calendar by which blocks differ, and each block's phase; "" where there is none."""
    if not starts:
        return "", [""] * len(parts)
    shares = np.array([part.counts.ravel() / part.rows for part in parts])
    most = _MOST_IN_PHASES // max(parts[0].products.size, 1)
    calendar = choose_calendar(block.seconds, starts, shares, most=most)
    return calendar, [phase_of(calendar, moment) for moment in starts]


def _history(
    parts: Sequence[Profile], sides: Sequence[Side], more: Sequence[dict[str, float]], layout: Layout
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    """Compare each block with all the others on its side; `more` are channels of it that are known already."""
    if len(parts) < 2:
        return tuple(channels(parts[0], sides[0].whole, sides[0].moments, layout) | more[0]), ()
    others = [side.without(part) for part, side in zip(parts, sides, strict=True)]
    rows = [
        channels(part, side.whole, side.moments, layout) | one
        for part, side, one in zip(parts, others, more, strict=True)
    ]
    return tuple(rows[0]), tuple(tuple(row.values()) for row in rows)


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
