"""Rows harmed one column at a time, as the contract would still let them pass."""

from dataclasses import dataclass

import numpy as np
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind
from daytwo.lifecycle.gating.conduct import harmed

CONTRACT = Contract(
    "trips",
    1,
    "ana",
    (
        Column("km", Kind.NUMBER, minimum=0.0, maximum=1_000.0),
        Column("seats", Kind.INTEGER, minimum=1.0, maximum=500.0),
        Column("carrier", Kind.CATEGORY, levels=("AA", "B6")),
        Column("late", Kind.INTEGER, role=Role.TARGET),
    ),
)


@dataclass
class Linear:
    """A model that adds up what it is given; what is missing counts as 5."""

    contract: Contract = CONTRACT

    def __post_init__(self):
        self.schema = self.contract.features

    def score_many(self, rows):
        return np.nan_to_num(rows.astype(np.float64), nan=5.0).sum(axis=1)


def rows():
    return np.column_stack([np.linspace(0.5, 99.5, 100), np.arange(100) + 1, np.arange(100) % 2]).astype(np.float32)


def test_each_column_is_lost_put_at_its_limits_and_given_another_unit():
    found = harmed(Linear(), rows())
    assert set(found) == {
        *("without km", "km at its limit", "km at its lower limit", "km times 2.54"),
        *("without seats", "seats at its limit", "seats at its lower limit"),
        "without carrier",
    }
    before = Linear().score_many(rows())
    assert (found["without km"] - before).mean() == pytest.approx(5 - 50)
    assert (found["km at its limit"] - before).mean() == pytest.approx(1_000 - 50)
    asked = found["km times 2.54"]
    assert asked.shape == (2, 100)
    assert (asked[1] - asked[0]).mean() == pytest.approx(50 * 1.54, rel=1e-5)


def test_the_unit_that_moves_most_is_told_of_rows_that_the_contract_lets_pass():
    small = rows()
    small[:, 0] /= 100  # times 1,000 stays within 1,000
    found = harmed(Linear(), small)
    assert "km times 1e+03" in found
    narrow = small.copy()
    narrow[:, 0] = 900.0
    assert "km times 2.54" not in harmed(Linear(), narrow)  # the contract would reject it
