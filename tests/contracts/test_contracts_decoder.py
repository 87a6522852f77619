"""One row: features or every reason."""

import math

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.core.errors import DataError
from daytwo.core.expression import parse
from daytwo.core.schema import Kind

COLUMNS = (
    Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0, expected_maximum=20.0),
    Column("stops", Kind.INTEGER, nullable=True),
    Column("night", Kind.BOOLEAN),
    Column("city", Kind.CATEGORY, levels=("Bonn", "Köln"), max_length=10),
    Column("at", Kind.TIME, Role.TIME),
    Column("taxi", Kind.TEXT, Role.SUBJECT, pattern="T[0-9]+"),
    Column("note", Kind.TEXT, Role.IGNORED),
    Column("late", Kind.BOOLEAN, Role.TARGET, levels=("false", "true")),
)
DECODER = compile_decoder(Contract("trips", 1, "me", COLUMNS, (Rule("short", "stops <= km"),)))
GOOD = {"km": 12.1, "stops": 2, "night": False, "city": "Köln", "at": "2013-04-01T17:30:00Z", "taxi": "T1"}


def rules(row: dict[str, object]) -> list[tuple[str, str]]:
    return [(breach.column, breach.rule) for breach in DECODER.check(row)[1]]


def test_a_good_row_gives_float32_features() -> None:
    features, breaches = DECODER.check(GOOD)
    assert features == [12.100000381469727, 2.0, 0.0, 1.0]
    assert breaches == ()
    assert DECODER.schema.names == ("km", "stops", "night", "city")


def test_every_failure_is_named_with_its_value() -> None:
    row = {"km": 50, "stops": 2.5, "night": 1, "city": "Saarbrücken", "at": "soon", "taxi": "X"}
    features, breaches = DECODER.check(row)
    assert features is None
    assert [(b.column, b.rule, b.value) for b in breaches if b.action is Action.REJECT] == [
        ("km", "between", 50.0),
        ("stops", "type", 2.5),
        ("night", "type", 1),
        ("city", "length", "Saarbrücken"),
        ("at", "type", "soon"),
        ("taxi", "match_regex", "X"),
    ]
    assert [(b.column, b.rule) for b in breaches if b.action is Action.WARN] == [("city", "in_set")]
    assert breaches[0].message == "km must lie between 0 and 40"


@pytest.mark.parametrize("value", [True, False, "12", "", [], {}, [12.0]])
def test_only_a_number_is_a_number(value: object) -> None:
    assert rules({**GOOD, "km": value}) == [("km", "type")]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39, 10**400])
def test_what_float32_cannot_hold_is_refused_by_name(value: float) -> None:
    assert rules({**GOOD, "km": value}) == [("km", "finite")]


def test_a_missing_field_and_a_missing_value_are_told_apart() -> None:
    without = {name: value for name, value in GOOD.items() if name != "km"}
    assert rules(without) == [("km", "missing_field")]
    assert rules({**GOOD, "km": None}) == [("km", "not_null")]
    features, breaches = DECODER.check({**GOOD, "stops": None})
    assert features is not None
    assert math.isnan(features[1])
    assert breaches == ()


def test_an_unknown_field_warns_and_the_target_is_never_looked_at() -> None:
    features, breaches = DECODER.check({**GOOD, "late": "nonsense", "note": 3, "colour": "red"})
    assert features is not None
    assert [(b.column, b.rule, b.action) for b in breaches] == [("colour", "unknown_field", Action.WARN)]
    swapped = {name: value for name, value in GOOD.items() if name != "night"} | {"colour": "red"}
    assert rules(swapped) == [("night", "missing_field"), ("colour", "unknown_field")]


def test_a_row_rule_speaks_only_where_its_columns_hold() -> None:
    assert rules({**GOOD, "stops": 13}) == [("stops, km", "expression:short")]
    assert rules({**GOOD, "stops": None}) == []
    assert rules({**GOOD, "stops": 99, "km": 41.0}) == [("km", "between")]


