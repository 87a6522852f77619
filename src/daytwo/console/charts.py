"""Where everything in a line chart goes: lines over windows with their intervals, ticks, and marks of change.

Pure geometry in the units of an SVG view box; `templates/chart.html` turns a `Drawing` into elements, and only there
is text escaped. A line is told from another by its dashes and its dots, never by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daytwo.core.axes import Tick, number_ticks
from daytwo.lifecycle.course import Figure

# More windows than these are a smear; the newest are drawn.
MOST_POINTS = 104
# With more points than this, dots would touch each other.
_MOST_DOTS = 60
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 10.0, 20.0, 24.0
# An interval may stretch the axis by so many times the spread of the values; what is wider is cut at the edge.
_REACH = 0.75
# A little more than the width of a letter of a mark's label.
_LETTER = 7.5


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a figure per point, None where unknown. `kind` is `live`, `static` or `estimated`.

    `interval` says how it is shown: `band`, `whiskers`, or empty for not at all.
    """

    name: str
    kind: str
    figures: tuple[Figure | None, ...]
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: lines over windows `[starts, ends)`, with labelled moments. `id` is unique on its page."""

    id: str
    title: str
    sentence: str
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    lines: tuple[Line, ...]
    marks: tuple[tuple[datetime, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no figure at all."""
        return all(figure is None for line in self.lines for figure in line.figures)


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line's paths in SVG's own words; empty where there is nothing to draw."""

    name: str
    kind: str
    path: str
    band: str
    whiskers: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart laid out in a box of `width` x `height`; the plot itself lies within the four edges."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[DrawnLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    zero: float | None
    is_cut: bool


def draw(chart: Chart, *, width: int, height: int) -> Drawing:
    """Lay a chart with at least one figure out in a box."""
    left, right, top, bottom = _LEFT, width - _RIGHT, _TOP, height - _BOTTOM
    low, high, is_cut = _domain(chart.lines)
    first, last = chart.starts[0], chart.ends[-1]
    length = max((last - first).total_seconds(), 1.0)

    def x_of(moment: datetime) -> float:
        return round(left + (moment - first).total_seconds() / length * (right - left), 1)

    def y_of(value: float) -> float:
        inside = min(max(value, low), high)
        return round(bottom - (inside - low) / (high - low) * (bottom - top), 1)

    centres = [x_of(start + (end - start) / 2) for start, end in zip(chart.starts, chart.ends, strict=True)]
    return Drawing(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        lines=tuple(_drawn(line, centres, y_of) for line in chart.lines),
        x_ticks=tuple(Tick(x_of(at), label) for at, label in time_ticks(first, last, most=int((right - left) // 62))),
        y_ticks=tuple(Tick(y_of(value), label) for value, label in number_ticks(low, high, most=5)),
        marks=_spread([Tick(x_of(at), label) for at, label in chart.marks if first <= at <= last]),
        zero=y_of(0.0) if low < 0 < high else None,
        is_cut=is_cut,
    )


def time_ticks(first: datetime, last: datetime, *, most: int) -> list[tuple[datetime, str]]:
    """Return beginnings of days or months between two moments, at most `most` of them, with labels.

    Examples
    --------
    >>> [label for _, label in time_ticks(datetime(2013, 4, 1), datetime(2013, 8, 1), most=4)]
    ['Apr', 'Jun', 'Aug']
    >>> [label for _, label in time_ticks(datetime(2013, 4, 1), datetime(2013, 4, 15), most=8)]
    ['1 Apr', '3 Apr', '5 Apr', '7 Apr', '9 Apr', '11 Apr', '13 Apr', '15 Apr']
    """
    most = max(most, 1)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if last - first < timedelta(days=3):
        hours = (last - first).total_seconds() / 3600
        step = next(size for size in (1, 3, 6, 12, 24) if size * most >= hours or size == 24)
        every = (midnight + timedelta(hours=step * i) for i in range(int(96 / step)))
        return [(at, f"{at:%H:%M}" if at.hour else f"{at.day} {at:%b}") for at in every if first <= at <= last]
    if last - first < timedelta(days=75):
        days = (last - first).days
        step = next(size for size in (1, 2, 7, 14, 28, 56, 84) if size * most > days)
        every = (midnight + timedelta(days=step * i) for i in range(days // step + 2))
        return [(at, f"{at.day} {at:%b}") for at in every if first <= at <= last]
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    step = next(size for size in (1, 2, 3, 6, 12, 24, 60, 120) if size * most >= months or size == 120)
    begun = midnight.replace(day=1)
    numbers = range(begun.year * 12 + begun.month - 1, last.year * 12 + last.month, 1)
    every = (begun.replace(year=n // 12, month=n % 12 + 1) for i, n in enumerate(numbers) if i % step == 0)
    is_long = months > 24
    return [(at, f"{at:%b %Y}" if is_long else f"{at:%b}") for at in every if first <= at <= last]


def _domain(lines: Sequence[Line]) -> tuple[float, float, bool]:
    """Return the range of the axis, and whether an interval reaches beyond it."""
    figures = [figure for line in lines for figure in line.figures if figure is not None]
    shown = [figure for line in lines if line.interval for figure in line.figures if figure is not None]
    low, high = min(one.value for one in figures), max(one.value for one in figures)
    spread = (high - low) or abs(high) * 0.1 or 1.0
    lows = [one.low for one in shown if one.low is not None]
    highs = [one.high for one in shown if one.high is not None]
    widest = min([low, *lows]), max([high, *highs])
    bottom, top = max(widest[0], low - _REACH * spread), min(widest[1], high + _REACH * spread)
    # What differs by less than a millionth is the same to the eye: no reason to zoom in on it.
    is_flat = top - bottom < 1e-6 * max(abs(low), abs(high), 1e-6)
    margin = 0.06 * (max(abs(low), abs(high)) or 1.0) if is_flat else 0.06 * (top - bottom)
    return bottom - margin, top + margin, widest[0] < bottom or widest[1] > top


def _drawn(line: Line, centres: Sequence[float], y_of: object) -> DrawnLine:
    assert callable(y_of)
    known = [(x, one) for x, one in zip(centres, line.figures, strict=True) if one is not None]
    path, pen_is_down = [], False
    for x, one in zip(centres, line.figures, strict=True):
        if one is not None:
            path.append(f"{'L' if pen_is_down else 'M'}{x} {y_of(one.value)}")
        pen_is_down = one is not None
    bounded = [(x, y_of(one.low), y_of(one.high)) for x, one in known if one.low is not None and one.high is not None]
    band = whiskers = ""
    if line.interval == "band" and len(bounded) > 1:
        there = " ".join(f"{x} {high}" for x, _, high in bounded)
        back = " ".join(f"{x} {low}" for x, low, _ in reversed(bounded))
        band = f"M{there} L{back}Z"
    elif line.interval == "whiskers":
        whiskers = "".join(f"M{x} {low}V{high}" for x, low, high in bounded)
    dots = [(x, y_of(one.value)) for x, one in known]
    return DrawnLine(
        line.name, line.kind, "".join(path), band, whiskers, tuple(dots if len(dots) <= _MOST_DOTS else dots[-1:])
    )


def _spread(marks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Leave out labels that would lie on the one before; their lines stay."""
    kept: list[Tick] = []
    free = -math.inf
    for mark in sorted(marks, key=lambda one: one.at):
        fits = mark.at >= free
        kept.append(Tick(mark.at, mark.label if fits else ""))
        free = mark.at + _LETTER * len(mark.label) if fits else free
    return tuple(kept)
