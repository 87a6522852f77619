"""Challengers are trained where they pay, and the newest of them are read back."""

from datetime import UTC, datetime

import pytest

from daytwo.lifecycle.retraining import challengers as tested
from daytwo.lifecycle.retraining.challengers import challenger_before, latest_challengers, train_next
from daytwo.lifecycle.windows import Span
from daytwo.scoring.calibration import Calibration
from daytwo.training.challenger import Challenger

SPAN = Span(4, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))


@pytest.fixture
def priced(system, monkeypatch):
    monkeypatch.setattr(tested, "challenger_cost", lambda _: 2.0)
    return system


def test_none_is_trained_where_knowing_is_worth_less_than_its_price(priced):
    told = train_next("flow", priced, SPAN, {"retrain": False, "worth_knowing": 1.0})
    assert told["trained"] is False
    assert "cost more" in str(told["words"])


@pytest.mark.parametrize("decision", [{}, {"worth_knowing": 2.0}, {"worth_knowing": None}, {"retrain": True}])
def test_one_is_trained_where_it_may_pay_or_nobody_knows(priced, decision, monkeypatch):
    asked = []
    monkeypatch.setattr(tested, "champion", lambda _: asked.append(True))
    with pytest.raises(AssertionError):  # the project of this test has no champion to take the columns from
        train_next("flow", priced, SPAN, decision)
    assert asked


def test_the_newest_that_knew_nothing_of_a_window_are_read_back(system):
    for index in (0, 3, 7, 9):
        path = tested._path(system, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = Challenger(f"tree {index}".encode(), Calibration(), 2)
        path.write_bytes(tested._text(kept))
    assert [index for index, _ in latest_challengers(system, 9, most=2)] == [7, 3]
    newest = challenger_before(system, 3)
    assert newest is not None
    assert newest.text == b"tree 0"
    assert challenger_before(system, 0) is None
