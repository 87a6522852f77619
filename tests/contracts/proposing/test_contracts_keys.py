"""Keys are named where uniqueness is no accident; what grows is named with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.proposing.coded import coded
from daytwo.contracts.proposing.keys import propose_keys, propose_monotone
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.relations import Monotone, Unique

ROWS = 2_000
RANDOM = np.random.default_rng(11)


def keys(frame: pl.DataFrame, named: str = "") -> list[tuple[str, ...]]:
    return [one.columns for one in propose_keys(coded(frame, frame.columns), named=named)]


def test_ids_and_row_numbers_name_a_row_and_times_do_not() -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "id": [f"T-{n:05d}" for n in range(ROWS)],
            "number": list(range(ROWS)),
            "hour": [start + timedelta(hours=n) for n in range(ROWS)],
        }
    )
    assert keys(frame) == [("id",), ("number",)]
    times = frame.select("hour", text=pl.col("hour").dt.to_string("iso"), since_1970=pl.col("hour").dt.epoch("s"))
    assert keys(times) == []
    assert keys(times, named="hour") == [("hour",)]


def test_what_is_measured_names_no_row_though_all_values_differ() -> None:
    meter = np.cumsum(RANDOM.integers(100, 400, ROWS))
    decimals = [f"{n / 100:.2f} kg" for n in RANDOM.permutation(ROWS)]
    assert keys(pl.DataFrame({"meter": meter, "weight": decimals})) == []


def test_whole_numbers_beyond_a_signed_word_name_a_row() -> None:
    assert keys(pl.DataFrame({"id": pl.Series([2**64 - 1 - n for n in range(ROWS)], dtype=pl.UInt64)})) == [("id",)]


def test_measured_values_that_happen_to_differ_name_nothing() -> None:
    frame = pl.DataFrame(
        {
            "weight": RANDOM.random(ROWS),
            "amount": RANDOM.choice(10**9, ROWS, replace=False),
            "when": np.datetime64("2013-01-01T00:00:00", "us") + RANDOM.choice(10**15, ROWS, replace=False),
            "remark": [f"it was remark number {n} of the day" for n in range(ROWS)],
        }
    )
    assert keys(frame) == []


def test_a_column_that_its_owner_calls_the_key_is_one_where_it_can_be() -> None:
    frame = pl.DataFrame({"amount": RANDOM.choice(10**9, ROWS, replace=False)})
    assert keys(frame, named="amount") == [("amount",)]
    assert keys(pl.concat([frame, frame]), named="amount") == []


def test_two_columns_name_a_row_together_and_no_more_are_asked_than_needed() -> None:
    frame = pl.DataFrame({"shop": np.repeat(np.arange(40), 50), "day": np.tile(np.arange(50), 40)})
    frame = frame.with_columns(kind=pl.Series(RANDOM.integers(0, 5, ROWS)))
    assert keys(frame) == [("shop", "day")]


def test_three_columns_name_a_row_together() -> None:
    grid = pl.DataFrame({"a": range(13)}).join(pl.DataFrame({"b": range(12)}), how="cross")
    grid = grid.join(pl.DataFrame({"c": range(11)}), how="cross")
    assert keys(grid) == [("a", "b", "c")]


def test_few_rows_prove_no_key() -> None:
    assert keys(pl.DataFrame({"id": [f"T-{n}" for n in range(50)]})) == []


def test_times_and_row_numbers_that_never_fell_are_promised_to_go_on_so_and_only_warn() -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "at": [start + timedelta(minutes=7 * n) for n in range(ROWS)],
            "number": list(range(ROWS)),
            "x": RANDOM.random(ROWS),
        }
    )
    found = [one for one in propose(frame, name="n", time="at").relations if isinstance(one, Monotone)]
    assert [(one.column, one.action) for one in found] == [("at", Action.WARN), ("number", Action.WARN)]
    shuffled = propose(frame.sample(fraction=1.0, shuffle=True, seed=1), name="n", time="at").relations
    assert not [one for one in shuffled if isinstance(one, Monotone)]
    assert [one.columns for one in shuffled if isinstance(one, Unique)] == [("number",)]
    assert propose_monotone(frame.head(50), []) == ()
