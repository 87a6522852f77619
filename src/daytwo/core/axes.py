"""Axes of drawings: round numbers between two bounds, and their labels. Pure; whoever draws places them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


def number_ticks(low: float, high: float, *, most: int) -> list[tuple[float, str]]:
    """Return round values between two bounds, as many as there may be up to `most`, with labels.

    Examples
    --------
    >>> number_ticks(0.61, 0.79, most=5)
    [(0.65, '0.65'), (0.7, '0.70'), (0.75, '0.75')]
    >>> [label for _, label in number_ticks(-11_000, 72_000, most=5)]
    ['0', '20k', '40k', '60k']
    """
    size = 10.0 ** math.floor(math.log10((high - low) / max(most, 1)))
    for step in (size * factor for factor in (0.5, 1, 2, 2.5, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [(round(i * step, 10), _short(i * step, step)) for i in range(first, last + 1)]


def _short(value: float, step: float) -> str:
    """Return a tick's label: as many digits as the step needs, thousands as k, millions as m."""
    size = max(abs(value), step)
    for limit, letter in ((1e6, "m"), (1e3, "k")):
        if size >= 10 * limit or (size >= limit and step >= limit / 10):
            scaled = value / limit
            text = f"{scaled:.{0 if (step / limit).is_integer() or scaled == 0 else 1}f}"
            return f"{text}{letter if scaled else ''}".replace("-", "\N{MINUS SIGN}")
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += not math.isclose(step * 10**digits, round(step * 10**digits))
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")
