"""What the last windows would have looked like, had a model been made before each: trained on the past, judged on it.

Each window is predicted by a quick model (`challenger.py`) that learned only from rows whose labels were known when the
window began. Pure: rows and the version to compare with are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.settings import Settings
from daytwo.scoring.payoff import Payoff
from daytwo.training.challenger import train_challenger
from daytwo.training.dataset import TrainingData, join
from daytwo.training.evaluate import Evaluation, Loss, answers, evaluate, paired_loss

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rival:
    """The version to compare with: how it scores rows, and the newest row it has `seen`, None where that is unknown."""

    score_many: Callable[[NDArray[np.float32]], Floats]
    seen: np.datetime64 | None


@dataclass(frozen=True, slots=True)
class Tested:
    """One window, with event times in [`start`, `end`), or all of them together.

    `learned` rows, all before `known`, made the model (in all of them together: those of the first window).
    `evaluation` is of the rows of the window, and tells its metrics, its calibration and its money. `rival` is the same
    of the version compared with and `loss` how much worse than that the fresh model is in the gate's metric; both None
    where the version has seen the window's rows.
    """

    start: np.datetime64
    end: np.datetime64
    known: np.datetime64
    learned: int
    evaluation: Evaluation
    rival: Evaluation | None
    loss: Loss | None


@dataclass(frozen=True, slots=True)
class Past:
    """The `windows`, oldest first; `together` their rows as one; `left_out` says of each window left out why."""

    windows: tuple[Tested, ...]
    together: Tested
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    tested: Tested
    rows: TrainingData
    scores: Floats
    rival: Floats | None
    base: Floats


def backtest(
    data: TrainingData,
    settings: Settings,
    *,
    windows: int,
    length: timedelta,
    delay: timedelta,
    rival: Rival | None = None,
) -> Past:
    """Train before each of the last windows and judge on it.

    Parameters
    ----------
    data : TrainingData
        Labelled rows with times. The newest row ends the newest window.
    windows : int
        How many, at least 1. `length` is that of each, above 0.
    delay : timedelta
        How long a label takes: a model knows the rows up to so long before its window, at least 0.

    Raises
    ------
    DataError
        If rows bear no time, or no window has rows to judge and a past to learn from; the message says why.

    Source: L. Tashman (2000), Out-of-sample tests of forecasting accuracy, Int. J. Forecasting 16(4), 437-450 (rolling
    origin, the model made anew at each).
    """
    if data.times is None or not data.rows:
        raise DataError(
            "a backtest goes back in time, and the rows bear no time" if data.rows else "there are no labelled rows",
            hint="Give the contract a column with role = 'time'" if data.rows else "Run 'daytwo ingest' first",
        )
    payoff = Payoff.from_settings(settings.value, settings.model.task)
    found: list[_Scored] = []
    left_out: list[str] = []
    for start, end in _spans(data.times[-1], windows, length):
        try:
            found.append(_tested(data, settings, payoff, start, end, delay, rival))
        except DataError as err:
            left_out.append(f"{start.astype('datetime64[m]')}: {err.message}")
    if not found:
        raise DataError(
            f"none of the last {windows} windows can be tested: {left_out[-1]}",
            hint="Ask for fewer windows, or set a longer [monitor] window",
        )
    return Past(tuple(one.tested for one in found), _together(found, settings, payoff), tuple(left_out))


def _spans(newest: np.datetime64, windows: int, length: timedelta) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    step = np.timedelta64(length)
    last = newest.astype("datetime64[us]") + np.timedelta64(1, "us")
    for back in range(windows, 0, -1):
        yield last - back * step, last - (back - 1) * step


def _tested(
    data: TrainingData,
    settings: Settings,
    payoff: Payoff,
    start: np.datetime64,
    end: np.datetime64,
    delay: timedelta,
    rival: Rival | None,
) -> _Scored:
    assert data.times is not None
    known = start - np.timedelta64(delay)
    past = data.take(slice(0, int(np.searchsorted(data.times, known))))
    first, last = np.searchsorted(data.times, [start, end])
    rows = data.take(slice(int(first), int(last)))
    if not rows.rows:
        raise DataError("no labelled row is in it")
    model = train_challenger(past, settings, seed=settings.seed)
    scores = model.score_many(rows.matrix)
    fair = rival is not None and rival.seen is not None and rival.seen < start
    theirs = rival.score_many(rows.matrix) if rival is not None and fair else None
    tested = _judge(rows, scores, theirs, past.labels, settings, payoff, (start, end, known, past.rows))
    return _Scored(tested, rows, scores, theirs, past.labels)


def _together(found: list[_Scored], settings: Settings, payoff: Payoff) -> Tested:
    """Judge all windows as one; beside the rival only those that it has not seen, on both sides."""
    first, last = found[0].tested, found[-1].tested
    where = (first.start, last.end, first.known, first.learned)
    scores = np.concatenate([one.scores for one in found])
    whole = _judge(join([one.rows for one in found]), scores, None, found[0].base, settings, payoff, where)
    fair = [one for one in found if one.rival is not None]
    if not fair:
        return whole
    part = _judge(
        join([one.rows for one in fair]),
        np.concatenate([one.scores for one in fair]),
        np.concatenate([one.rival for one in fair if one.rival is not None]),
        found[0].base,
        settings,
        payoff,
        where,
    )
    return Tested(*where, evaluation=whole.evaluation, rival=part.rival, loss=part.loss)


def _judge(
    rows: TrainingData,
    scores: Floats,
    theirs: Floats | None,
    base: Floats,
    settings: Settings,
    payoff: Payoff,
    where: tuple[np.datetime64, np.datetime64, np.datetime64, int],
) -> Tested:
    metric, task = settings.gate.metric, settings.model.task
    own = evaluate(scores, rows, payoff, metric=metric, fit_labels=base, calibration="sigmoid")
    if theirs is None:
        return Tested(*where, evaluation=own, rival=None, loss=None)
    other = evaluate(theirs, rows, payoff, metric=metric, fit_labels=base, calibration="as served")
    given = answers(payoff, scores, rows.column, rows.days)
    reference = answers(payoff, theirs, rows.column, rows.days)
    loss = paired_loss(metric, reference, given, rows.labels, task=task)
    return Tested(*where, evaluation=own, rival=other, loss=loss)
