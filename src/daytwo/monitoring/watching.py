"""The alarm for anybody's windows, without a project: frames in, one judgement a window out.

`from daytwo.monitoring import watch` is the public door. Each window is one block of `alarm.py`, compared with a
reference cut into windows of the same kind (`judging/normal.py`); in a project `judge.py` adds performance, labels
and money.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.core.errors import DataError, SettingsError
from daytwo.core.finding import Finding, Severity
from daytwo.core.schema import Schema
from daytwo.monitoring.alarming.alarm import Alarm, AlarmState, acknowledge, fastest, start, step, unlearnt
from daytwo.monitoring.alarming.attribution import rows_to_ask, sampled
from daytwo.monitoring.frames import as_polars, encode, schema_of, scores_of, together
from daytwo.monitoring.judging.moved import explain_moved, telling
from daytwo.monitoring.judging.normal import Normal, Rows, learn_normal
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Profile, profile


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one window showed: `alarm` says whether something changed, `findings` what, most moved first.

    `window` counts from 0. `warming` is true where too little is known for some channel to alarm; a finding says which
    and for how long. `channels` holds the numbers the alarm heard (`channels.py`, `strangers.py`); `allowed` is the
    budget in false alarms per window, `spent` counts the alarms so far.
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
class Reader:
    """How frames are read: as feature matrix, scores and phase."""

    schema: Schema
    score: str
    phase: str | None
    reasons: Callable[[pl.DataFrame], Any] | None = None

    def given(self, frame: pl.DataFrame, most: int) -> Floats | None:
        """Return what each feature contributes to the scores of at most so many rows; None where nobody says."""
        if self.reasons is None:
            return None
        there = frame.columns
        columns = [pl.col(name) if name in there else pl.lit(None).alias(name) for name in self.schema.names]
        rows = frame[sampled(frame.height, most)].select(columns)
        return np.asarray(self.reasons(rows), dtype=np.float64)

    def read(self, frame: pl.DataFrame) -> Rows:
        """Return what the alarm needs of a frame; a window's phase is that of its first row."""
        phase = None if self.phase is None or not frame.height else frame[self.phase][0]
        return encode(frame, self.schema), scores_of(frame, self.score), phase


class Watcher(Iterator[Judgement]):
    """The judgements of windows to come, one at a time; `watch` makes it. `name_of` says how findings call a window."""

    def __init__(
        self, windows: Iterable[Any], reader: Reader, normal: Normal, state: AlarmState, allowed: float
    ) -> None:
        self._windows = iter(windows)
        self._reader, self._normal, self._allowed = reader, normal, allowed
        self._state, self._number = state, 0
        self.name_of: Callable[[int], str] = "window {}".format

    def __next__(self) -> Judgement:
        """Judge the next window."""
        frame = as_polars(next(self._windows))
        number, self._number = self._number, self._number + 1
        _check_phase(frame, self._reader.phase)
        matrix, scores, phase = self._reader.read(frame)
        if not len(matrix):
            name = self.name_of(number)
            empty = Finding("monitor.silent", name, Severity.WARNING, f"{name} has no rows")
            return Judgement(number, 0, False, (empty,), False, {}, self._allowed, self._state.alarms)
        part = profile(matrix, scores, self._normal.layout)
        known = self._normal.attribution
        given = None if known is None else self._reader.given(frame, known.looked_at)
        heard = self._normal.compare(part, matrix, phase, given)
        dumb = unlearnt(self._state, tuple(heard))
        before = self._state
        self._state, alarm = step(before, heard, per_block=self._allowed, label=self.name_of(number))
        findings = _findings(alarm, self._normal, part, matrix, phase) if alarm else ()
        if dumb:
            findings = (*findings, _warming(before, dumb, self._allowed, self.name_of(number)))
        spent = self._state.alarms
        return Judgement(number, part.rows, alarm is not None, findings, bool(dumb), heard, self._allowed, spent)

    @property
    def reader(self) -> Reader:
        """How frames are read."""
        return self._reader

    @property
    def normal(self) -> Normal:
        """What windows are compared with."""
        return self._normal

    @property
    def heard(self) -> Mapping[str, tuple[float, ...]]:
        """Every channel's values in the windows known so far, the reference's first; left out where unknown."""
        return {
            name: tuple(row[i] for row in self._state.history if row[i] is not None)  # type: ignore[misc]
            for i, name in enumerate(self._state.names)
        }

    def acknowledge(self) -> None:
        """Take the last alarm's change as the new normal: what moved is learnt anew from the windows since then.

        Its channels stay silent until ten windows of it are known; all bets begin again. Without an alarm that is
        open nothing happens. A change that is not acknowledged is not alarmed again either, until its channels have
        been as usual for seven windows.
        """
        self._state = acknowledge(self._state)


