"""The front of a release as one HTML file: self-contained, offline, printable; quality drawn against work.

Places are worked out here; `templates/front.html` turns them into elements, and only there is text escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daytwo import __version__
from daytwo.core.axes import Tick, number_ticks
from daytwo.core.pages import page_template
from daytwo.training.front import GLASS_BOXES, REFERENCE, Variant, is_within

WIDTH, HEIGHT = 720.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 96.0, 16.0, 36.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is about. `volume` is rows a month, 0 where nobody said; `cheaper` as the command tells it."""

    release: str
    model: str
    metric: str
    margin: float
    currency: str
    variants: tuple[Variant, ...]
    recommended: str
    cheaper: float | None
    volume: float = 0.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A variant in the drawing: its place, the ends of its interval, and whether it is taken."""

    variant: Variant
    x: float
    y: float
    low: float
    high: float
    taken: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything in the units of the view box; work to the right on a scale of powers, the metric upwards."""

    dots: tuple[Dot, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def front_page(shown: Shown) -> str:
    """Return the page as the text of one HTML file."""
    return page_template("daytwo.training", "front.html").render(
        shown=shown, drawing=draw(shown.variants, shown.recommended), said=sentence(shown), box=(WIDTH, HEIGHT),
        edge=(_LEFT, HEIGHT - _BOTTOM), version=__version__,
    )  # fmt: skip


def sentence(shown: Shown) -> str:
    """Say what the front means: which variant to take, what it saves, and what it may lose."""
    by_name = {one.name: one for one in shown.variants}
    chosen, reference = by_name.get(shown.recommended), by_name.get(REFERENCE)
    if chosen is None or reference is None:
        return "Nothing is recommended: no variant may be taken."
    glass = [name for name in GLASS_BOXES if name in by_name and is_within(by_name[name], shown.margin)]
    readable = 'can be read as a whole: [train] prefer = "readable" takes it.'
    hint = f" {glass[0]} keeps the margin, too, and {readable}" if glass else ""
    if chosen is reference:
        if len(shown.variants) == 1:
            return "There is one model only, and nothing to compare it with."
        nothing = "no student is both cheaper and" if glass else "nothing cheaper is"
        return f"Take the reference model: {nothing} within {shown.margin:g} of its {shown.metric}, sure to 95 %.{hint}"
    work = f"{shown.cheaper or 1:.1f} times less work a row than the reference model"
    loses = f"is worse by no more than {chosen.loss_high:.4f}, sure to 95 %; {shown.margin:g} is bearable"
    gains = f"is better by {-chosen.loss_high:.4f} or more, sure to 95 %"
    told = f"Take {chosen.name}: {work}. Its {shown.metric} {loses if chosen.loss_high >= 0 else gains}."
    told += " It can be read as a whole: daytwo explain --curves." if chosen.name in GLASS_BOXES else hint
    before, after = reference.cost_of(shown.volume), chosen.cost_of(shown.volume)
    if shown.volume and before is not None and after is not None:
        money = f"{after:,.2f} {shown.currency} instead of {before:,.2f}"
        told += f" At {shown.volume:,.0f} rows a month, scoring costs {money}."
    return told


def draw(variants: Sequence[Variant], recommended: str) -> Drawing:
    """Lay the variants out; those without trees, whose work is not known, stand at the left edge."""
    if not variants:
        return Drawing((), (), ())
    work = [max(one.nodes_per_row, 1.0) for one in variants]
    left, right = math.log10(min(work) / 1.3), math.log10(max(work) * 1.3)
    low, high = min(one.low for one in variants), max(one.high for one in variants)
    # Values that hardly differ are drawn apart by no less than their own last digits.
    room = max((high - low) * 0.05, 1e-6 * max(abs(low), abs(high)), 1e-6)
    low, high = low - room, high + room

    def x(value: float) -> float:
        return _LEFT + (math.log10(max(value, 1.0)) - left) / (right - left) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)

    dots = tuple(
        Dot(one, x(one.nodes_per_row), y(one.metric), y(one.low), y(one.high), one.name == recommended)
        for one in variants
    )
    across = tuple(Tick(x(value), f"{value:,.0f}") for value in _powers(10**left, 10**right))
    up = tuple(Tick(y(value), label) for value, label in number_ticks(low, high, most=6))
    return Drawing(dots, across, up)


def _powers(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two positive numbers."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [value for e in exponents for m in (1, 2, 5) if low <= (value := m * 10.0**e) <= high]
