"""Records copied from a file into Postgres: every one, as it was, once; or none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daytwo.alerts.alerts import take_in
from daytwo.alerts.sql import SqlAlertBook
from daytwo.core.errors import Conflict, Fault
from daytwo.core.finding import Finding, Severity
from daytwo.core.ledger import create_tables, open_ledger, open_sqlite
from daytwo.core.ledger_copy import copy_records, count_records
from daytwo.core.ledger_postgres import schema_of
from daytwo.governance.audit import Entry, first_break
from daytwo.governance.sql import SqlAuditLog
from daytwo.value.costs import Cost
from daytwo.value.sql import SqlCostBook

NOON = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture
def source(tmp_path):
    engine = open_sqlite(tmp_path / "ledger.db")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def target(postgres, tmp_path):
    engine = open_ledger(postgres.url(), tmp_path, f"{tmp_path} copied")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def filled(source):
    for number in range(1_200):
        cost = Cost(f"serving:{number}", NOON, "serving", 0.1 * number, "s", 1e-9 / (number + 3))
        SqlCostBook(source).add(cost)
    log = SqlAuditLog(source)
    for number in range(12):
        log.append(Entry(NOON, "ana", "tried", f"v{number}", f"cause {number}", {"é": [1, None, 0.1]}))
    finding = Finding("drift.column", "wind", Severity.WARNING, "moved", evidence={"by": 0.25})
    SqlAlertBook(source).put(take_in([finding], [], at=NOON, opened_by="w1").opened[0])
    return source


def test_every_record_arrives_as_it_was(filled, target):
    moved = copy_records(filled, target)
    assert (moved["costs"], moved["audit"], moved["alerts"]) == (1_200, 12, 1)
    assert count_records(target) == moved
    assert SqlCostBook(target).costs() == SqlCostBook(filled).costs()
    assert SqlAuditLog(target).read() == SqlAuditLog(filled).read()
    assert first_break(SqlAuditLog(target).read()) is None
    assert SqlAlertBook(target).alerts() == SqlAlertBook(filled).alerts()


def test_a_copy_that_was_made_is_made_once(filled, target):
    assert copy_records(filled, target) == copy_records(filled, target)
    assert len(SqlCostBook(target).costs()) == 1_200


def test_where_one_table_holds_other_records_nothing_is_copied(filled, target):
    SqlCostBook(target).add(Cost("mine", NOON, "labels", 1.0, "rows", 5.0))
    with pytest.raises(Conflict, match="holds others in its table costs"):
        copy_records(filled, target)
    assert sum(count_records(target).values()) == 1
    # An empty one that is to take nothing is no cause to refuse; what is left out is not looked at.
    assert copy_records(filled, target, leave=("costs",))["audit"] == 12


def test_a_database_that_keeps_records_otherwise_takes_none(filled, target, postgres, tmp_path):
    schema = schema_of(f"{tmp_path} copied")
    postgres.run(
        f"create function {schema}.rounds() returns trigger language plpgsql as"
        " $$ begin new.amount = round(new.amount); return new; end $$",
        f"create trigger rounds before insert on {schema}.costs for each row execute function {schema}.rounds()",
    )
    with pytest.raises(Fault, match="the table costs do not read back"):
        copy_records(filled, target)
    assert not any(count_records(target).values())
