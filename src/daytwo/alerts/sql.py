"""Alerts in the ledger's database."""

from __future__ import annotations

from dataclasses import fields

import msgspec
from sqlalchemy import Column, Engine, Float, Integer, String, Table, delete, insert, select

from daytwo.alerts.alerts import Alert
from daytwo.core.finding import Severity
from daytwo.core.ledger import LEDGER, Moment

_alerts = Table(
    "alerts",
    LEDGER,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("opened_by", String, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("money_per_day", Float),
    Column("owner", String, nullable=False),
    Column("next_step", String, nullable=False),
    Column("evidence", String, nullable=False),
    Column("acknowledged_by", String, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String, nullable=False),
    Column("verdict", String, nullable=False),
)


class SqlAlertBook:
    """The `AlertBook` as one table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, alert: Alert) -> None:
        """Keep the alert under its id."""
        values = {field.name: getattr(alert, field.name) for field in fields(alert)}
        values |= {"severity": str(alert.severity), "evidence": msgspec.json.encode(alert.evidence).decode()}
        with self._engine.begin() as connection:
            connection.execute(delete(_alerts).where(_alerts.c.id == alert.id))
            connection.execute(insert(_alerts).values(**values))

    def alerts(self) -> tuple[Alert, ...]:
        """Every alert there was, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_alerts).order_by(_alerts.c.opened_at, _alerts.c.id)).mappings().all()
        return tuple(
            Alert(
                **(
                    dict(row)
                    | {"severity": Severity(row["severity"]), "evidence": msgspec.json.decode(row["evidence"])}
                )
            )
            for row in rows
        )
