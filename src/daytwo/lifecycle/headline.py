"""The overview in sentences, the most important first: what is live, how it does, what waits, what burns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from daytwo.core.finding import Severity
from daytwo.lifecycle import words
from daytwo.lifecycle.course import Figure, Point
from daytwo.lifecycle.overview import Overview
from daytwo.lifecycle.releases import State

# So many subjects are named in a sentence; of more, the last ones are counted.
_FEW = 3


class Tone(StrEnum):
    """How a sentence is meant."""

    GOOD = "good"
    PLAIN = "plain"
    ACT = "act"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and how it is meant."""

    text: str
    tone: Tone


def headline(view: Overview) -> tuple[Sentence, ...]:
    """Return what a person must know, in the order in which they must know it."""
    told = [_live(view), _watched(view)]
    early = _early(view)
    told += [early] if early else []
    settled = _settled(view)
    told += [settled] if settled else []
    told += [_waiting(view), _alerts(view)]
    told += [Sentence(f"{trouble[0].upper()}{trouble[1:]}", Tone.BAD) for trouble in view.troubles]
    if view.audit is not None and view.audit.broken_at is not None:
        told.append(Sentence(f"The audit chain is broken at entry {view.audit.broken_at}.", Tone.BAD))
    return tuple(told)


def metric_sentence(view: Overview) -> str:
    """Say what the chart of the metric shows."""
    name = words.metric(view.project.metric)
    settled = [point for point in view.points if point.live and point.static]
    if not settled:
        return f"No window has its labels yet, so {name} is only estimated."
    better = sum(_gain(point, view) > 0 for point in settled)
    newest = settled[-1]
    estimate = f"; the estimate had been {words.number(newest.estimated.value)}" if newest.estimated else ""
    versus = (
        f" The answers beat the first version in {better} of {words.count(len(settled), 'settled window')}."
        if any(point.version != settled[0].version for point in settled)
        else " The first version is still the one that answers, so both lines are one."
    )
    when = words.period(newest.start, newest.end, view.now)
    labels = f"With {words.share(newest.maturity)} of the labels in for {when}"
    return f"{labels}, {name} came to {words.figure(newest.live)}{estimate}.{versus}"


def money_sentence(view: Overview) -> str:
    """Say what the chart of the money shows."""
    value = view.value
    if value is None:
        return "No window has its labels yet, so what the answers brought is unknown."
    settled = [point for point in view.points if point.money_live and point.money_static]
    gain = value.live - value.static
    than = "as much as" if gain == 0 else f"{words.money(abs(gain), value.currency)} {_more(gain)} than"
    losing = sum(point.money_live.value < 0 for point in settled if point.money_live)
    lost = f" {words.count(losing, 'window')} lost money." if losing else ""
    told = f"Over {words.count(len(settled), 'settled window')} the answers brought"
    return f"{told} {words.money(value.live, value.currency)}, {than} the first version would have.{lost}"


def choice_words(text: str) -> str:
    """Say a decision of the retraining rule as a sentence: `leave it: ...` becomes `Doing nothing, because ...`.

    Examples
    --------
    >>> choice_words("leave it: after 5 windows a fresh model would do no better")
    'Doing nothing, because after 5 windows a fresh model would do no better'
    """
    lead, found, rest = text.partition(": ")
    if found and lead == "retrain":
        return f"Retraining, because {rest}"
    return f"Doing nothing, because {rest if found and lead in {'leave it', 'too early'} else text}"


def _live(view: Overview) -> Sentence:
    live, name = view.live, view.project.name
    if live is None:
        return Sentence(f"{name}: nothing is live yet.", Tone.ACT)
    since = f"since {words.day(live.since, view.now)} ({words.span(live.age_s)})"
    told = f"{name} {live.name} is live {since}"
    if live.answered is not None:
        told = f"{name} {live.name} has given {words.count(live.answered.rows, 'answer')} {since}"
    if live.route.canary:
        told += f"; {live.route.canary} answers {words.share(live.route.canary_share)} of subjects as a canary"
    if live.route.holdout:
        told += f"; {words.share(live.route.holdout)} of subjects are a holdout group and not acted on"
    if live.route.shadow:
        told += f"; {live.route.shadow} scores in its shadow, unseen"
    return Sentence(f"{told}.", Tone.PLAIN)


