"""Expressions: one text means the same for a row, for arrays and for a frame library's columns; nothing is executed."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import SettingsError
from daytwo.core.expression import parse

NUMBERS, TEXTS = ("a", "b", "c"), ("t", "u")
CONSTANTS = st.one_of(st.integers(0, 99).map(str), st.floats(0, 99, allow_nan=False).map(repr))
VALUES = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0]), st.floats(-1e6, 1e6))
ROWS = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(NUMBERS, VALUES) | dict.fromkeys(TEXTS, st.sampled_from(["", "AA", "Straße", "aa"]))
    ),
    min_size=1,
    max_size=6,
)


def _numbers(operators: str) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(NUMBERS) | CONSTANTS | st.sampled_from(['col("a")'])
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(inner, st.sampled_from(operators), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})")
            | inner.map(lambda one: f"-({one})")
            | inner.map(lambda one: f"+({one})")
        ),
        max_leaves=6,
    )


# Without division nothing becomes NaN, so that frame libraries, which put NaN above all numbers, compare as floats do.
COMPARISONS = st.tuples(_numbers("+-*"), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _numbers("+-*")).map(
    " ".join
) | st.tuples(st.sampled_from(TEXTS), st.sampled_from(["== 'AA'", "!= u", ">= 'B'"])).map(" ".join)
TRUTHS = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})")
        | inner.map(lambda one: f"(not ({one}))")
    ),
    max_leaves=4,
)


def _of_row(expression, row):
    return expression.of_row([row[name] for name in expression.columns])


def _columns(rows):
    return {name: np.array([row[name] for row in rows]) for name in (*NUMBERS, *TEXTS)}


def _in_polars(text, rows):
    made = parse(text).evaluate(pl.col)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NUMBERS, pl.Float64) | dict.fromkeys(TEXTS, pl.String))
    return frame.select((made if isinstance(made, pl.Expr) else pl.lit(made)).alias("found")).to_series().to_list()


@given(_numbers("+-*/"), ROWS)
@settings(max_examples=200, deadline=None)
def test_a_number_is_the_same_to_the_last_bit_by_row_and_by_array(text, rows):
    expression = parse(text)
    by_row = [float(expression.evaluate(row.__getitem__)) for row in rows]
    with np.errstate(all="ignore"):
        by_array = np.broadcast_to(expression.evaluate(_columns(rows).__getitem__), len(rows)).astype(float)
    np.testing.assert_array_equal(by_array, by_row)


# A frame library divides by a constant in its own way; contracts/table/ieee.py makes it exact, and is tested there.
@given(_numbers("+-*"), ROWS)
@settings(max_examples=200, deadline=None)
def test_a_number_is_the_same_to_the_last_bit_by_row_and_by_frame(text, rows):
    expression = parse(text)
    by_row = [float(expression.evaluate(row.__getitem__)) for row in rows]
    by_frame = _in_polars(text, rows)
    np.testing.assert_array_equal([float(one) for one in by_frame], by_row[: len(by_frame)])


@given(TRUTHS, ROWS)
@settings(max_examples=200, deadline=None)
def test_a_truth_is_the_same_by_row_by_array_and_by_frame(text, rows):
    expression = parse(text)
    by_row = [bool(expression.evaluate(row.__getitem__)) for row in rows]
    by_array = np.broadcast_to(expression.evaluate(_columns(rows).__getitem__), len(rows))
    assert by_array.tolist() == by_row
    by_frame = _in_polars(text, rows)
    assert by_frame == by_row[: len(by_frame)]


@given(TRUTHS | _numbers("+-*/"), ROWS)
@settings(max_examples=100, deadline=None)
def test_a_missing_operand_makes_the_result_missing(text, rows):
    expression = parse(text)
    for name in expression.columns:
        assert expression.evaluate((rows[0] | {name: None}).__getitem__) is None


@given(_numbers("+-*/"), ROWS)
@settings(max_examples=100, deadline=None)
def test_python_itself_is_of_the_same_opinion(text, rows):
    columns = rows[0] | {"col": rows[0].__getitem__}
    try:
        wanted = eval(text, {"__builtins__": {}}, columns)
    except ZeroDivisionError:
        return
    np.testing.assert_array_equal(parse(text).evaluate(rows[0].__getitem__), wanted)


@given(_numbers("+-*/") | TRUTHS, ROWS)
@settings(max_examples=300, deadline=None)
def test_the_fast_reading_of_one_row_is_the_same_to_the_last_bit(text, rows):
    expression = parse(text)
    for row in rows:
        slow, fast = expression.evaluate(row.__getitem__), _of_row(expression, row)
        assert (repr(fast), type(fast)) == (repr(slow), type(slow))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5 * seats - 120", 130.0),
        ('col("air time") / 60', 2.0),
        ("origin == 'JFK' and not late", True),
        ("late + late + 1", 1),
        ("(origin == 'JFK') * 3", 3),
        ("-(origin == 'JFK')", -1),
        ("1 / 0", math.inf),
        ("-1 / 0", -math.inf),
        ("seats / -0.0", -math.inf),
    ],
)
def test_known_answers(text, value):
    row = {"seats": 100, "air time": 120, "origin": "JFK", "late": False}
    assert parse(text).evaluate(row.__getitem__) == value
    assert _of_row(parse(text), row) == value


def test_nothing_by_nothing_is_no_number():
    assert math.isnan(parse("0 / 0").evaluate({}.__getitem__))


def test_truths_add_up_as_numbers_in_arrays_too():
    columns = {"late": np.array([True, False]), "far": np.array([True, True])}
    assert parse("late + far").evaluate(columns.__getitem__).tolist() == [2, 1]
    assert parse("-late").evaluate(columns.__getitem__).tolist() == [-1, 0]
    assert parse("not late").evaluate(columns.__getitem__).tolist() == [False, True]


def test_the_columns_it_reads_stand_in_order_of_use_each_once():
    assert parse("b + col('a b') * b > a").columns == ("b", "a b", "a")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.b",
        "a[0]",
        "a ** 9 ** 9",
        "a if b else c",
        "lambda: a",
        "[a for a in b]",
        "f'{a}'",
        "a < b < c",
        "a in b",
        "a is None",
        "col(a)",
        "col('a', 'b')",
        "col(name='a')",
        "b'a'",
        "1j",
        "...",
        "None",
        "a @ b",
        "a % b",
        "~a",
        "a := 1",
        "(a, b)",
    ],
)
def test_what_is_no_such_expression_is_refused(text):
    with pytest.raises(SettingsError, match="expression"):
        parse(text)


def test_the_part_that_is_not_allowed_is_named():
    with pytest.raises(SettingsError, match=r"'rows\[0\]' is not allowed in the expression '2 \* rows\[0\]'"):
        parse("2 * rows[0]")


@pytest.mark.parametrize(
    "text", ["", "2 *", "(" * 1000 + "1" + ")" * 1000, "a\x00b", "a; b", "-" * 10_000 + "1", "9" * 5000]
)
def test_broken_texts_are_refused_and_not_a_crash(text):
    with pytest.raises(SettingsError):
        parse(text)


def test_a_very_long_expression_is_refused():
    with pytest.raises(SettingsError, match="too long"):
        parse(" + ".join(["a"] * 150))


@given(st.text(max_size=30))
@settings(deadline=None)
def test_any_text_is_an_expression_or_a_mistake(text):
    try:
        parse(text)
    except SettingsError as err:
        told = err
    else:
        return
    assert told.hint
