"""The alarm for anybody's windows, without a project: frames in, one judgement a window out.

`from daytwo.monitoring import watch` is the public door. Each window is one block of `alarm.py`, compared with a
reference cut into windows of the same kind; in a project `judge.py` adds performance, labels and money.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from msgspec.structs import replace
from numpy.typing import NDArray

from daytwo.core.errors import DataError, SettingsError
from daytwo.core.finding import Finding, Severity
from daytwo.core.schema import Schema
from daytwo.monitoring.alarming.alarm import MIN_HISTORY, Alarm, AlarmState, fastest, start, step
from daytwo.monitoring.alarming.channels import Moments, channels, correlations
from daytwo.monitoring.alarming.neighbours import resembling
from daytwo.monitoring.alarming.signed import Expected, learn_expected, name_strays, strongest_pair
from daytwo.monitoring.frames import as_polars, encode, schema_of, scores_of, together
from daytwo.monitoring.judging.causes import Cause, column_cause
from daytwo.monitoring.judging.reference import build_layout
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout, Profile, merge, profile

_WORDS = {
    "prediction": "the predictions are distributed otherwise",
    "dependence": "columns move together otherwise than before",
    "pair": "two columns move together otherwise than before",
    "volume": "the number of rows is unusual",
}
_DIRECTIONS = {"up", "down", "wide", "narrow"}
_Read = Callable[[pl.DataFrame], tuple[NDArray[np.float32], Floats]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one window showed: `alarm` says whether something changed, `findings` what, most moved first.

    `window` counts from 0. `warming` is true where the history is too short to alarm at all. `channels` holds the
    numbers the alarm heard (`channels.py`, `signed.py`); `allowed` is the budget in false alarms per window, `spent`
    counts the alarms so far.
    """

    window: int
    rows: int
    alarm: bool
    findings: tuple[Finding, ...]
    warming: bool
    channels: Mapping[str, float]
    allowed: float
    spent: int


@dataclass(frozen=True, slots=True)
class _Normal:
    layout: Layout
    whole: Profile
    moments: Moments
    typical_rows: int

    expected: Expected

    def distances(self, part: Profile, rest: Profile, moments: Moments) -> dict[str, float]:
        heard = channels(part, rest, moments, self.layout, typical_rows=self.typical_rows)
        return heard | {"pair": float(f"{strongest_pair(part, moments):.6g}")}

    def compare(self, part: Profile) -> dict[str, float]:
        return self.distances(part, self.whole, self.moments) | self.expected.strays(part, self.layout)


def watch(
    reference: Any,
    windows: Iterable[Any],
    *,
    features: Sequence[str],
    score: str = "score",
    budget: str = "1 per 90 windows",
) -> Iterator[Judgement]:
    """Watch windows of rows for change, within a budget of false alarms.

    Parameters
    ----------
    reference : a frame with a column `window`, or a sequence of frames
        Windows in which all was well, oldest first (with a column, in its sorted order). Thirty or more are a good
        history; with fewer than ten nothing can be alarmed until ten are known.
    windows : iterable of frames
        The windows to judge, in order; they may come as a stream, and are read one at a time.
    features : names of columns
        Numbers, truths or texts. A column that a later window lacks counts as missing there.
    score : name of the column with the model's answers
    budget : `N per M windows`
        False alarms bearable, over all columns together.

    Yields
    ------
    Judgement
        One per window, in order; `.alarm` and `.findings` say what changed.

    Raises
    ------
    DataError
        If the reference has no rows, or lacks a feature or the score.
    SettingsError
        If the budget is no rate per windows.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> def day(shift):
    ...     return pl.DataFrame({"km": draw.normal(shift, 1, 500), "score": draw.random(500)})
    >>> usual, coming = [day(0) for _ in range(40)], [day(0), day(0), day(2)]
    >>> [found.alarm for found in watch(usual, coming, features=["km"])]
    [False, False, True]

    Source: `alarm.py` and `signed.py` name those of the method.
    """
    allowed = _per_window(budget)
    frames = _reference_frames(reference)
    schema = schema_of(together(frames, features), features)
    normal, state = _learn([(encode(frame, schema), scores_of(frame, score)) for frame in frames], schema)
    return _judge_all(windows, lambda f: (encode(f, schema), scores_of(f, score)), normal, state, allowed)


