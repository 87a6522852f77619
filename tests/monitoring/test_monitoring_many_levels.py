"""A column of a thousand levels must not alarm by its cardinality, and must when it changes."""

import numpy as np
import polars as pl
import pytest

from daytwo.monitoring import watch
from daytwo.monitoring.profiles.distances import noise_units

LEVELS = np.array([f"shop {i}" for i in range(1_000)])
EVEN = np.full(1_000, 1e-3)
STEEP = (1 / np.arange(1, 1_001)) / (1 / np.arange(1, 1_001)).sum()


def windows(draw, shares, count, rows=400):
    return [
        pl.DataFrame({"shop": draw.choice(LEVELS, rows, p=shares), "score": draw.random(rows)}) for _ in range(count)
    ]


@pytest.mark.parametrize("shares", [EVEN, STEEP], ids=["even", "steep"])
def test_a_thousand_levels_do_not_alarm_unless_they_change(shares):
    draw = np.random.default_rng(1)
    usual = windows(draw, shares, 60)
    calm = list(watch(usual, windows(draw, shares, 45), features=["shop"]))
    assert not any(one.alarm for one in calm)
    half = 0.5 * shares + 0.5 * np.eye(1_000)[7]
    assert any(one.alarm for one in watch(usual, windows(draw, half, 4), features=["shop"]))


@pytest.mark.parametrize("rows", [20_000, 100_000])
def test_the_distance_itself_is_sized_for_a_thousand_levels(rows):
    draw = np.random.default_rng(2)
    shares = draw.dirichlet(np.full(1_000, 5.0))
    found = [noise_units(draw.multinomial(1_000_000, shares), draw.multinomial(rows, shares)) for _ in range(60)]
    assert abs(np.mean(found)) < 1.5
    assert max(found) < 6