NUMBERS = st.recursive(
    st.sampled_from(["km", 'col("late by")', "0", "-1.5", "3"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner) | st.builds("-{}".format, inner)
    ),
    max_leaves=5,
)
TRUTHS = st.recursive(
    st.builds("({} {} {})".format, NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS)
    | st.sampled_from(["night", "(city == 'float')", "(col('city') > city)"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("(not {})".format, inner)
    ),
    max_leaves=4,
)
READ = (
    Column("km", Kind.NUMBER),
    Column("late by", Kind.INTEGER),
    Column("night", Kind.BOOLEAN),
    Column("city", Kind.TEXT, Role.CHECKED),
)


@settings(max_examples=200, deadline=None)
@given(TRUTHS, st.floats(-1e6, 1e6, width=32), st.integers(-9, 9), st.booleans(), st.sampled_from(["float", "v0"]))
@example("(km / 0 <= km / col('late by'))", 0.0, 0, True, "float")
def test_a_row_rule_says_what_its_expression_says(text: str, km: float, late: int, night: bool, city: str) -> None:
    assume(parse(text).columns)
    row = {"km": km, "late by": late, "night": night, "city": city}
    features, breaches = compile_decoder(Contract("t", 1, "", READ, (Rule("r", text),))).check(row)
    assert (features is not None) == parse(text).evaluate({**row, "late by": float(late)}.__getitem__)
    assert [b.message for b in breaches] == ([] if features is not None else [f"{text} must hold"])


def test_an_unusual_value_only_warns() -> None:
    features, breaches = DECODER.check({**GOOD, "km": 30})
    assert features is not None
    assert breaches == (Breach("km", "expected_between", 30.0, "km is expected to be at most 20", Action.WARN),)


def test_a_whole_float_is_a_whole_number() -> None:
    features, _ = DECODER.check({**GOOD, "stops": 3.0})
    assert features is not None
    assert features[1] == 3.0
    assert rules({**GOOD, "stops": 2.0**60}) == [("stops", "type")]


def test_names_and_levels_are_never_read_as_code() -> None:
    evil = "');import os;('"
    contract = Contract(evil, 1, "", (Column(evil, Kind.CATEGORY, levels=(evil, "\n", '"')),))
    assert compile_decoder(contract).check({evil: "\n"}) == ([1.0], ())
    assert evil not in compile_decoder(contract).source


def test_an_optional_column_may_be_absent() -> None:
    decoder = compile_decoder(Contract("t", 1, "", (Column("a", Kind.NUMBER, required=False), COLUMNS[0])))
    features, breaches = decoder.check({"km": 1})
    assert features is not None
    assert math.isnan(features[0])
    assert breaches == ()


def test_the_encoder_refuses_what_was_not_checked() -> None:
    encoder = Encoder(DECODER.contract)
    assert encoder.row(GOOD) == DECODER.check(GOOD)[0]
    with pytest.raises(DataError, match="'12' is no number for 'km'"):
        encoder.row({**GOOD, "km": "12"})
    with pytest.raises(DataError, match="beyond float32"):
        encoder.row({**GOOD, "km": 1e39})


def test_lengths_are_counted_in_characters() -> None:
    column = Column("note", Kind.TEXT, Role.CHECKED, min_length=2, max_length=3)
    check = compile_decoder(Contract("t", 1, "", (column,))).check
    assert [bool(check({"note": text})[1]) for text in ("é", "éé", "😀😀😀", "abcd", "")] == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_time_is_read_alike_by_its_short_way_and_its_long_way() -> None:
    check = compile_decoder(Contract("t", 1, "", (Column("at", Kind.TIME, Role.TIME),))).check
    good = ["2013-04-01T17:30:00Z", "2013-04-01 17:30:00Z", "2013-04-01T19:30:00+02:00"]
    bad = ["2013-04-01T17:30:61Z", "2013-W1-1T17:30:00Z", "2013-04-01T\uff117:30:00Z", "2013-04-31T17:30:00Z"]
    assert [[b.rule for b in check({"at": text})[1]] for text in good + bad] == [[]] * 3 + [["type"]] * 4
