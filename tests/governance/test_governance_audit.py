"""The audit log's chain: whole when untouched, broken at the first touched entry."""

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from daytwo.core.ledger import LEDGER, open_ledger
from daytwo.governance.audit import Entry, first_break
from daytwo.governance.sql import SqlAuditLog

ON_BOTH = True
NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)
AUDIT = LEDGER.tables["audit"]


def _entry(i: int) -> Entry:
    return Entry(NOW, "ana", "promote", f"v{i}", f"cause {i}", {"share": 0.25, "reason": "ü"})


def test_an_untouched_chain_is_whole_and_reads_back_as_written(ledger):
    log = SqlAuditLog(ledger)
    written = [log.append(_entry(i)) for i in range(5)]
    assert list(log.read()) == written
    assert first_break(log.read()) is None


def test_the_same_cause_is_sealed_once(ledger):
    log = SqlAuditLog(ledger)
    assert log.append(_entry(1)) == log.append(_entry(1))
    assert len(log.read()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        update(AUDIT).values(actor="eve"),
        update(AUDIT).values(detail="{}"),
        delete(AUDIT),
        update(AUDIT).values(at="2013-04-01T12:00:01+00:00"),
    ],
)
def test_a_changed_or_missing_entry_breaks_the_chain_there(ledger, damage):
    log = SqlAuditLog(ledger)
    for i in range(5):
        log.append(_entry(i))
    with ledger.begin() as connection:
        connection.execute(damage.where(AUDIT.c.number == 3))
    assert first_break(log.read()) == 3


def _append_many(place: tuple[str, Path, str], who: str) -> None:
    engine = open_ledger(*place)
    log = SqlAuditLog(engine)
    for i in range(20):
        log.append(Entry(NOW, who, "act", "x", f"{who} {i}"))
    engine.dispose()


def test_writers_in_several_processes_keep_one_chain(ledger, ledger_place):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(ledger_place, who)) for who in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    log = SqlAuditLog(ledger).read()
    assert len(log) == 60
    assert first_break(log) is None
