import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.alarming.strangers import learn_known
from daytwo.monitoring.judging.layout import build_layout

SCHEMA = Schema((Feature("seats"), Feature("wind"), Feature("origin", ("EWR", "JFK"))))


def block(seed, rows=300):
    draw = np.random.default_rng(seed)
    columns = [draw.integers(1, 200, rows), draw.normal(size=rows), draw.integers(0, 2, rows)]
    return np.column_stack(columns).astype(np.float32)


BLOCKS = [block(seed) for seed in range(20)]
LAYOUT = build_layout(np.concatenate(BLOCKS), np.zeros(20 * 300), SCHEMA)
KNOWN, OWN = learn_known(BLOCKS, LAYOUT)


def test_a_unit_that_changed_on_few_rows_shows_in_values_never_seen_and_out_of_range():
    usual = KNOWN.strangers(block(99))
    rows = block(99)
    rows[:15, 0] *= 2.54
    found = KNOWN.strangers(rows)
    assert abs(usual["new:seats"]) < 2
    assert found["new:seats"] > 5
    assert usual["outside:seats"] == 0
    assert found["outside:seats"] > 2


def test_a_column_of_ever_new_values_is_held_against_its_range_only_and_levels_have_none():
    assert sorted(OWN[0]) == ["new:origin", "new:seats", "outside:seats", "outside:wind"]
    assert sorted(KNOWN.strangers(block(1))) == sorted(OWN[0])
    level = block(1)
    level[:30, 2] = 2
    assert KNOWN.strangers(level)["new:origin"] > 8


def test_each_block_of_the_reference_is_held_against_the_others_alone():
    strange = [*BLOCKS[:-1], BLOCKS[-1] + 1_000]
    _, own = learn_known(strange, LAYOUT)
    assert own[-1]["outside:wind"] == pytest.approx(2 * (np.sqrt(300.25) - 0.5), rel=1e-4)
    assert all(one["outside:wind"] < 3 for one in own[:-1])


def test_missing_values_and_one_block_alone_are_no_strangers():
    rows = block(2)
    rows[:, 1] = np.nan
    assert KNOWN.strangers(rows)["outside:wind"] == 0
    alone, _ = learn_known(BLOCKS[:1], LAYOUT)
    assert all(column.values == () for column in alone.columns)
