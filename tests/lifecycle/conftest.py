"""A project as the flows see it: a real ledger on SQLite, tables in memory, bundles in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from daytwo.alerts.sql import SqlAlertBook
from daytwo.core.settings import DataSettings, ModelSettings, PlanSettings, ReleaseSettings, Settings
from daytwo.governance.sql import SqlApprovals, SqlAuditLog, SqlTokens
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.records_sql import SqlReleaseBook, SqlWindowBook
from daytwo.lifecycle.system import System
from daytwo.registry.bundle import BundleStore
from daytwo.registry.sql import SqlRegistry
from daytwo.tables.memory import MemoryTables
from daytwo.value.sql import SqlCostBook

STEPS = ("shadow 2d", "canary 5% 1d", "canary 25% 1d")


class KeptRun:
    """A run whose steps are kept in `results`, as a durable one keeps them on disk: give them to the next try."""

    def __init__(self, run_id: str, results: dict[str, Json]) -> None:
        self.id, self.results = run_id, results

    def step(self, name, work):
        if name not in self.results:
            self.results[name] = work()
        return self.results[name]


@pytest.fixture
def kept_run() -> Callable[[str, dict[str, Json]], KeptRun]:
    return KeptRun


@pytest.fixture
def make_system(tmp_path: Path) -> Callable[..., System]:
    """Builds the system over a ledger; every table of the lifecycle is made with it."""

    def make(engine: Engine, folder: Path | None = None) -> System:
        folder = folder or tmp_path
        return System(
            folder=folder,
            state=folder / ".daytwo",
            settings=Settings(
                model=ModelSettings(name="flights", target="late", owner="ops@airline.example"),
                data=DataSettings(owner="data@airline.example"),
                release=ReleaseSettings(steps=STEPS),
                plan=PlanSettings(kpi="money", budget=1e6, review_by="2099-01-01"),
            ),
            tables=MemoryTables(),
            bundles=BundleStore(folder / ".daytwo" / "bundles"),
            registry=SqlRegistry(engine, "flights"),
            audit=SqlAuditLog(engine),
            approvals=SqlApprovals(engine),
            alerts=SqlAlertBook(engine),
            channel=None,
            releases=SqlReleaseBook(engine),
            windows=SqlWindowBook(engine),
            costs=SqlCostBook(engine),
            tokens=SqlTokens(engine),
            seal_journal=lambda: None,
        )

    return make


@pytest.fixture
def system(ledger: Engine, make_system: Callable[..., System]) -> System:
    return make_system(ledger)
