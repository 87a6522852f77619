import numpy as np
import polars as pl
import pytest

from daytwo.core.errors import DataError
from daytwo.monitoring import expected_delay


def window(seed):
    draw = np.random.default_rng(seed)
    columns = {"wind": draw.normal(size=300), "origin": draw.choice(["EWR", "JFK"], 300), "score": draw.random(300)}
    return pl.DataFrame(columns)


WINDOWS = [window(seed) for seed in range(60)]


def test_a_large_shift_is_found_sooner_than_a_small_one_and_none_never():
    delays = {
        shift: expected_delay(WINDOWS, features=["wind", "origin"], shift=shift, tries=3)["wind"]
        for shift in (0.0, 0.3, 2.0)
    }
    assert delays[2.0].median <= 3
    assert delays[2.0].median <= delays[0.3].median <= 8
    assert delays[0.0].never >= 2
    assert delays[0.0].median is None
    assert delays[0.0].longest == 20


def test_a_tighter_budget_takes_no_less_time():
    tight, loose = (
        expected_delay(WINDOWS, features=["wind"], budget=budget, shift=0.5, tries=3)["wind"].median
        for budget in ("1 per 1000 windows", "1 per 10 windows")
    )
    assert loose <= tight


@pytest.mark.parametrize(
    ("windows", "columns", "words"),
    [(WINDOWS[:10], (), "too few to try"), (WINDOWS, ["origin"], "origin is no column with numbers")],
)
def test_too_few_windows_and_columns_without_numbers_are_refused(windows, columns, words):
    with pytest.raises(DataError, match=words):
        expected_delay(windows, features=["wind", "origin"], columns=columns)
