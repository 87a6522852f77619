"""Contributions put into words: "wind speed 25 mph (typical 9): +11 points".

Contributions are those of `shapley.py`, against one reference of `references.py`, in log-odds, or in the unit of a
regression's target. Columns that the project groups are told as one, whose contribution is the sum of theirs. What a
reason is worth in the score itself is its effect (`effects.py`). `wording.py` says how columns are spoken of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.effects import effects
from daytwo.explain.references import Explainer, Label, Reference
from daytwo.explain.wording import Wording
from daytwo.explain.words import said

# Of a group, so many of its columns are named.
_NAMED = 2
# Fewer points are told as these at most.
_LEAST_POINTS = 0.1
# Speaks where nobody said how.
PLAIN = Wording(ReasonsSettings())
# What a score is that the contributions were worked out from: a function of the raw score.
Scale = Callable[[float], float]


class Reason(msgspec.Struct, frozen=True):
    """One feature's part in a score, or that of a group of them, which `feature` then names and `value` is None.

    `contribution` is in log-odds, or in the unit of a regression's target. `effect` is what it is worth in the score
    itself, a probability (0.11 is 11 points) or again the target's unit; None where the score cannot be worked out from
    the raw one. `columns` are the features that it sums up, and `reference` names the row that is compared with.
    """

    feature: str
    value: str | int | float | bool | None
    contribution: float
    words: str
    effect: float | None = None
    columns: tuple[str, ...] = ()
    reference: str = ""


def reasons(
    contributions: NDArray[np.float64],
    row: Mapping[str, object],
    explainer: Explainer,
    *,
    k: int = 3,
    reference: Reference | None = None,
    wording: Wording = PLAIN,
    base: float = 0.0,
    scale: Scale | None = None,
    unit: str = "",
) -> tuple[Reason, ...]:
    """Return the `k` strongest reasons for a higher score, strongest first, then the `k` strongest against.

    What contributes nothing is no reason.

    Parameters
    ----------
    contributions : shape (d,)
        Those of the features.
    row : Mapping[str, object]
        The raw values.
    reference : Reference
        What the contributions compare with; the common one of the explainer if None.
    base, scale : float, function
        The raw score of the reference, and what turns a raw score into a score; without it there are no effects.
    unit : str
        That of a regression's target.
    """
    reference = reference or explainer.common
    parts = _parts(explainer.labels, wording)
    by_feature = contributions.tolist()
    sums = [sum(map(by_feature.__getitem__, places)) for places in parts.values()]
    worth = None if scale is None else effects(np.array(sums), base, scale).tolist()
    ranked = sorted(range(len(sums)), key=sums.__getitem__, reverse=True)
    raising = [place for place in ranked if sums[place] > 0][:k]
    lowering = [place for place in reversed(ranked) if sums[place] < 0][:k]
    names = tuple(parts)
    speak = _Speech(by_feature, row, explainer, reference, wording, unit)
    return tuple(
        speak.reason(names[place], parts[names[place]], None if worth is None else worth[place])
        for place in raising + lowering
    )


def _parts(labels: Sequence[Label], wording: Wording) -> dict[str, list[int]]:
    """Return what is told as one: the places of features, by the feature's name or that of its group."""
    parts: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        parts.setdefault(wording.group_of.get(label.name, label.name), []).append(place)
    return parts


class _Speech:
    """Speaks of one row."""

    def __init__(
        self,
        contributions: Sequence[float],
        row: Mapping[str, object],
        explainer: Explainer,
        reference: Reference,
        wording: Wording,
        unit: str,
    ) -> None:
        self._contributions, self._row = contributions, row
        self._explainer, self._reference, self._wording, self._unit = explainer, reference, wording, unit

    def reason(self, name: str, places: Sequence[int], effect: float | None) -> Reason:
        """Return what a feature, or the group `name`, did."""
        total = sum(self._contributions[place] for place in places)
        columns = tuple(self._explainer.labels[place].name for place in places)
        alone = name not in self._wording.groups
        value = self._value(places[0]) if alone else None
        subject = self._subject(places[0]) if alone else f"{name} ({self._strongest(places, total)})"
        words = f"{subject}: {self._way(total, effect)}"
        return Reason(name, value, total, words, effect, columns, self._reference.name)

    def _strongest(self, places: Sequence[int], total: float) -> str:
        """Return the columns of a group that did most of what it did, in words."""
        way = 1 if total > 0 else -1
        did = sorted(places, key=lambda place: -way * self._contributions[place])
        named = [place for place in did if way * self._contributions[place] > 0][:_NAMED]
        return "; ".join(self._subject(place) for place in named)

    def _subject(self, place: int) -> str:
        value, typical = self._value(place), self._reference.typical[place]
        if isinstance(value, bool) and isinstance(typical, float):
            typical = bool(typical)
        return self._wording.phrase(self._explainer.labels[place].name, value, typical)

    def _value(self, place: int) -> str | int | float | bool | None:
        raw = self._row.get(self._explainer.labels[place].name)
        return raw if isinstance(raw, str | int | float | bool) and raw == raw else None  # noqa: PLR0124 - NaN is null

    def _way(self, total: float, effect: float | None) -> str:
        outcome = self._explainer.outcome
        if effect is None:
            if self._explainer.task is Task.BINARY:
                return f"towards {outcome}" if total > 0 else f"away from {outcome}"
            return f"{outcome} {'up' if total > 0 else 'down'}"
        if self._explainer.task is Task.BINARY:
            return _points(100 * effect, total)
        return f"{'+' if total > 0 else ''}{said(effect, self._unit)}"


def _points(points: float, total: float) -> str:
    """Return points of a probability: whole ones from 10 on, and never a nought for what is there."""
    sign = "+" if total > 0 else "-"
    size = abs(points)
    if size < _LEAST_POINTS:
        return f"{sign}{_LEAST_POINTS} points at most"
    return f"{sign}{size:.0f} points" if round(size, 1) >= 10 else f"{sign}{size:.1f} points"
