"""The cost ledger: every measured or priced expense of a model, once, in the project's currency.

Machine time is measured in CPU seconds and priced by `[cost] core_hour`; people's time by `[cost] person_hour`;
a switch of versions by `[retrain] switch_cost`. Pure but for the port; `sql.py` keeps the book in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daytwo.core.settings import CostSettings

SERVING, TRAINING, MONITORING, APPROVAL, SWITCH = "serving", "training", "monitoring", "approval", "switch"


@dataclass(frozen=True, slots=True)
class Cost:
    """One expense. `cause` is its idempotency key; `quantity` is in `unit`, `amount` in the currency."""

    cause: str
    at: datetime
    kind: str
    quantity: float
    unit: str
    amount: float


class CostBook(Protocol):
    """Where expenses are kept."""

    def add(self, cost: Cost) -> None:
        """Keep the expense; the same cause again changes nothing."""
        ...

    def costs(self) -> tuple[Cost, ...]:
        """Every expense, the oldest first."""
        ...


def cpu_cost(cause: str, at: datetime, kind: str, cpu_s: float, prices: CostSettings) -> Cost:
    """Price CPU seconds.

    Examples
    --------
    >>> from datetime import datetime
    >>> cpu_cost("x", datetime(2013, 4, 1), TRAINING, 3600.0, CostSettings(core_hour=0.05)).amount
    0.05
    """
    return Cost(cause, at, kind, cpu_s, "cpu_s", cpu_s / 3600 * prices.core_hour)


def person_cost(cause: str, at: datetime, kind: str, minutes: float, prices: CostSettings) -> Cost:
    """Price a person's minutes."""
    return Cost(cause, at, kind, minutes, "person_min", minutes / 60 * prices.person_hour)


def by_kind(costs: Iterable[Cost]) -> dict[str, float]:
    """Return the sum of amounts per kind, in the currency, the dearest first."""
    sums: dict[str, float] = {}
    for cost in costs:
        sums[cost.kind] = sums.get(cost.kind, 0.0) + cost.amount
    return dict(sorted(sums.items(), key=lambda pair: -pair[1]))
