"""What is usual, learned from rows: how often it is wrong, and what it finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError
from daytwo.core.schema import Feature, Schema
from daytwo.scoring.novelty import Novelty, NoveltyCheck
from daytwo.training.novelty_fit import fit_novelty

SCHEMA = Schema((Feature("wind"), Feature("price"), Feature("carrier", ("a", "b", "c"))))


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.choice([0.0, 1.0], n)
    return np.column_stack([rng.normal(size=n), rng.lognormal(3, 1, n), codes]).astype(np.float32)


def unusual(novelty, matrix):
    check = NoveltyCheck(novelty, SCHEMA.names)
    return [[name for name, _ in check.unusual(row)] for row in matrix.tolist()]


def test_one_row_in_a_thousand_of_the_same_kind_is_unusual():
    novelty = fit_novelty(rows(50_000), rows(20_000, seed=1), SCHEMA)
    assert novelty.expected <= 0.001
    later = unusual(novelty, rows(20_000, seed=2))
    assert sum(map(bool, later)) < 45  # 20 are expected; a Poisson of 20 is above 44 once in a million times


def test_what_was_never_there_is_found_and_named():
    novelty = fit_novelty(rows(50_000), rows(20_000, seed=1), SCHEMA)
    strange = rows(5, seed=3)
    strange[0, 0], strange[1, 1], strange[2, 2], strange[3, 0] = 9.0, 1e6, 2.0, np.nan
    assert unusual(novelty, strange) == [["wind"], ["price"], ["carrier"], ["wind"], []]
    words = dict(NoveltyCheck(novelty, SCHEMA.names).unusual(strange[0].tolist()))["wind"]
    assert "above" in words
    assert "50,000 rows" in words


def test_what_moves_on_as_it_moved_before_is_no_wonder():
    season = rows(20_000)
    season[:, 0] = np.linspace(0, 10, 20_000) + rows(20_000, seed=4)[:, 0]
    later = rows(2_000, seed=5)
    later[:, 0] = 12
    assert not any(unusual(fit_novelty(season, season, SCHEMA), later[:50]))


@given(st.integers(1, 40), st.integers(1, 40), st.floats(-1e6, 1e6, width=32))
@settings(max_examples=60, deadline=None)
def test_few_rows_or_all_alike_are_no_reason_to_fail(n, m, value):
    fit, held = rows(n), rows(m, seed=1)
    fit[:, 0] = held[:, 0] = value
    fit[:, 1] = np.nan
    novelty = fit_novelty(fit, held, SCHEMA)
    assert Novelty.from_json(novelty.to_json()) == novelty
    if np.isnan(held[:, 1]).all():
        assert novelty.expected <= 1 / m


def test_damage_is_told():
    with pytest.raises(DataError, match=r"novelty\.json is damaged"):
        Novelty.from_json(b'{"expected": 1}')


def test_the_flag_of_a_default_is_no_reason_to_warn_again():
    schema = Schema((Feature("wind"), Feature("wind_imputed")))
    fit = np.column_stack([np.arange(5_000) % 50, np.zeros(5_000)]).astype(np.float32)
    assert set(fit_novelty(fit, fit, schema).features) == {"wind"}
