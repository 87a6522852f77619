"""Where everything in a report's charts goes: figures over windows, the strip of a column, the calibration curve.

Pure geometry in the units of SVG view boxes; `templates/report.html` turns it into elements and escapes every text.
What is told by colour is told by shape or height too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daytwo.core.axes import Tick, number_ticks
from daytwo.monitoring.reporting.calibration import Calibration
from daytwo.monitoring.reporting.content import Content, Figure

# How far beyond the reference each step of a strip begins (`moving.reach`).
STEPS = (1.0, 2.0, 4.0, 8.0)
_TOP, _BOTTOM, _RIGHT, _LEFT = 12.0, 26.0, 10.0, 50.0
# Windows need so much room for dots and for a name below them.
_DOT_ROOM, _LETTER = 7.0, 7.2
# An interval may stretch the axis by so many times the spread of the values.
_STRETCH = 0.75


@dataclass(frozen=True, slots=True)
class Line:
    """One line as SVG paths: `band` is its interval; `dots` are empty where windows lie too close."""

    kind: str
    path: str
    band: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart laid out in a box; `usual` is the height of the usual value, None where unknown."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    usual: float | None = None
    alarms: tuple[float, ...] = ()


def metric_picture(content: Content, metric: str, *, width: int, height: int) -> Picture | None:
    """Lay out estimated and realised figures of one metric over the windows; None where there is none."""
    given = {
        "estimated": [seen.estimated.get(metric) for seen in content.windows],
        "realised": [seen.realised.get(metric) for seen in content.windows],
    }
    known = [one for figures in given.values() for one in figures if one is not None]
    if not known:
        return None
    usual = content.usual.get(metric)
    low, high = _range(known if usual is None else [*known, Figure(usual.value)])
    left, right, bottom = _LEFT, width - _RIGHT, height - _BOTTOM
    step = (right - left) / len(content.windows)

    def y_of(value: float) -> float:
        inside = min(max(value, low), high)
        return round(bottom - (inside - low) / (high - low) * (bottom - _TOP), 1)

    places = [round(left + (i + 0.5) * step, 1) for i in range(len(content.windows))]
    return Picture(
        width,
        height,
        left,
        right,
        _TOP,
        bottom,
        _names([seen.name for seen in content.windows], places, right),
        tuple(Tick(y_of(value), label) for value, label in number_ticks(low, high, most=5)),
        tuple(_line(kind, figures, places, y_of, dotted=step >= _DOT_ROOM) for kind, figures in given.items()),
        None if usual is None else y_of(usual.value),
        tuple(x for x, seen in zip(places, content.windows, strict=True) if seen.alarm),
    )


def calibration_picture(curve: Calibration, *, size: int) -> Picture:
    """Lay out what was said against what came true, both from 0 to the largest of them."""
    most = min(max(max(one.said, one.high) for one in curve.groups) * 1.05, 1.0)
    left, right, bottom = _LEFT, size - _RIGHT - _LETTER, size - _BOTTOM  # half a number stands beyond the end

    def x_of(value: float) -> float:
        return round(left + value / most * (right - left), 1)

    def y_of(value: float) -> float:
        return round(bottom - value / most * (bottom - _TOP), 1)

    ticks = number_ticks(0.0, most, most=5)
    places = [x_of(one.said) for one in curve.groups]
    figures = [Figure(one.came, one.low, one.high) for one in curve.groups]
    return Picture(
        size,
        size,
        left,
        right,
        _TOP,
        bottom,
        tuple(Tick(x_of(value), label) for value, label in ticks),
        tuple(Tick(y_of(value), label) for value, label in ticks),
        (_line("realised", figures, places, y_of, dotted=True),),
    )


def strip(values: Sequence[float | None]) -> tuple[tuple[int, str], ...]:
    """Return a column's course as one SVG path for each step reached, in a box one high and one wide a window.

    A window's bar is the higher the further it went; windows as usual have none. Equal neighbours share a bar.

    Examples
    --------
    >>> strip([0.5, 1.5, 1.2, None, 20.0])
    ((1, 'M1 .75h2v.25h-2z'), (4, 'M4 0h1v1h-1z'))
    """
    steps = [0 if value is None else sum(value > step for step in STEPS) for value in values]
    paths: dict[int, str] = {}
    start = 0
    for i in range(1, len(steps) + 1):
        if i < len(steps) and steps[i] == steps[start]:
            continue
        if steps[start]:
            size = f"{steps[start] / len(STEPS):.4g}".replace("0.", ".")
            top = f"{1 - steps[start] / len(STEPS):.4g}".replace("0.", ".")
            wide = i - start
            paths[steps[start]] = paths.get(steps[start], "") + f"M{start} {top}h{wide}v{size}h-{wide}z"
        start = i
    return tuple(sorted(paths.items()))


def _range(figures: Sequence[Figure]) -> tuple[float, float]:
    low, high = min(one.value for one in figures), max(one.value for one in figures)
    spread = (high - low) or abs(high) * 0.1 or 1.0
    lows = [one.low for one in figures if one.low is not None and math.isfinite(one.low)]
    highs = [one.high for one in figures if one.high is not None and math.isfinite(one.high)]
    low = max(min([low, *lows]), low - _STRETCH * spread)
    high = min(max([high, *highs]), high + _STRETCH * spread)
    margin = 0.06 * (high - low) or 0.06 * (abs(high) or 1.0)
    return low - margin, high + margin


def _line(
    kind: str,
    figures: Sequence[Figure | None],
    places: Sequence[float],
    y_of: Callable[[float], float],
    *,
    dotted: bool,
) -> Line:
    path, down = [], False
    whiskers = []
    for x, one in zip(places, figures, strict=True):
        if one is not None:
            path.append(f"{'L' if down else 'M'}{x} {y_of(one.value)}")
            if one.low is not None and one.high is not None:
                whiskers.append((x, y_of(one.low), y_of(one.high)))
        down = one is not None
    known = [(x, y_of(one.value)) for x, one in zip(places, figures, strict=True) if one is not None]
    return Line(kind, "".join(path), _interval(kind, whiskers), tuple(known if dotted or len(known) == 1 else ()))


def _interval(kind: str, bounds: Sequence[tuple[float, float, float]]) -> str:
    """Return the band of an estimate, or the whiskers of what came true; one alone is a whisker, too."""
    if kind == "estimated" and len(bounds) > 1:
        there = " ".join(f"{x} {high}" for x, _, high in bounds)
        back = " ".join(f"{x} {low}" for x, low, _ in reversed(bounds))
        return f"M{there} L{back}Z"
    return "".join(f"M{x} {low}V{high}" for x, low, high in bounds)


def _names(names: Sequence[str], places: Sequence[float], right: float) -> tuple[Tick, ...]:
    """Return as many windows' names as there is room for."""
    found: list[Tick] = []
    free = 0.0
    for name, x in zip(names, places, strict=True):
        shown = name if len(name) <= 12 else f"{name[:11]}\N{HORIZONTAL ELLIPSIS}"
        half = len(shown) * _LETTER / 2
        if x - half >= free and x + half <= right + _RIGHT:
            found.append(Tick(x, shown))
            free = x + half + _LETTER
    return tuple(found)
