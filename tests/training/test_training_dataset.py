import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError
from daytwo.core.schema import Task
from daytwo.training.dataset import TrainingData, divide, row_hash, split


def keys(data):
    return {row.tobytes() for row in data.matrix}


def test_the_test_part_is_everything_from_its_moment_on(made):
    moment = np.datetime64("2013-02-10")
    parts = split(made, test_from=moment)
    assert (parts.train.times < moment).all()
    assert (parts.test.times >= moment).all()
    assert parts.train.rows + parts.test.rows == made.rows


def test_fit_tune_and_select_follow_each_other_in_time_and_share_no_day(made):
    parts = divide(made, task=Task.BINARY, tune_share=0.2, select_share=0.2)
    assert not parts.shared
    assert parts.fit.times[-1] <= parts.tune.times[0] <= parts.tune.times[-1] <= parts.select.times[0]
    assert not set(parts.fit.days) & set(parts.tune.days)
    assert not set(parts.tune.days) & set(parts.select.days)
    assert sum(part.rows for part in (parts.fit, parts.tune, parts.select)) == made.rows


def test_few_rows_are_not_cut_twice(data_of):
    parts = divide(data_of(600), task=Task.BINARY)
    assert parts.shared
    assert parts.held_out == (parts.tune,)
    assert parts.fit.rows + parts.tune.rows == 600


def test_a_window_keeps_the_newest_rows_of_the_fit_part_only(made):
    whole, recent = (divide(made, task=Task.BINARY, window=window) for window in ("all", "10d"))
    assert recent.fit.times[-1] == whole.fit.times[-1]
    assert recent.fit.times[-1] - recent.fit.times[0] <= np.timedelta64(10, "D")
    assert recent.select.rows == whole.select.rows
    assert recent.fit.rows < whole.fit.rows / 3


def test_rows_without_a_time_keep_their_side_when_more_come(data_of):
    some, more = data_of(2_000, timed=False), data_of(1_000, timed=False, seed=9)
    both = TrainingData(
        some.schema, np.concatenate([some.matrix, more.matrix]), np.concatenate([some.labels, more.labels])
    )
    before, after = split(some, test_share=0.25, seed=3), split(both, test_share=0.25, seed=3)
    assert keys(before.test) <= keys(after.test)
    assert keys(before.train) <= keys(after.train)
    assert before.test.rows == pytest.approx(500, abs=80)


def test_another_seed_parts_rows_otherwise(data_of):
    data = data_of(1_000, timed=False)
    assert keys(split(data, seed=1).test) != keys(split(data, seed=2).test)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.permutations(range(40)))
def test_the_hash_of_a_row_depends_on_nothing_but_the_row(seed, order):
    matrix = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    matrix[3, 1] = np.nan
    assert (row_hash(matrix[order], seed) == row_hash(matrix, seed)[order]).all()


def test_minus_zero_and_every_nan_hash_alike():
    other_nan = np.array([0x7FC00001], dtype=np.uint32).view(np.float32)[0]
    matrix = np.array([[0.0, np.nan], [-0.0, other_nan]], dtype=np.float32)
    assert len(set(row_hash(matrix, 5).tolist())) == 1


def test_too_few_rows_one_class_and_missing_labels_are_refused_with_a_way_out(made):
    with pytest.raises(DataError, match=r"150 labelled rows.*200 are needed.*Add older rows"):
        divide(made.take(slice(0, 150)), task=Task.BINARY)
    with pytest.raises(DataError, match=r"only 0 of .* rarer class.*Check .model. target"):
        divide(made.take(made.labels == 1), task=Task.BINARY)
    constant = TrainingData(made.schema, made.matrix, np.full(made.rows, 3.0))
    with pytest.raises(DataError, match="every label is 3"):
        divide(constant, task=Task.REGRESSION)
    with pytest.raises(DataError, match=r"two classes.*regression"):
        divide(constant, task=Task.BINARY)
    missing = TrainingData(made.schema, made.matrix, np.where(np.arange(made.rows) < 7, np.nan, made.labels))
    with pytest.raises(DataError, match="7 of 6000 labels are missing"):
        divide(missing, task=Task.BINARY)


def test_a_test_part_that_is_empty_or_everything_is_refused(made):
    with pytest.raises(DataError, match="none is in the test part"):
        split(made, test_from=np.datetime64("2014-01-01"))
    with pytest.raises(DataError, match="none is before the test part"):
        split(made, test_from=np.datetime64("2012-01-01"))


def test_rows_out_of_order_are_a_bug_of_the_caller(made):
    with pytest.raises(ValueError, match="sort the rows by time"):
        made.take(np.array([1, 0])).take(np.array([0, 1])) if made.times[0] == made.times[1] else made.take(
            np.array([100, 0])
        )


def test_a_missing_money_column_is_named(made):
    with pytest.raises(DataError, match="'price', which the training rows do not have"):
        made.column("price")
