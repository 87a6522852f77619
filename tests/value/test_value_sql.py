"""The cost book in a real ledger: each cause once, whoever writes and however often."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daytwo.core.ledger import open_ledger
from daytwo.value.costs import SERVING, TRAINING, Cost
from daytwo.value.sql import SqlCostBook

ON_BOTH = True
NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)
FIRST = Cost("train:1", NOW, TRAINING, 12.5, "cpu_s", 0.000174)
LATER = Cost("serve:1", NOW + timedelta(days=1), SERVING, 1.0, "cpu_s", 0.1)


@pytest.fixture
def book(ledger) -> SqlCostBook:
    return SqlCostBook(ledger)


def test_what_was_kept_comes_back_the_oldest_first(book):
    book.add(LATER)
    book.add(FIRST)
    assert book.costs() == (FIRST, LATER)


def test_the_same_cause_again_changes_nothing(book):
    book.add(FIRST)
    book.add(Cost("train:1", LATER.at, SERVING, 99.0, "cpu_s", 99.0))
    assert book.costs() == (FIRST,)


def _add_all(place: tuple[str, Path, str]) -> None:
    engine = open_ledger(*place)
    book = SqlCostBook(engine)
    for i in range(20):
        book.add(Cost(f"cause {i}", NOW, SERVING, 1.0, "cpu_s", 1.0))
    engine.dispose()


def test_processes_that_meter_the_same_causes_count_each_once(book, ledger_place):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_all, args=(ledger_place,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert sorted(cost.cause for cost in book.costs()) == sorted(f"cause {i}" for i in range(20))
