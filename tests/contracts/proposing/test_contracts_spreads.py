"""Spreads and volumes: clean batches keep them at the stated rate, other batches do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.proposing.spreads import propose_spread
from daytwo.contracts.proposing.volumes import propose_batch
from daytwo.contracts.table.columnar import check

ROWS = 4_000
START = datetime(2013, 1, 1, tzinfo=UTC)


def rows(seed: int, count: int = ROWS) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    missing = random.random(count) < 0.2
    return pl.DataFrame(
        {
            "km": random.gamma(4.0, 2.0, count),
            "stops": random.poisson(1.0, count),
            "city": random.choice(["Bonn", "Essen", "Ulm"], count, p=[0.6, 0.3, 0.1]),
            "age": [
                None if gone else int(age) for gone, age in zip(missing, random.integers(20, 60, count), strict=True)
            ],
        },
        strict=False,
    )


def test_clean_batches_keep_their_spread_and_changed_ones_do_not() -> None:
    contract = propose(rows(0), name="n")
    assert {one.column for one in contract.distributions} == {"km", "stops", "city", "age"}
    stated = sum(one.false_alarm_rate or 0.0 for one in contract.distributions)
    alarms = sum(len(check(contract, rows(seed, ROWS // 20)).batch) for seed in range(1, 201))
    # 200 clean batches: their number of alarms is Poisson with at most this mean.
    assert alarms <= 200 * stated + 3 * np.sqrt(200 * stated) + 1
    other = rows(1, ROWS // 20).with_columns(pl.col("km") * 1.609, city=pl.lit("Ulm"))
    assert {one.column for one in check(contract, other).batch if one.rule == "distribution"} == {"km", "city"}


def test_shares_are_those_of_the_rows() -> None:
    spread = propose_spread(rows(0)["city"], ordered=False)
    assert spread is not None
    assert spread.levels == ("Bonn", "Essen", "Ulm")
    counts = [int((rows(0)["city"] == level).sum()) / ROWS for level in spread.levels]
    assert spread.shares == pytest.approx((*counts, 0.0, 0.0), abs=1e-5)
    ages = propose_spread(rows(0)["age"], ordered=False)
    assert ages is not None
    assert ages.shares[-1] == pytest.approx(rows(0)["age"].null_count() / ROWS, abs=1e-5)
    assert sum(ages.shares) == pytest.approx(1.0, abs=1e-4)


def test_what_says_nothing_has_no_spread() -> None:
    assert propose_spread(pl.Series("x", [1.0] * ROWS), ordered=True) is None
    assert propose_spread(pl.Series("x", range(100)), ordered=True) is None
    assert propose_spread(pl.Series("x", np.arange(ROWS)), ordered=True) is None
    assert propose_spread(pl.Series("x", ["one"] * ROWS), ordered=True) is None


def times(per_day: int, days: int) -> pl.Series:
    step = timedelta(days=1) / per_day
    return pl.Series("at", [START + i * step for i in range(per_day * days)])


def test_the_window_is_the_shortest_with_regular_rows() -> None:
    assert (propose_batch(times(48, 40)).window, propose_batch(times(48, 40)).max_age) == ("1d", "1d")
    assert propose_batch(times(1_440, 3)).window == "1h"
    weekly = propose_batch(times(10, 365))
    assert (weekly.window, weekly.max_age) == ("7d", "1d")
    assert weekly.minimum_rows is not None
    assert weekly.maximum_rows is not None
    assert weekly.minimum_rows < 70 < weekly.maximum_rows < 140
    assert propose_batch(times(1, 40)).minimum_rows is None
    assert propose_batch(pl.Series("at", [START])).max_age == ""


def test_a_batch_twice_has_too_many_rows_and_one_cut_short_is_stale() -> None:
    frame = rows(0).with_columns(at=times(100, 40))
    contract = propose(frame.head(3_000), name="n", time="at")
    after = frame.tail(1_000)
    now = START + timedelta(days=40)
    assert {one.rule for one in check(contract, after, now=now).batch} <= {"distribution"}
    assert "volume" in {one.rule for one in check(contract, pl.concat([after, after]), now=now).batch}
    assert "freshness" in {one.rule for one in check(contract, after.head(600), now=now).batch}