def _per_window(budget: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+per\s+(?:(\d+)\s+)?windows?\s*", budget)
    rate = float(match[1]) / int(match[2] or 1) if match and int(match[2] or 1) else 0.0
    if not 0 < rate <= 1:
        raise SettingsError(f"{budget!r} is no budget of false alarms", hint="Write such as '1 per 90 windows'")
    return rate


def _reference_frames(reference: Any) -> list[pl.DataFrame]:
    if isinstance(reference, Sequence):
        frames = [as_polars(frame) for frame in reference]
    else:
        whole = as_polars(reference)
        if "window" not in whole.columns:
            raise DataError(
                "the reference has no column `window`",
                hint="Add one that numbers the windows, or give a list of frames",
            )
        frames = whole.sort("window", maintain_order=True).partition_by("window", maintain_order=True)
    frames = [frame for frame in frames if frame.height]
    if not frames:
        raise DataError("a reference needs rows", hint="Give windows in which all was well")
    return frames


def _learn(blocks: list[tuple[NDArray[np.float32], Floats]], schema: Schema) -> tuple[_Normal, AlarmState]:
    matrix, scores = (np.concatenate(part) for part in zip(*blocks, strict=True))
    layout = build_layout(matrix, scores, schema)
    parts = [profile(rows, said, layout) for rows, said in blocks]
    whole = merge(layout, parts)
    matrices = [correlations(part) for part in parts]
    moments = Moments(len(parts), np.sum(matrices, axis=0), np.sum([m**2 for m in matrices], axis=0))
    sizes = [part.rows for part in parts]
    expected, errors = learn_expected(parts, layout)
    normal = _Normal(layout, whole, moments, int(np.median(sizes)), expected)
    if len(parts) < 2:
        return normal, start(tuple(normal.compare(parts[0])), ())
    rows = [
        normal.distances(part, whole - part, moments.without(matrix)) | name_strays(error, layout)
        for part, matrix, error in zip(parts, matrices, errors, strict=True)
    ]
    history = tuple(tuple(row.values()) for row in rows)
    state = start(tuple(rows[0]), history)
    alive = np.array(history)[:, np.ptp(history, axis=0) > 0]
    apart = resembling(alive) if alive.size else 1
    return normal, replace(state, lag=max(state.lag, apart))


def _judge_all(
    windows: Iterable[Any], read: _Read, normal: _Normal, state: AlarmState, allowed: float
) -> Iterator[Judgement]:
    for number, frame in enumerate(windows):
        matrix, scores = read(as_polars(frame))
        if not len(matrix):
            empty = Finding("monitor.silent", f"window {number}", Severity.WARNING, f"window {number} has no rows")
            yield Judgement(number, 0, False, (empty,), False, {}, allowed, state.alarms)
            continue
        part = profile(matrix, scores, normal.layout)
        heard = normal.compare(part)
        warming = len(state.history) < MIN_HISTORY
        state, alarm = step(state, heard, per_block=allowed, label=f"window {number}")
        findings = _findings(alarm, normal, part, matrix) if alarm else ()
        if warming:
            wait = fastest(state, per_block=allowed)
            text = f"{len(state.history)} windows known: an alarm by ranks alone needs {wait} more"
            findings = (*findings, Finding("monitor.warming", f"window {number}", Severity.INFO, text))
        yield Judgement(number, part.rows, alarm is not None, findings, warming, heard, allowed, state.alarms)


def _findings(alarm: Alarm, normal: _Normal, part: Profile, matrix: NDArray[np.float32]) -> tuple[Finding, ...]:
    """One finding per column or concern that moved, the most moved first."""
    found: dict[str, Finding] = {}
    names = [bins.name for bins in normal.layout.columns]
    for moved in alarm.moved:
        kind, _, column = moved.channel.partition(":")
        kind = "column" if kind in _DIRECTIONS else kind
        cause = Cause(kind, _WORDS.get(kind, ""))
        if column:
            cause = column_cause(normal.layout, normal.whole, part, matrix, names.index(column))
        subject = column or kind
        evidence = {"cause": cause.kind, "channel": moved.channel, "value": moved.value, "usual": moved.usual}
        evidence |= {"distance": moved.distance, "evidence": alarm.evidence, "needed": alarm.needed}
        text = f"{subject} moved since {alarm.since}: {cause.words}"
        finding = Finding(f"drift.{kind}", subject, Severity.WARNING, text, evidence=evidence)
        found.setdefault(subject, finding)
    return tuple(found.values())
