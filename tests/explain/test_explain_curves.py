import numpy as np
import pytest

from daytwo.core.errors import NotFound
from daytwo.core.schema import Feature, Schema
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.curves import read_curves
from daytwo.explain.trees import Missing, Trees
from daytwo.explain.wording import Wording

SCHEMA = Schema((Feature("wind_mph"), Feature("carrier", ("aa", "bb")), Feature("age")))


def stump(feature, threshold=0.0, left=1.0, right=2.0, *, default_left=False, codes=None):
    return feature, threshold, left, right, default_left, codes


def trees_of(*stumps):
    """Trees of one node each; built by hand, so that what they add is known."""
    n = len(stumps)
    feature, threshold, _, _, default_left, codes = zip(*stumps, strict=True)
    return Trees(
        roots=np.arange(n),
        feature=np.array(feature),
        threshold=np.array(threshold, dtype=float),
        default_left=np.array(default_left),
        missing=np.full(n, int(Missing.NAN)),
        left=-1 - 2 * np.arange(n),
        right=-2 - 2 * np.arange(n),
        categories=tuple(None if one is None else np.array(one) for one in codes),
        leaf_value=np.array([value for one in stumps for value in one[2:4]]),
        first_leaf=2 * np.arange(n),
    )


def read(trees, typical=(15.0, 0.0, 1.0), wording=None):
    return read_curves(trees, SCHEMA, typical, wording or Wording(ReasonsSettings()))


def test_trees_of_one_column_are_one_curve_beside_the_typical_row():
    found = read(trees_of(stump(0, 10.0, 1.0, 4.0), stump(0, 20.0, 0.0, 0.5, default_left=True)))
    steps = [(step.words, step.adds) for step in found.curves["wind_mph"]]
    # The typical row, of 15, gets 4 + 0; a missing wind goes right and left: 4 + 0.
    assert steps == [("up to 10 mph", -3.0), ("10 to 20 mph", 0.0), ("over 20 mph", 0.5), ("missing", 0.0)]
    assert found.paired == 0


def test_categories_stand_by_what_they_add_with_the_unknown_and_the_missing():
    found = read(trees_of(stump(1, left=3.0, right=1.0, codes=[1])))
    steps = {step.words: step.adds for step in found.curves["carrier"]}
    assert steps == {"bb": 2.0, "aa": 0.0, "a level never seen": 0.0, "missing": 0.0}
    assert found.curves["carrier"][0].words == "bb"


def test_the_column_that_reaches_furthest_comes_first():
    found = read(trees_of(stump(2, 0.0, 0.0, 0.1), stump(0, 10.0, 0.0, 5.0)))
    assert list(found.curves) == ["wind_mph", "age"]


def test_steps_are_told_in_the_projects_words():
    settings = ReasonsSettings(units={"wind_mph": "knots"}, values={"carrier": {"aa": "the blue one"}})
    found = read(trees_of(stump(0, 10.0), stump(1, codes=[0])), wording=Wording(settings))
    assert found.curves["wind_mph"][0].words == "up to 10 knots"
    assert "the blue one" in [step.words for step in found.curves["carrier"]]


def test_ends_that_look_alike_are_told_with_more_digits():
    found = read(trees_of(stump(2, 0.44312, 0.0, 1.0), stump(2, 0.44318, 0.0, 1.0)), typical=(0.0, 0.0, 0.0))
    assert [step.words for step in found.curves["age"]][1] == "0.44312 to 0.44318"


def test_a_tree_of_two_columns_is_counted_and_stands_in_no_curve():
    both = Trees(
        roots=np.array([0, 2]),
        feature=np.array([0, 2, 2]),
        threshold=np.array([1.0, 2.0, 5.0]),
        default_left=np.zeros(3, dtype=bool),
        missing=np.full(3, int(Missing.NAN)),
        left=np.array([1, -1, -4]),
        right=np.array([-3, -2, -5]),
        categories=(None, None, None),
        leaf_value=np.array([1.0, 2.0, 3.0, 0.0, 9.0]),
        first_leaf=np.array([0, 3]),
    )
    found = read(both)
    assert found.paired == 1
    assert list(found.curves) == ["age"]
    assert [step.adds for step in found.curves["age"]] == [0.0, 9.0, 9.0]


def test_a_tree_of_three_columns_makes_a_model_unreadable_though_others_ask_for_one():
    trees = Trees(
        roots=np.array([0, 3]),
        feature=np.array([0, 1, 2, 2]),
        threshold=np.array([1.0, 0.0, 2.0, 5.0]),
        default_left=np.zeros(4, dtype=bool),
        missing=np.full(4, int(Missing.NAN)),
        left=np.array([1, 2, -1, -5]),
        right=np.array([-4, -3, -2, -6]),
        categories=(None, np.array([0]), None, None),
        leaf_value=np.array([1.0, 2.0, 3.0, 4.0, 0.0, 9.0]),
        first_leaf=np.array([0, 4]),
    )
    with pytest.raises(NotFound, match="no glass box"):
        read(trees)


def test_a_model_without_a_tree_of_one_column_is_no_glass_box():
    trees = Trees(
        roots=np.array([0]),
        feature=np.array([0, 2]),
        threshold=np.array([1.0, 2.0]),
        default_left=np.zeros(2, dtype=bool),
        missing=np.full(2, int(Missing.NAN)),
        left=np.array([1, -1]),
        right=np.array([-3, -2]),
        categories=(None, None),
        leaf_value=np.array([1.0, 2.0, 3.0]),
        first_leaf=np.array([0]),
    )
    with pytest.raises(NotFound, match="no glass box") as err:
        read(trees)
    assert "prefer" in err.value.hint
