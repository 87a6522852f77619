"""Workers and the one who leads in the ledger's database."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Column, Engine, Integer, String, Table, delete, insert, select

from daytwo.core.ledger import LEDGER, Moment
from daytwo.lifecycle.workers import Worker

_workers = Table(
    "workers",
    LEDGER,
    Column("id", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
    Column("beats", Integer, nullable=False),
)
# At most one row, called so.
_LEAD = "lead"
_lead = Table("lead", LEDGER, Column("name", String, primary_key=True), Column("worker", String, nullable=False))


class SqlWorkerBook:
    """The `WorkerBook` as two tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, worker: Worker) -> None:
        """Keep the worker under its id."""
        with self._engine.begin() as connection:
            connection.execute(delete(_workers).where(_workers.c.id == worker.id))
            connection.execute(insert(_workers).values(**asdict(worker)))

    def workers(self) -> tuple[Worker, ...]:
        """Every worker that has signed in, the oldest first."""
        query = select(_workers).order_by(_workers.c.begun_at, _workers.c.id)
        with self._engine.connect() as connection:
            return tuple(Worker(**row) for row in connection.execute(query).mappings())

    def leave(self, worker_id: str) -> None:
        """Forget a worker, and its lead."""
        with self._engine.begin() as connection:
            connection.execute(delete(_workers).where(_workers.c.id == worker_id))
            connection.execute(delete(_lead).where(_lead.c.worker == worker_id))

    def leader(self) -> str | None:
        """Return who leads."""
        with self._engine.connect() as connection:
            return connection.execute(select(_lead.c.worker)).scalar()

    def take_lead(self, worker_id: str, *, after: str | None) -> bool:
        """Compare and set, as the port says."""
        with self._engine.begin() as connection:
            if connection.execute(select(_lead.c.worker)).scalar() != after:
                return False
            connection.execute(delete(_lead))
            connection.execute(insert(_lead).values(name=_LEAD, worker=worker_id))
            return True
