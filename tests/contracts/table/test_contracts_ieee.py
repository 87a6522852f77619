"""Columns of numbers do arithmetic and comparisons as Python's floats do, to the last bit."""

import math
import operator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.table.ieee import Ieee

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, math.inf, -math.inf, math.nan]),
    st.floats(-1e9, 1e9),
    st.integers(-99, 99).map(float),
)
COLUMNS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8)
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


def divided(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if math.isnan(a) or not a else math.copysign(math.inf, a) * math.copysign(1, b)


def same(found: list[float], wanted: list[float]) -> bool:
    # The sign of a zero is left out: a frame library reads `x + 0` as `x`, and no rule can tell but by dividing by it.
    return [repr(one + 0.0) for one in found] == [repr(one + 0.0) for one in wanted]


def column(expression, pairs):
    frame = pl.DataFrame(pairs, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")
    return frame.select(found=expression).to_series().to_list()


A, B = Ieee(pl.col("a")), Ieee(pl.col("b"))


@given(COLUMNS, NUMBERS)
@settings(max_examples=200, deadline=None)
def test_division_is_that_of_floats(pairs, constant):
    assert same(column((A / B).expr, pairs), [divided(a, b) for a, b in pairs])
    assert same(column((A / constant).expr, pairs), [divided(a, constant) for a, _ in pairs])
    assert same(column((constant / A).expr, pairs), [divided(constant, a) for a, _ in pairs])


@pytest.mark.parametrize("name", ARITHMETIC)
@given(pairs=COLUMNS, constant=NUMBERS)
@settings(max_examples=50, deadline=None)
def test_arithmetic_is_that_of_floats(name, pairs, constant):
    do = ARITHMETIC[name]
    assert same(column(do(A, B).expr, pairs), [do(a, b) for a, b in pairs])
    assert same(column(do(A, constant).expr, pairs), [do(a, constant) for a, _ in pairs])
    assert same(column(do(constant, A).expr, pairs), [do(constant, a) for a, _ in pairs])
    assert same(column((-A).expr, pairs), [-a for a, _ in pairs])


@pytest.mark.parametrize("compare", COMPARISONS)
@given(pairs=COLUMNS, constant=NUMBERS.filter(math.isfinite))
@settings(max_examples=50, deadline=None)
def test_comparisons_are_those_of_floats(compare, pairs, constant):
    assert column(compare(A, B), pairs) == [compare(a, b) for a, b in pairs]
    assert column(compare(A, constant), pairs) == [compare(a, constant) for a, _ in pairs]


def test_a_third_of_thousands_of_numbers_is_the_same_to_the_last_bit():
    numbers = [i / 8 + 0.1 for i in range(10_000)]
    assert column((A / 3).expr, [(one, 0.0) for one in numbers]) == [one / 3 for one in numbers]


def test_what_is_missing_stays_missing():
    assert column((A / 2).expr, [(None, 1.0), (3.0, 1.0), (math.nan, 1.0)])[:2] == [None, 1.5]
