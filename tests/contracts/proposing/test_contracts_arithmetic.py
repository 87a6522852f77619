"""Sums, products and orders are named where they hold against chance, and read as conditions of a contract."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.proposing.arithmetic import propose_arithmetic, propose_orders
from daytwo.contracts.proposing.held_out import held_out_rows
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.table.columnar import check

ROWS = 3_000
LATE = held_out_rows(ROWS, ordered=True)
Values = dict[str, npt.NDArray[np.float64]]


def sums(values: Values, **asked: str) -> list[str]:
    return [rule.expression for rule in propose_arithmetic(values, LATE, **asked)]


def orders(values: Values) -> list[str]:
    return [rule.expression for rule in propose_orders(values, LATE)]


def counts(seed: int, *names: str) -> Values:
    random = np.random.default_rng(seed)
    return {name: random.poisson(20, ROWS).astype(float) for name in names}


def test_a_sum_of_whole_numbers_is_found() -> None:
    values = counts(1, "casual", "registered", "other")
    values["cnt"] = values["casual"] + values["registered"]
    assert sums(values) == ["casual + registered == cnt"]


def test_a_rounded_product_is_found_within_its_rounding_and_checked_so() -> None:
    random = np.random.default_rng(2)
    price, pieces = np.round(random.uniform(1, 50, ROWS), 2), random.integers(1, 9, ROWS)
    frame = pl.DataFrame({"price": price, "pieces": pieces, "total": np.round(price * pieces, 2)})
    contract = propose(frame, name="orders")
    assert [rule.name for rule in contract.rules if rule.name.startswith("product")] == ["product_total"]
    assert check(contract, frame).rejected.height == 0
    wrong = frame.with_columns(
        total=pl.when(pl.int_range(pl.len()) == 7).then(0.1 + pl.col("total")).otherwise("total")
    )
    assert check(contract, wrong).rejected["_row"].to_list() == [7]


@pytest.mark.parametrize("seed", range(10))
def test_columns_that_have_nothing_to_do_with_each_other_have_no_rule(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = counts(seed, "a", "b", "c")
    values |= {"flag": (random.random(ROWS) < 0.1).astype(float), "share": random.random(ROWS)}
    values |= {"zero": np.where(random.random(ROWS) < 0.99, 0.0, 1.0), "big": random.normal(1e6, 10, ROWS)}
    assert sums(values) == []
    assert orders(values) == []


def test_a_sum_that_a_few_rows_break_only_warns_and_one_that_many_break_is_none() -> None:
    values = counts(3, "a", "b")
    values["c"] = values["a"] + values["b"]
    values["c"][::200] += 1
    (rule,) = propose_arithmetic(values, LATE)
    assert rule.action is Action.WARN
    values["c"][::20] += 1
    assert sums(values) == []


def test_a_rule_that_reads_the_target_says_that_it_waits() -> None:
    values = counts(4, "a", "b")
    values["c"] = values["a"] + values["b"]
    (rule,) = propose_arithmetic(values, LATE, target="c")
    assert "once the outcome is known" in rule.evidence


def test_missing_values_break_nothing() -> None:
    values = counts(5, "a", "b")
    values["c"] = values["a"] + values["b"]
    values["a"][::3] = np.nan
    assert sums(values) == ["a + b == c"]


def test_an_order_is_named_where_rows_come_up_to_it() -> None:
    random = np.random.default_rng(6)
    temperature = random.normal(15, 8, ROWS)
    dew_point = temperature - np.maximum(0, random.normal(4, 4, ROWS))
    unrelated = random.normal(60, 3, ROWS)
    assert orders({"dew_point": dew_point, "temperature": temperature, "unrelated": unrelated}) == [
        "dew_point <= temperature"
    ]


def test_of_a_chain_only_the_links_are_named() -> None:
    random = np.random.default_rng(7)
    low = random.poisson(10, ROWS).astype(float)
    middle = low + random.poisson(1, ROWS).astype(float)
    high = middle + random.poisson(1, ROWS).astype(float)
    assert sorted(orders({"low": low, "middle": middle, "high": high})) == ["low <= middle", "middle <= high"]


def test_an_implication_of_flags_is_an_order() -> None:
    random = np.random.default_rng(8)
    visit = (random.random(ROWS) < 0.2).astype(float)
    bought = visit * (random.random(ROWS) < 0.5).astype(float)
    assert orders({"bought": bought, "visit": visit}) == ["bought <= visit"]


def test_names_that_are_no_python_names_are_written_so_that_they_can_be_read() -> None:
    values = counts(9, "first class", 'second "class"')
    frame = pl.DataFrame(values).with_columns(lambda_=pl.lit(0))
    frame = frame.with_columns(**{"class": pl.sum_horizontal("first class", 'second "class"')})
    contract = propose(frame, name="n")
    assert [rule.name for rule in contract.rules if rule.name.startswith("sum")] == ["sum_class"]
    assert check(contract, frame).rejected.height == 0


def test_a_sum_is_found_among_two_hundred_columns_without_trying_each_triple() -> None:
    random = np.random.default_rng(4)
    values = {f"c{n}": np.round(random.normal(n, 1, ROWS), 3) for n in range(150)}
    values |= {f"flag_{n}": (random.random(ROWS) < 0.02).astype(float) for n in range(50)}
    values["total"] = np.round(values["c3"] + values["c7"], 3)
    assert [rule.name for rule in propose_arithmetic(values, LATE)] == ["sum_total"]


def test_columns_that_lie_apart_are_no_order() -> None:
    values = counts(5, "low")
    values["high"] = values["low"] + 1_000.0
    assert orders(values) == []
