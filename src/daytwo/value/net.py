"""Net value: what the decisions brought, less what the model cost, beside what never retraining would have brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daytwo.value.costs import Cost, by_kind


@dataclass(frozen=True, slots=True)
class WindowValue:
    """Realised money of one settled window: as answered (`live`), and had the first version stayed (`static`)."""

    live: float
    static: float
    rows: int


@dataclass(frozen=True, slots=True)
class NetValue:
    """Totals over settled windows, in `currency`. `net` is `live` less all costs; `costs` are by kind."""

    currency: str
    live: float
    static: float
    costs: Mapping[str, float]
    rows: int

    @property
    def cost(self) -> float:
        """The sum of all costs."""
        return sum(self.costs.values())

    @property
    def net(self) -> float:
        """What is left."""
        return self.live - self.cost


def net_value(windows: Iterable[WindowValue], costs: Iterable[Cost], *, currency: str) -> NetValue:
    """Add up settled windows and costs.

    Examples
    --------
    >>> net_value([WindowValue(100.0, 80.0, 10)], [], currency="USD").net
    100.0
    """
    windows = tuple(windows)
    return NetValue(
        currency=currency,
        live=sum(window.live for window in windows),
        static=sum(window.static for window in windows),
        costs=by_kind(costs),
        rows=sum(window.rows for window in windows),
    )
