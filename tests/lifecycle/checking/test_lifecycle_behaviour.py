"""Rows with one value changed: which rows are asked, and what the model is asked."""

from dataclasses import dataclass

import numpy as np
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind
from daytwo.core.settings import ExpectSettings
from daytwo.lifecycle.checking.behaviour import behave

CONTRACT = Contract(
    "trips",
    1,
    "ana",
    (
        Column("wind", Kind.NUMBER, nullable=True, minimum=0.0, maximum=100.0),
        Column("carrier", Kind.CATEGORY, levels=("AA", "B6", "DL")),
        Column("rain", Kind.BOOLEAN),
        Column("seats", Kind.INTEGER, minimum=1.0),
        Column("late", Kind.INTEGER, role=Role.TARGET),
    ),
)
WIND = np.linspace(1, 90, 90)


@dataclass
class Rule:
    """A model that is a rule, and remembers what it was asked."""

    rule: object
    contract: Contract = CONTRACT

    def __post_init__(self):
        self.schema, self.asked = self.contract.features, []

    def score_many(self, rows):
        self.asked.append(rows)
        return np.array([float(self.rule(row)) for row in rows])


def rows():
    return np.column_stack([WIND, np.arange(90) % 3, np.arange(90) % 2, np.arange(90) + 1]).astype(np.float32)


def expected(column, change, expect, **more):
    return ExpectSettings(column=column, change=change, expect=expect, **more)


def test_more_wind_makes_later_and_what_leaves_the_contract_is_not_asked():
    model = Rule(lambda row: row[0] / 100)
    found = behave(model, rows(), expected("wind", "+20", "up"))
    assert found.passed
    assert found.rows == 80  # 81 and more would go over 100
    assert found.moved == pytest.approx(0.2)
    before, after = model.asked
    assert (after[:, 0] == before[:, 0] + 20).all()
    assert (after[:, 1:] == before[:, 1:]).all()
    assert not behave(model, rows(), expected("wind", "+20", "down")).passed
    assert not behave(model, rows(), expected("wind", "+20", "same")).passed


def test_missing_values_are_left_alone():
    harmed = rows()
    harmed[:30, 0] = np.nan
    assert behave(Rule(lambda row: row[0]), harmed, expected("wind", "-5", "down")).rows == 60


def test_every_level_is_tried():
    found = behave(Rule(lambda row: row[0]), rows(), expected("carrier", "any", "same"))
    assert (found.passed, found.rows) == (True, 180)  # each row becomes the two others
    unfair = Rule(lambda row: float(row[1] == 1))
    assert behave(unfair, rows(), expected("carrier", "any", "same")).held == pytest.approx(1 / 3)
    assert behave(unfair, rows(), expected("carrier", "=B6", "up")).passed
    assert behave(unfair, rows(), expected("carrier", "=AA", "down")).rows == 60


def test_a_truth_and_a_set_number():
    wet = Rule(lambda row: row[2])
    assert behave(wet, rows(), expected("rain", "=true", "up", at_least=1.0)).rows == 45
    assert behave(Rule(lambda row: row[0]), rows(), expected("wind", "=0", "down")).passed
    assert behave(Rule(lambda row: row[0]), rows(), expected("wind", "*1.1", "up")).passed


def test_a_whole_number_stays_one():
    assert behave(Rule(lambda row: row[3]), rows(), expected("seats", "*1.5", "up")).rows == 45


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        (
            "late",
            "+1",
            "names the column 'late', which is no input of the model. Its inputs are wind, carrier, rain, seats",
        ),
        ("sun", "+1", "'sun', which is no input"),
        ("carrier", "+1", "Write 'any', or '=' and one of AA, B6, DL"),
        ("carrier", "=XX", "carrier cannot become what was asked for"),
        ("wind", "any", "any level of wind, which is a number"),
        ("wind", "=high", "sets wind, a number, to 'high'"),
    ],
)
def test_what_means_nothing_is_refused(column, change, told):
    with pytest.raises(SettingsError, match=told):
        behave(Rule(lambda row: row[0]), rows(), expected(column, change, "same"))


def test_where_nothing_could_be_changed_nothing_is_shown():
    found = behave(Rule(lambda row: row[0]), rows(), expected("wind", "+100", "up"))
    assert (found.passed, found.rows) == (False, 0)