def _watched(view: Overview) -> Sentence:
    point = view.watched
    if point is None:
        return Sentence(f"How it does is unknown: no window ({view.project.window}) has ended yet.", Tone.PLAIN)
    when = words.period(point.start, point.end, view.now)
    known = f"{words.metric(view.project.metric)} is estimated at {words.figure(point.estimated)} for {when}"
    match point.verdict:
        case "worse":
            why = point.findings[0] if point.findings else known
            return Sentence(f"It is doing worse than expected ({when}): {why}.", Tone.BAD)
        case "drift":
            return Sentence(f"Its inputs moved, and no harm is shown so far: {known}.", Tone.ACT)
        case "empty":
            return Sentence(f"Nobody asked it anything from {when}.", Tone.ACT)
        case "warming":
            told = f"It is doing as expected, as far as can be told: {known}; the drift alarm still gathers history."
            return Sentence(told, Tone.PLAIN)
    return Sentence(f"It is doing as expected: {known}.", Tone.GOOD)


def _early(view: Overview) -> Sentence | None:
    """Say how many answers no window holds: they are judged by nobody."""
    early = None if view.live is None else view.live.early
    if early is None:
        return None
    told = f"{words.count(early.rows, 'answer')} {'is' if early.rows == 1 else 'are'} about times before"
    told += f" {words.day(early.live_since, view.now)}, when the first version went live: no window holds"
    return Sentence(f"{told} {'it' if early.rows == 1 else 'them'}.", Tone.ACT)


def _settled(view: Overview) -> Sentence | None:
    """Say what the newest labels showed, and in money."""
    point = view.settled
    if point is None:
        return None
    when = words.period(point.start, point.end, view.now)
    told = f"The labels for {when} are in ({words.share(point.maturity)})"
    if point.live is not None:
        told += f": {words.metric(view.project.metric)} came to {words.figure(point.live)}"
        told += _against(point)
    tone = Tone.PLAIN
    if point.money_live is not None:
        loses = point.money_live.value < 0
        amount = words.money(abs(point.money_live.value), view.project.currency)
        sure = loses and point.money_live.high is not None and point.money_live.high < 0
        doubt = "" if sure or not loses else ", which may be chance"
        told += f"; its decisions {'lost' if loses else 'brought'} {amount}{doubt}"
        tone = Tone.BAD if sure else tone
    return Sentence(f"{told}.", tone)


def _against(point: Point) -> str:
    """Compare with the first version, and with the estimate where they disagree beyond chance."""
    told = ""
    if point.static and point.live and point.static.value != point.live.value:
        told += f", against {words.number(point.static.value)} had nobody retrained"
    if point.estimated and point.live and _apart(point.estimated, point.live):
        told += f", off the estimate of {words.number(point.estimated.value)} beyond chance"
    return told


def _apart(one: Figure, other: Figure) -> bool:
    bounds = (one.low, one.high, other.low, other.high)
    if any(bound is None for bound in bounds):
        return False
    return bool(one.low > other.high or other.low > one.high)  # type: ignore[operator]


def _waiting(view: Overview) -> Sentence:
    asked = [one for one in view.waiting if one.release.state is State.WAITING and one.approved is None]
    moving = len(view.waiting) - len(asked)
    parts = []
    if asked:
        parts.append(f"{words.count(len(asked), 'release')} {'waits' if len(asked) == 1 else 'wait'} for an approval")
    if moving:
        parts.append(f"{words.count(moving, 'release')} {'moves' if moving == 1 else 'move'} on without anybody's help")
    if not parts:
        return Sentence("No release waits for an approval.", Tone.GOOD)
    return Sentence(f"{'; '.join(parts)}.", Tone.ACT if asked else Tone.PLAIN)


def _alerts(view: Overview) -> Sentence:
    if not view.alerts:
        return Sentence("Nothing is on fire.", Tone.GOOD)
    first = view.alerts[0]
    told = f"{words.count(len(view.alerts), 'alert')} {'is' if len(view.alerts) == 1 else 'are'} open, about "
    told += _enumerated(tuple(dict.fromkeys(alert.subject for alert in view.alerts)))
    if first.money_per_day:
        told += f"; the dearest costs about {words.money(first.money_per_day, view.project.currency)} a day"
    burns = any(alert.severity is Severity.CRITICAL for alert in view.alerts)
    return Sentence(f"{told}.", Tone.BAD if burns else Tone.ACT)


def _enumerated(subjects: tuple[str, ...]) -> str:
    """Name the first few and count the rest."""
    if len(subjects) > _FEW:
        return f"{', '.join(subjects[: _FEW - 1])} and {len(subjects) - _FEW + 1} more"
    return " and ".join(part for part in (", ".join(subjects[:-1]), subjects[-1]) if part)


def _gain(point: Point, view: Overview) -> float:
    assert point.live is not None
    assert point.static is not None
    difference = point.live.value - point.static.value
    return difference if view.project.higher_is_better else -difference


def _more(gain: float) -> str:
    return "more" if gain > 0 else "less"
