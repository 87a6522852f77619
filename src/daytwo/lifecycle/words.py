"""Numbers, dates and spans of time as people read them, the same in the console and on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta

from daytwo.lifecycle.course import Figure

UNKNOWN = "unknown"
_METRICS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "accuracy": "accuracy",
    "f1": "F1",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "event_rate": "share of events",
    "base_rate": "mean outcome learned from",
    "money_per_row": "money a row",
}
_SPANS = (("year", 365.25 * 86_400), ("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0))
_CENT = 0.01
# Spans under so many of a unit are told in the next smaller one: 36 hours, 90 minutes.
_FINER = {"year": 2, "day": 3, "hour": 2, "minute": 1}


def metric(name: str) -> str:
    """Return what people call a metric.

    Examples
    --------
    >>> metric("roc_auc")
    'ROC AUC'
    """
    return _METRICS.get(name, name.replace("_", " "))


def number(value: float | None) -> str:
    """Return a number with as many digits as it deserves: three after the point below 10, none from 100 on.

    Examples
    --------
    >>> number(0.73456), number(21.2), number(254_000.4), number(None)
    ('0.735', '21.2', '254,000', 'unknown')
    """
    if value is None:
        return UNKNOWN
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")
    return f"{value:.{1 if size >= 10 else 3}f}".replace("-", "\N{MINUS SIGN}")


def money(amount: float | None, currency: str) -> str:
    """Return an amount with its currency; cents only below 100.

    Examples
    --------
    >>> money(12345.6, "USD"), money(3.5, "EUR"), money(0.0003, "USD"), money(None, "USD")
    ('12,346 USD', '3.50 EUR', 'under 0.01 USD', 'unknown')
    """
    if amount is None:
        return UNKNOWN
    if 0 < abs(amount) < _CENT:
        return f"under {_CENT} {currency}"
    digits = 0 if abs(amount) >= 100 or amount == int(amount) else 2
    return f"{amount:,.{digits}f} {currency}".replace("-", "\N{MINUS SIGN}")


def figure(one: Figure | None, currency: str = "") -> str:
    """Return a figure with its interval; `currency` makes it money.

    Examples
    --------
    >>> figure(Figure(0.74, 0.72, 0.76)), figure(None)
    ('0.740 (0.720 to 0.760)', 'unknown')
    """
    if one is None:
        return UNKNOWN
    told = money(one.value, currency) if currency else number(one.value)
    if one.low is None or one.high is None:
        return told
    low, high = (f"{bound:,.0f}" if currency else number(bound) for bound in (one.low, one.high))
    return f"{told} ({low} to {high})".replace("-", "\N{MINUS SIGN}")


def share(value: float | None) -> str:
    """Return a share as a percentage; what is not quite all is never told as 100 %.

    Examples
    --------
    >>> share(0.05), share(0.9996), share(1.0), share(None)
    ('5%', '99.9%', '100%', 'unknown')
    """
    if value is None:
        return UNKNOWN
    if value in {0.0, 1.0}:
        return f"{value:.0%}"
    percent = min(max(100 * value, 0.1), 99.9)
    return f"{percent:.3g}%" if percent < 99 else f"{percent:.1f}%"


def count(amount: int, one: str, many: str = "") -> str:
    """Return an amount of things in words.

    Examples
    --------
    >>> count(1, "release"), count(2, "release"), count(0, "entry", "entries")
    ('1 release', '2 releases', '0 entries')
    """
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def span(seconds: float) -> str:
    """Return how long something lasted, in the unit that suits it.

    Examples
    --------
    >>> span(41 * 86_400), span(5_400), span(20)
    ('41 days', '90 minutes', 'less than a minute')
    """
    for unit, size in _SPANS:
        if seconds >= size * _FINER[unit]:
            return count(int(seconds / size), unit)
    return "less than a minute"


def day(moment: datetime | None, now: datetime) -> str:
    """Return the day, with the year where it is not this one.

    Examples
    --------
    >>> day(datetime(2013, 5, 14), datetime(2013, 12, 1)), day(datetime(2013, 5, 14), datetime(2014, 1, 1))
    ('14 May', '14 May 2013')
    """
    if moment is None:
        return UNKNOWN
    told = f"{moment.day} {moment:%B}"
    return told if moment.year == now.year else f"{told} {moment.year}"


def moment(at: datetime | None) -> str:
    """Return a moment to the minute, in UTC.

    Examples
    --------
    >>> moment(datetime(2013, 5, 14, 9, 30))
    '2013-05-14 09:30 UTC'
    """
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def period(start: datetime, end: datetime, now: datetime) -> str:
    """Return a window in days, its last day included where it ends at midnight.

    Examples
    --------
    >>> now = datetime(2013, 12, 31)
    >>> period(datetime(2013, 5, 1), datetime(2013, 5, 8), now)
    '1 to 7 May'
    >>> period(datetime(2013, 5, 1), datetime(2013, 5, 2), now)
    '1 May'
    """
    last = end - timedelta(microseconds=1)
    if start.date() == last.date():
        return day(start, now)
    if (start.month, start.year) == (last.month, last.year):
        return f"{start.day} to {day(last, now)}"
    first = f"{start.day} {start:%B}" if start.year == last.year else day(start, now)
    return f"{first} to {day(last, now)}"
