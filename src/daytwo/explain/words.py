"""How columns and values are said where nobody said how: names and their units as words, numbers as people write them.

`wording.py` next door is what a project says instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

# Endings of column names that are units, and how a person writes them. One letter says too little.
_UNITS = {
    "mph": "mph", "kmh": "km/h", "kph": "km/h", "km": "km", "mi": "miles", "miles": "miles", "ft": "ft", "cm": "cm",
    "mm": "mm", "kg": "kg", "lb": "lb", "lbs": "lb", "usd": "USD", "eur": "EUR", "gbp": "GBP", "pct": "%",
    "percent": "%", "ms": "ms", "sec": "s", "seconds": "s", "minutes": "minutes", "hours": "hours", "days": "days",
    "weeks": "weeks", "months": "months", "years": "years", "hpa": "hPa", "degc": "°C", "degf": "°F", "kwh": "kWh",
}  # fmt: skip
# Endings that are units only after a word that is measured in them.
_UNITS_AFTER = {
    ("temperature", "f"): "°F", ("temp", "f"): "°F", ("point", "f"): "°F",
    ("temperature", "c"): "°C", ("temp", "c"): "°C", ("point", "c"): "°C",
    ("precipitation", "in"): "in", ("rain", "in"): "in", ("snow", "in"): "in", ("pressure", "in"): "in",
}  # fmt: skip
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")
# A longer text of a row is cut in a sentence.
_MOST_CHARACTERS = 40


# What an hour is in each way of writing a time of day as a number.
_PER_HOUR = {"hours": 1, "minutes": 60, "hhmm": 100}
# How a number may be written besides as it is: `said` takes them.
FORMATS = ("", "whole", "percent", *_PER_HOUR)


def outcome_words(target: str, levels: Sequence[str] = ()) -> str:
    """Return what a higher score means: the positive level where it says something, else the target's name.

    Examples
    --------
    >>> outcome_words("late"), outcome_words("Churn", ("No", "Yes")), outcome_words("status", ("stayed", "left"))
    ('late', 'churn', 'left')
    """
    positive = levels[-1] if levels else ""
    says_little = positive.lower() in {"", "1", "1.0", "yes", "true", "y", "t", "positive", "on"}
    return spoken(target)[0] if says_little else positive


# A model has some hundreds of columns at most, and every sentence asks for one of them.
@lru_cache(maxsize=4_096)
def spoken(name: str) -> tuple[str, str]:
    """Split a column's name into plain words and the unit it ends with, if it does.

    Examples
    --------
    >>> spoken("wind_speed_mph"), spoken("MonthlyCharges"), spoken("StreamingTV"), spoken("days")
    (('wind speed', 'mph'), ('monthly charges', ''), ('streaming TV', ''), ('days', ''))
    """
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _split(name)]
    unit = ""
    if len(words) > 1:
        before, last = words[-2].lower(), words[-1].lower()
        unit = _UNITS.get(last) or _UNITS_AFTER.get((before, last), "")
    return " ".join(words[:-1] if unit else words), unit


def _split(name: str) -> list[str]:
    return [word for part in re.split(r"[\s_.\-]+", name) for word in _CAMEL.split(part) if word] or [name]


def said(value: object, unit: str = "", form: str = "") -> str:
    """Return a value as people write it; None is missing.

    Parameters
    ----------
    unit : str
        Stands behind a number.
    form : str
        How a number is written: "" as it is, "whole" without a fraction, "percent" of a share in [0, 1], or as a time
        of day "hours" (18.67), "minutes" (1120) or "hhmm" (1840), all of which are 18:40.

    Examples
    --------
    >>> said(25.0, "mph"), said(0.314, form="percent"), said(18.67, form="hours"), said(None), said(True)
    ('25 mph', '31.4%', '18:40', 'missing', 'yes')
    """
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value if len(value) <= _MOST_CHARACTERS else value[: _MOST_CHARACTERS - 1] + "…"
    assert isinstance(value, int | float)
    if form in _PER_HOUR and value >= 0:
        return _clock(value, form)
    if form == "percent":
        value, unit = 100 * value, "%"
    return with_unit(f"{round(value):,}" if form == "whole" else _number(value), unit)


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit behind it, a percent sign without a space."""
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}".rstrip()


def _number(value: float) -> str:
    if not float(value).is_integer() and abs(value) < 1000:
        return f"{value:.3g}"
    # A year is no amount: thousands are parted from 10,000 on.
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value + 0.0:.0f}"


def _clock(value: float, form: str) -> str:
    hours, rest = divmod(value, _PER_HOUR[form])
    minutes = round(60 * hours + rest * (1 if form == "hhmm" else 60 / _PER_HOUR[form]))
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
