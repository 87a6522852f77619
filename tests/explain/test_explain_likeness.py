import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.explain.likeness import Likeness

SCHEMA = Schema((Feature("wind"), Feature("carrier", ("AA", "EV"))))
CASES = np.array([[1, 0], [2, 0], [3, 1], [4, 1], [np.nan, 1]], dtype=np.float32)
LIKE = Likeness(CASES, SCHEMA)


def test_a_number_stands_at_its_rank_among_the_rows_where_it_is_known():
    asked = np.array([0, 1, 2.5, 4, 9, np.nan], dtype=np.float32)
    assert LIKE.place(0, asked) == pytest.approx([0, 0.125, 0.5, 0.875, 1, np.nan], nan_ok=True)


def test_the_share_of_a_value_and_the_values_that_occur():
    assert LIKE.share(1, 1) == 0.6
    assert LIKE.share(0, 2) == 0.25
    assert LIKE.values(0).tolist() == [1, 2, 3, 4]


def test_distances_add_up_ranks_other_levels_and_missing_values():
    found = LIKE.from_cases(np.array([1, 0], dtype=np.float32)).sum(axis=0)
    assert found == pytest.approx([0, 0.25, 0.5 + 0.5, 0.75 + 0.5, 0.5 + 0.5])
    assert LIKE.from_cases(np.array([np.nan, 1], dtype=np.float32))[:, 4].tolist() == [0, 0]


def test_how_far_some_real_rows_are_from_the_nearest_other_one_of_them():
    assert LIKE.among(np.arange(5)) == pytest.approx([0.25, 0.25, 0.25, 0.25, 0.5])
    assert LIKE.among(np.array([0, 2])) == pytest.approx([1, 1])
    assert LIKE.among(np.array([3])).tolist() == [np.inf]


def test_distances_do_not_depend_on_units():
    random = np.random.default_rng(0)
    rows = np.column_stack([random.normal(size=300), random.integers(0, 2, 300)]).astype(np.float32)
    other = rows * np.float32([1000, 1])
    ours, theirs = Likeness(rows, SCHEMA), Likeness(other, SCHEMA)
    assert ours.from_cases(rows[7]) == pytest.approx(theirs.from_cases(other[7]))
