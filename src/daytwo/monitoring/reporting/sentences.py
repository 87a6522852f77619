"""What every chart of a report says so: one sentence each, made from its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.reporting.calibration import Calibration
from daytwo.monitoring.reporting.content import Content, Figure, Seen
from daytwo.monitoring.reporting.ranking import ColumnCourse, Harm, columns, harms

_METRICS = {
    "money": "money a row",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
}
_FEW = 3


def metric_name(name: str) -> str:
    """Return what people call a metric.

    Examples
    --------
    >>> metric_name("roc_auc"), metric_name("log_loss")
    ('ROC AUC', 'log loss')
    """
    return _METRICS.get(name, name.replace("_", " "))


def number(value: float) -> str:
    """Return a number with three digits that count, thousands with commas.

    Examples
    --------
    >>> number(0.71234), number(12345.6), number(-0.0)
    ('0.712', '12,346', '0')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value + 0.0:.3g}"


def headline(content: Content) -> str:
    """Say in one line how the windows went."""
    windows = [seen for seen in content.windows if seen.rows]
    if not windows:
        return "No window has rows"
    worse = [seen.name for seen in windows if seen.verdict == "worse"]
    alarms = [seen.name for seen in windows if seen.alarm]
    count = _count(len(windows), "window")
    if worse:
        return f"In {_of(len(worse), count)} the model did worse than usual for sure: {_some(worse)}"
    if alarms:
        return f"Something changed in {_of(len(alarms), count)}: {_some(alarms)}"
    if all(seen.verdict == "warming" for seen in windows):
        return f"{count} seen; the reference is too short to alarm"
    return f"Nothing changed for sure in {count}"


def words(content: Content) -> list[str]:
    """Return everything a report says of its charts, the headline first."""
    courses, ranked = columns(content), harms(content)
    told = [f"{headline(content)}.", budget(content), maturity(content)]
    told += [figures(content, name) for name in content.metrics]
    told += [harm(ranked, content.currency), moved(courses, len(content.windows)) if courses else ""]
    told += [] if content.calibration is None else [calibrated(content.calibration)]
    return [one for one in told if one]


def figures(content: Content, metric: str) -> str:
    """Say how a metric stands in the newest window, against what is usual, and how far estimates were right."""
    name = metric_name(metric)
    name = name[:1].upper() + name[1:]
    told = []
    guesses = [(seen, seen.estimated[metric]) for seen in content.windows if metric in seen.estimated]
    truths = [(seen, seen.realised[metric]) for seen in content.windows if metric in seen.realised]
    if guesses:
        told.append(_newest(name, "estimated at", *guesses[-1], content.usual.get(metric), metric))
    if truths:
        told.append(_newest(name, "realised at", *truths[-1], content.usual.get(metric), metric))
    both = [(seen.estimated[metric], one) for seen, one in truths if metric in seen.estimated]
    bounded = [(guess.low, one.value, guess.high) for guess, one in both]
    checked = [low <= value <= high for low, value, high in bounded if low is not None and high is not None]
    if checked:
        told.append(f"Where labels came, the estimate's interval held the truth in {_of(sum(checked), len(checked))}.")
    return " ".join(told) or f"No {name} is known of any window."


def moved(courses: Sequence[ColumnCourse], windows: int) -> str:
    """Say which columns moved further than the reference ever did."""
    beyond = [one for one in courses if one.beyond]
    if not beyond:
        return f"No column went further than the reference's own windows did, in {_count(windows, 'window')}."
    top = beyond[0]
    often = f"in {_of(top.beyond, _count(windows, 'window'))}, first in {top.first}"
    rest = len(courses) - len(beyond)
    also = f"; {_some([one.name for one in beyond[1:]])} did so too" if len(beyond) > 1 else ""
    still = f" {_count(rest, 'column')} never did." if rest else ""
    return f"{top.name} moved furthest: beyond anything in the reference {often}, most in {top.worst}{also}.{still}"


def harm(harms: Sequence[Harm], currency: str) -> str:
    """Say what to look at first."""
    if not harms:
        return "Nothing was found that does harm."
    top = harms[0]
    if top.money_per_day:
        money = f"{number(top.money_per_day)} {currency} a day".replace("  ", " ")
        return f"Begin with {top.subject}: it costs about {money}. {top.next_step}".rstrip()
    said = f"{_count(len(harms), 'subject')} found; no loss of money is known of them. Begin with {top.subject}."
    return f"{said} {top.next_step}".rstrip()


def calibrated(curve: Calibration) -> str:
    """Say whether scores may be read as probabilities, and where not."""
    off = [one for one in curve.groups if not one.low <= one.said <= one.high]
    groups = _count(len(curve.groups), "group")
    mean = f"on average the gap is {number(curve.error)}"
    if not off:
        return f"Scores mean what they say: all of {groups} lie within their intervals, and {mean}."
    worst = max(off, key=lambda one: abs(one.said - one.came) * one.rows)
    word = "too little" if worst.came > worst.said else "too much"
    return (
        f"{_of(len(off), groups)} lie outside their intervals (one in twenty would by chance). Where the model says"
        f" {number(worst.said)}, {number(worst.came)} came true: it says {word}; {mean}."
    )


def budget(content: Content) -> str:
    """Say what the budget of false alarms allowed, and what was spent of it."""
    judged = [seen for seen in content.windows if seen.allowed]
    if not judged:
        return "No window was judged within a budget."
    allowed, spoken = sum(seen.allowed for seen in judged), sum(seen.alarm for seen in judged)
    said = (
        f"{_count(spoken, 'alarm')} in {_count(len(judged), 'window')}; the budget allows {number(allowed)} false ones"
    )
    if spoken > allowed:
        return f"{said}: chance alone explains them poorly."
    return f"{said}: that many alarms may be chance." if spoken else f"{said}."


def maturity(content: Content) -> str:
    """Say how much of the windows' rows have labels."""
    known = [seen for seen in content.windows if seen.maturity is not None]
    if not known:
        return ""
    full = sum(seen.maturity >= 0.999 for seen in known if seen.maturity is not None)
    rows = sum(seen.rows for seen in known) or 1
    share = sum(seen.rows * (seen.maturity or 0.0) for seen in known) / rows
    return f"Labels are known of {share:.0%} of the rows; {_of(full, _count(len(known), 'window'))} have them all."


def _newest(name: str, verb: str, seen: Seen, figure: Figure, usual: Figure | None, metric: str) -> str:
    bounds = (
        f" ({number(figure.low)} to {number(figure.high)})"
        if figure.low is not None and figure.high is not None
        else ""
    )
    said = f"{name} is {verb} {number(figure.value)}{bounds} in {seen.name}"
    if verb.startswith("realised") and seen.maturity is not None:
        said += f", {seen.maturity:.0%} of its labels known"
    if usual is None:
        return f"{said}."
    gap = figure.value - usual.value
    worse = gap < 0 if metric in HIGHER_IS_BETTER else gap > 0
    within = figure.low is not None and figure.high is not None and figure.low <= usual.value <= figure.high
    against = "no different for sure from" if within else "worse than" if worse else "better than"
    return f"{said}: {against} the usual {number(usual.value)}."


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _of(part: int, whole: object) -> str:
    return f"{part:,} of {whole}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")