def watch(
    reference: Any,
    windows: Iterable[Any],
    *,
    features: Sequence[str],
    score: str = "score",
    budget: str = "1 per 90 windows",
    phase: str | None = None,
    reasons: Callable[[pl.DataFrame], Any] | None = None,
) -> Watcher:
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
    phase : name of a column, optional
        One value a window, such as its weekday: the window is compared with the reference's windows of that value
        where there are four or more, else with all.
    reasons : function of a Polars frame of the features, optional
        What each feature contributes to the score of each row, shape (rows, features), such as Shapley values of any
        model: then drift of the reasons is heard too. It is asked for at most 500 rows of a window.

    Returns
    -------
    Iterator of Judgement
        One per window, in order; `.alarm` and `.findings` say what changed. `acknowledge()` of the iterator takes the
        last alarm's change as the new normal.

    Raises
    ------
    DataError
        If the reference has no rows, or lacks a feature, the score or the phase.
    SettingsError
        If the budget is no rate per windows.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> def day(shift):
    ...     return pl.DataFrame({"km": draw.normal(shift, 1, 500), "score": draw.random(500)})
    >>> usual, coming = [day(0) for _ in range(40)], [day(0), day(0), day(2), day(2)]
    >>> [found.alarm for found in watch(usual, coming, features=["km"])]
    [False, False, False, True]

    Source: `alarm.py` and `betting.py` name those of the method.
    """
    allowed = per_window(budget)
    frames = reference_frames(reference)
    for frame in frames:
        _check_phase(frame, phase)
    reader = Reader(schema_of(together(frames, features), features), score, phase, reasons)
    given = [one for frame in frames if (one := reader.given(frame, rows_to_ask(len(frames)))) is not None]
    normal, rows = learn_normal([reader.read(frame) for frame in frames], reader.schema, given)
    names = tuple(rows[0]) if rows else ()
    state = start(names, tuple(tuple(row[name] for name in names) for row in rows))
    return Watcher(windows, reader, normal, state, allowed)


def per_window(budget: str) -> float:
    """Read a budget such as `1 per 90 windows` as false alarms per window, in (0, 1]."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+per\s+(?:(\d+)\s+)?windows?\s*", budget)
    rate = float(match[1]) / int(match[2] or 1) if match and int(match[2] or 1) else 0.0
    if not 0 < rate <= 1:
        raise SettingsError(f"{budget!r} is no budget of false alarms", hint="Write such as '1 per 90 windows'")
    return rate


def reference_frames(reference: Any) -> list[pl.DataFrame]:
    """Return the reference's windows that have rows, oldest first."""
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


def _check_phase(frame: pl.DataFrame, phase: str | None) -> None:
    if phase is not None and phase not in frame.columns:
        raise DataError(f"there is no column {phase} for the phase", hint=f"The frame has {', '.join(frame.columns)}")


def _warming(state: AlarmState, dumb: Sequence[str], allowed: float, name: str) -> Finding:
    if len(dumb) >= len(state.names):
        wait = fastest(state, per_block=allowed)
        text = f"{len(state.history)} windows known: an alarm needs {wait} more that all stand out"
    else:
        columns = dict.fromkeys(name.partition(":")[2] or name for name in dumb)
        text = f"silent until ten windows since the acknowledged change are known: {', '.join(columns)}"
    return Finding("monitor.warming", name, Severity.INFO, text)


def _findings(
    alarm: Alarm, normal: Normal, part: Profile, matrix: NDArray[np.float32], phase: Hashable
) -> tuple[Finding, ...]:
    """One finding per column or concern that moved, the most moved first."""
    found: dict[str, Finding] = {}
    side = normal.side(phase)
    for moved in telling(alarm.moved):
        kind, subject, cause = explain_moved(moved, normal.layout, side.whole, side.moments, part, matrix)
        evidence = {"cause": cause.kind, "channel": moved.channel, "value": moved.value, "usual": moved.usual}
        evidence |= {"distance": moved.distance, "evidence": alarm.evidence, "needed": alarm.needed}
        text = f"{subject} moved since {alarm.since}: {cause.words}"
        finding = Finding(f"drift.{kind}", subject, Severity.WARNING, text, evidence=evidence)
        found.setdefault(subject, finding)
    return tuple(found.values())
