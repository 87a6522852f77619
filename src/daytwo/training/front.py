"""The front of variants: what is given up for how much less work, and which one to take. Pure.

Variants are ranked by the nodes that a row visits: exact work, the same on every machine and in every run. Measured
times stand beside, for show and for the latency gate; nothing is chosen by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

REFERENCE = "reference"
# Glass boxes (`additive.py`), the most readable first: one curve a column, and with what pairs of columns do.
ADDITIVE, PAIRED = "additive", "additive+pairs"
GLASS_BOXES = (ADDITIVE, PAIRED)
_US_PER_HOUR = 3.6e9
_MILLION = 1_000_000


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One model that could be served.

    `metric` with `low` and `high` is its value on the select rows and the 95 % interval; `loss` with `loss_low` and
    `loss_high` how much worse than the reference it is on the same rows, in the metric's unit. `nodes_per_row` is
    the mean number of decisions for one row, `mb` the size of the model file in 10^6 bytes. `failed` says why it
    may not be taken, None where it may. Times in microseconds, for one row and per row of a block (`us_per_row_block`),
    and money for a million rows, are measured on this machine; None before.
    """

    name: str
    metric: float
    low: float
    high: float
    loss: float
    loss_low: float
    loss_high: float
    trees: int
    nodes_per_row: float
    mb: float
    failed: str | None = None
    on_front: bool = False
    p50_us: float | None = None
    p99_us: float | None = None
    cpu_us: float | None = None
    us_per_row_block: float | None = None
    cost_per_million: float | None = None

    def cost_of(self, rows: float) -> float | None:
        """Return what the processor time of so many rows costs, asked one at a time; None where it was not measured."""
        return None if self.cost_per_million is None else self.cost_per_million * rows / _MILLION


def mark_front(variants: Iterable[Variant], *, higher_is_better: bool) -> tuple[Variant, ...]:
    """Return the variants, cheapest first, with those marked that no other beats on both metric and nodes.

    Equal on both counts as not beaten. A variant that failed is never on the front, and beats nobody.
    """
    given = tuple(variants)
    sign = 1.0 if higher_is_better else -1.0
    able = [one for one in given if one.failed is None]

    def is_beaten(one: Variant) -> bool:
        return any(
            other.nodes_per_row <= one.nodes_per_row
            and sign * other.metric >= sign * one.metric
            and (other.nodes_per_row < one.nodes_per_row or sign * other.metric > sign * one.metric)
            for other in able
        )

    marked = [msgspec.structs.replace(one, on_front=one.failed is None and not is_beaten(one)) for one in given]
    return tuple(sorted(marked, key=lambda one: (one.nodes_per_row, one.name)))


def recommend(variants: Iterable[Variant], *, margin: float, readable: bool = False) -> Variant:
    """Return the variant with the fewest nodes a row that loses no more than `margin`, sure to 95 %.

    Sure, because the best-looking of several variants flatters itself: the upper end of the interval of its loss
    must be within the margin. Where none is, the reference itself.

    A glass box says something else than the reference, which other students follow; what it says may be better or
    worse on other days, so it is taken only where `readable` is wished for: then the most readable one within the
    margin, if there is one.

    Parameters
    ----------
    margin : float
        Bearable loss, >= 0, in the metric's unit.
    """
    within = {one.name: one for one in variants if is_within(one, margin)}
    glass = [within.pop(name) for name in GLASS_BOXES if name in within]
    if readable and glass:
        return glass[0]
    return min(within.values(), key=lambda one: (one.nodes_per_row, one.name))


def is_within(variant: Variant, margin: float) -> bool:
    """Return whether a variant may be taken: it has not failed, and surely loses no more than `margin`."""
    return variant.failed is None and (variant.name == REFERENCE or variant.loss_high <= margin)


@dataclass(frozen=True, slots=True)
class Times:
    """Measured in microseconds: one row's median, 99th percentile and CPU, and the CPU of a row in a block."""

    p50_us: float
    p99_us: float
    cpu_us: float
    us_per_row_block: float


def with_times(variant: Variant, times: Times, *, core_hour: float) -> Variant:
    """Return the variant with measured times, and the CPU money of a million rows at `core_hour` an hour."""
    cost = times.cpu_us * _MILLION / _US_PER_HOUR * core_hour
    return msgspec.structs.replace(
        variant,
        p50_us=times.p50_us,
        p99_us=times.p99_us,
        cpu_us=times.cpu_us,
        us_per_row_block=times.us_per_row_block,
        cost_per_million=cost,
    )
