"""The cost ledger in the ledger's database."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Column, Engine, Float, String, Table, insert, select

from daytwo.core.ledger import LEDGER, Moment
from daytwo.value.costs import Cost

_costs = Table(
    "costs",
    LEDGER,
    Column("cause", String, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("quantity", Float, nullable=False),
    Column("unit", String, nullable=False),
    Column("amount", Float, nullable=False),
)


class SqlCostBook:
    """The `CostBook` as one table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, cost: Cost) -> None:
        """Keep the expense once per cause."""
        with self._engine.begin() as connection:
            if connection.execute(select(_costs.c.cause).where(_costs.c.cause == cost.cause)).first() is None:
                connection.execute(insert(_costs).values(**asdict(cost)))

    def costs(self) -> tuple[Cost, ...]:
        """Every expense, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_costs).order_by(_costs.c.at, _costs.c.cause)).mappings()
            return tuple(Cost(**row) for row in rows)
