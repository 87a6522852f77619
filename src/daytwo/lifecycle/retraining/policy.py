"""What a project's policy says when a window is settled: retrain, or do nothing, and why. Pure.

The marginal rule (`retrain.py`) is asked under every policy, so that each decision bears what retraining would bring,
also where the calendar or an alarm decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daytwo.core.durations import in_words
from daytwo.core.retraining import RetrainPolicy
from daytwo.lifecycle.retraining.retrain import Decision


@dataclass(frozen=True, slots=True)
class Standing:
    """How the champion stands at the moment `at`: since when it is live, when it was trained, what was found now."""

    at: datetime
    live_since: datetime
    trained_at: datetime
    findings: Sequence[str] = ()


def judged(policy: RetrainPolicy, pays: Decision, standing: Standing, *, stale_after: timedelta | None) -> Decision:
    """Return what the policy says; `pays` is the marginal rule's word, `stale_after` the oldest a version may get.

    The numbers are those of the marginal rule, whoever decides.

    Examples
    --------
    >>> start = datetime(2026, 1, 1)
    >>> pays = Decision(False, "leave it: a fresh model would do no better", -9.0, 0.0, 1.0, 2.0, 3)
    >>> later = Standing(datetime(2026, 1, 9), start, start)
    >>> judged(RetrainPolicy("every", timedelta(days=7)), pays, later, stale_after=None).retrain
    True
    """
    if policy.kind == "never":
        return replace(pays, retrain=False, words="leave it: the policy is never to retrain")
    if stale_after is not None and standing.at - standing.trained_at >= stale_after:
        limit = f"{in_words(standing.at - standing.trained_at)} ago; the limit is {in_words(stale_after)}"
        return replace(pays, retrain=True, words=f"retrain: this version was trained {limit}")
    match policy.kind:
        case "every":
            return _by_calendar(policy.every, pays, standing)
        case "alarm":
            if standing.findings:
                more = f", and {len(standing.findings) - 1} more" if len(standing.findings) > 1 else ""
                return replace(pays, retrain=True, words=f"retrain: {standing.findings[0]}{more}")
            return replace(pays, retrain=False, words=f"leave it: nothing was found; {_aside(pays)}")
    return pays


def next_due(policy: RetrainPolicy, standing: Standing, *, stale_after: timedelta | None) -> datetime | None:
    """Return when a new version is due by the calendar alone, None where none is."""
    due = [standing.live_since + policy.every] if policy.kind == "every" else []
    if stale_after is not None and policy.kind != "never":
        due.append(standing.trained_at + stale_after)
    return min(due, default=None)


def _by_calendar(every: timedelta, pays: Decision, standing: Standing) -> Decision:
    live = standing.at - standing.live_since
    if live >= every:
        words = f"retrain: live for {in_words(live)}, and the policy is every {in_words(every)}; {_aside(pays)}"
        return replace(pays, retrain=True, words=words)
    due = f"due on {standing.live_since + every:%d %B %Y}"
    words = f"leave it: the policy is every {in_words(every)}, {due}; {_aside(pays)}"
    return replace(pays, retrain=False, words=words)


def _aside(pays: Decision) -> str:
    """Return what the marginal rule says, as an aside."""
    verdict, colon, rest = pays.words.partition(": ")
    return f"by money it would be {'time' if pays.retrain else 'too early'} ({rest if colon else verdict})"
