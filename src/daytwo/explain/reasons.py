"""Contributions put into words: "wind speed 25 mph (typical 9) pushed towards late".

The typical row is the one named reference that `shapley.py` compares with: the median of every number and the most
common level of every category in the rows that the model learned from. Contributions are in log-odds, or in the
unit of a regression's target, so the words say which way and in what order, never how much probability.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task

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


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one feature is spoken of. `typical` is the reference's value, as a number or a level; None is missing."""

    name: str
    label: str
    unit: str
    typical: float | str | None


class Explainer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What reasons need besides the model. `codes` is the reference as a row of the feature matrix, None for NaN.

    `outcome` is what a higher score means, in words; `reference_name` says whom the row is compared with.
    """

    task: Task
    outcome: str
    reference_name: str
    labels: tuple[Label, ...]
    codes: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.codes):
            raise ValueError(f"{len(self.labels)} labels for {len(self.codes)} features")

    @property
    def reference(self) -> list[float]:
        """The reference as a row of the feature matrix, shape (d,)."""
        return [math.nan if code is None else code for code in self.codes]

    def to_json(self) -> bytes:
        """Return the explainer as JSON text, for a bundle."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(text: bytes) -> Explainer:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is no explainer.
        """
        try:
            return msgspec.json.decode(text, type=Explainer)
        except msgspec.MsgspecError as err:
            raise DataError(f"this is no explainer: {err}", hint="Make the model again") from err


class Reason(msgspec.Struct, frozen=True):
    """One feature's part in a score. `contribution` is in log-odds, or in the unit of a regression's target."""

    feature: str
    value: str | int | float | bool | None
    contribution: float
    words: str


def build_explainer(
    matrix: NDArray[np.float32], schema: Schema, *, task: Task, outcome: str, reference_name: str = "the typical row"
) -> Explainer:
    """Choose the reference row from the rows a model learned from, and name every feature.

    Parameters
    ----------
    matrix : feature matrix, shape (n, d), n >= 1
    schema : Schema
        Its features.
    outcome : str
        What a higher score means; `outcome_words` makes it from the target.
    """
    codes = tuple(
        _typical(matrix[:, position], feature.is_category) for position, feature in enumerate(schema.features)
    )
    labels = []
    for feature, code in zip(schema.features, codes, strict=True):
        label, unit = spoken(feature.name)
        typical: float | str | None = code
        if feature.is_category and code is not None:
            typical = feature.levels[int(code)] if code < len(feature.levels) else "another"
        labels.append(Label(feature.name, label, unit, typical))
    return Explainer(task, outcome, reference_name, tuple(labels), codes)


def reasons(
    contributions: NDArray[np.float64], row: Mapping[str, object], explainer: Explainer, *, k: int = 3
) -> tuple[Reason, ...]:
    """Return the `k` strongest reasons for a higher score, strongest first, then the `k` strongest against.

    `contributions` are those of `shapley.py`, shape (d,); `row` holds the raw values. What contributes nothing is
    no reason.
    """
    ranked = np.argsort(-contributions, kind="stable").tolist()
    raising = [position for position in ranked if contributions[position] > 0][:k]
    lowering = [position for position in reversed(ranked) if contributions[position] < 0][:k]
    return tuple(
        _reason(float(contributions[one]), row, explainer.labels[one], explainer) for one in raising + lowering
    )


def step_words(name: str, before: object, after: object, label: Label | None = None) -> str:
    """Return one column's change in words; `label` says how it is spoken of, else its name does.

    Examples
    --------
    >>> step_words("wind_speed_mph", 25.0, 18.0), step_words("carrier", "EV", "UA")
    ('wind speed 18 mph instead of 25', 'carrier UA instead of EV')
    """
    said, unit = (label.label, label.unit) if label else spoken(name)
    return f"{said} {_shown(after, unit)} instead of {_shown(before, '')}"


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


def _typical(column: NDArray[np.float32], is_category: bool) -> float | None:  # noqa: FBT001
    present = column[~np.isnan(column)]
    if 2 * len(present) < len(column) or not len(present):
        return None
    if is_category:
        return float(np.bincount(present.astype(np.int64)).argmax())
    # A value that occurs, rather than the mean of two: whole numbers stay whole.
    return float(np.partition(present, (len(present) - 1) // 2)[(len(present) - 1) // 2])


def _reason(contribution: float, row: Mapping[str, object], label: Label, explainer: Explainer) -> Reason:
    raw = row.get(label.name)
    value = raw if isinstance(raw, str | int | float | bool) and raw == raw else None  # noqa: PLR0124 - NaN is null
    subject = f"{label.label} {_shown(value, label.unit)}".rstrip()
    typical = _shown(_as_typed(label.typical, value), "" if value is not None else label.unit)
    if explainer.task is Task.BINARY:
        way = f"pushed towards {explainer.outcome}" if contribution > 0 else f"pushed away from {explainer.outcome}"
    else:
        way = f"pushed {explainer.outcome} {'up' if contribution > 0 else 'down'}"
    return Reason(label.name, value, contribution, f"{subject} (typical {typical}) {way}")


def _as_typed(typical: float | str | None, value: object) -> float | str | None:
    return bool(typical) if isinstance(value, bool) and isinstance(typical, float) else typical


def _shown(value: object, unit: str) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value if len(value) <= _MOST_CHARACTERS else value[: _MOST_CHARACTERS - 1] + "…"
    assert isinstance(value, int | float)
    if not float(value).is_integer() and abs(value) < 1000:
        number = f"{value:.3g}"
    else:
        # A year is no amount: thousands are parted from 10,000 on.
        number = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value + 0.0:.0f}"
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}".rstrip()
