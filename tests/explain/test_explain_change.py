import itertools

import numpy as np
import pytest

from daytwo.explain.change import smallest_changes
from daytwo.explain.options import Options


def options(*values, costs=None):
    return [
        Options(i, np.array(one, dtype=np.float32), np.array(costs[i] if costs else np.arange(1, len(one) + 1) / 10.0))
        for i, one in enumerate(values)
    ]


def at_least(weights, level):
    """Return an aim: the weighted sum of a row reaches the level."""

    def aim(matrix):
        worth = matrix.astype(float) @ np.array(weights) - level
        return worth >= 0, worth

    return aim


def anything(row, features):
    return ""


ROW = np.zeros(3, dtype=np.float32)


def test_the_fewest_columns_come_first_then_the_smallest_steps():
    found = smallest_changes(ROW, options([1, 2, 3], [1, 2], [5]), at_least([1, 1, 0.1], 3), anything).found
    assert [one.features for one in found] == [(0,)]
    assert found[0].row.tolist() == [3, 0, 0]
    assert found[0].cost == pytest.approx(0.3)


def test_two_columns_where_one_does_not_do_and_no_more_than_asked():
    aim = at_least([1, 1, 1], 4)
    found = smallest_changes(ROW, options([1, 2], [1, 2], [1, 3]), aim, anything).found
    assert [one.features for one in found] == [(0, 2), (1, 2), (0, 1)]
    assert found[0].row.tolist() == [1, 0, 3]
    assert smallest_changes(ROW, options([1, 2], [1, 2], [1, 3]), aim, anything, most=1).found == []
    assert len(smallest_changes(ROW, options([1, 2], [1, 2], [1, 3]), aim, anything, wanted=1).found) == 1


def test_what_is_turned_down_is_counted_by_its_reason_and_a_dearer_way_is_taken():
    def judge(row, features):
        return "is too windy" if row[0] > 2 else ""

    search = smallest_changes(ROW, options([3, 4], [9], [1]), at_least([1, 1, 0], 3), judge)
    assert [one.features for one in search.found] == [(1,)]
    assert search.refused == {"is too windy": 2}
    assert search.turned == 3


def test_nothing_to_change_finds_nothing():
    assert smallest_changes(ROW, options([], [], []), at_least([1, 1, 1], 1), anything).found == []
    assert smallest_changes(ROW, [], at_least([1, 1, 1], 1), anything).tried == 0


def exhaustive(row, choices, aim, judge, most):
    """The fewest columns and the least cost, by trying everything."""
    for size in range(1, most + 1):
        costs = []
        for chosen in itertools.combinations(choices, size):
            for steps in itertools.product(*(range(len(one.values)) for one in chosen)):
                changed = row.copy()
                for one, step in zip(chosen, steps, strict=True):
                    changed[one.feature] = one.values[step]
                features = tuple(one.feature for one in chosen)
                if aim(changed[None, :])[0][0] and not judge(changed, features):
                    costs.append(sum(one.costs[step] for one, step in zip(chosen, steps, strict=True)))
        if costs:
            return size, min(costs)
    return None


def test_nearly_always_as_good_as_trying_everything():
    """Random tables of worths with interactions, and judges that turn down a third."""
    exists = as_few = as_cheap = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        tables = random.normal(size=(5, 5)), random.normal(size=(10, 5, 5))
        pairs = list(itertools.combinations(range(5), 2))
        level = random.uniform(2, 6)

        def aim(matrix, tables=tables, level=level, pairs=pairs):
            whole = matrix.astype(int)
            worth = sum(tables[0][i][whole[:, i]] for i in range(5)) - level
            worth = worth + sum(tables[1][k][whole[:, a], whole[:, b]] for k, (a, b) in enumerate(pairs)) / 2
            return worth >= 0, worth

        def judge(row, features):
            return "no" if int(row @ np.array([1, 3, 5, 7, 11])) % 3 == 0 else ""

        row = np.zeros(5, dtype=np.float32)
        if aim(row[None, :])[0][0]:
            continue
        choices = options(*[[1, 2, 3, 4]] * 5, costs=random.uniform(0, 1, size=(5, 4)).tolist())
        best = exhaustive(row, choices, aim, judge, 3)
        found = smallest_changes(row, choices, aim, judge).found
        for one in found:
            assert aim(one.row[None, :])[0][0]
            assert not judge(one.row, one.features)
            assert set(np.flatnonzero(one.row != row)) == set(one.features)
        if best is None:
            assert found == []
            continue
        exists += 1
        as_few += bool(found) and len(found[0].features) == best[0]
        as_cheap += bool(found) and found[0].cost == pytest.approx(best[1])
    assert exists > 30
    assert as_few >= 0.95 * exists
    assert as_cheap >= 0.9 * exists
