"""Values that break a rule are mended as their column says, told as one breach, and nothing else is touched."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.mend import Mended, mender_of
from daytwo.contracts.repairs import clipped, converted, read_repair, trimmed
from daytwo.core.schema import Kind

CITY = Column(
    "city",
    Kind.CATEGORY,
    levels=("birmingham", "dothan"),
    other="reject",
    typo="warn",
    repair=("trim", "lower", "nearest"),
)
TEMP = Column(
    "temp",
    Kind.NUMBER,
    minimum=-40.0,
    maximum=60.0,
    expected_maximum=45.0,
    repair=("parse", "unit 0.1", "default 20"),
)
STOPS = Column("stops", Kind.INTEGER, minimum=0.5, maximum=9.5, repair=("clip",))
NIGHT = Column("night", Kind.BOOLEAN, repair=("parse",))
AT = Column("at", Kind.TIME, Role.TIME, repair=("trim",))
CODE = Column("code", Kind.TEXT, Role.KEY, min_length=2, max_length=3, repair=("parse", "upper"), pattern="[A-Z0-9]+")
DECODER = compile_decoder(
    Contract("trips", 1, "", (CITY, TEMP, STOPS, NIGHT, AT, CODE), (Rule("few", "stops <= temp"),))
)
GOOD = {"city": "dothan", "temp": 21.5, "stops": 2, "night": True, "at": "2013-04-01", "code": "A1"}


def told(row: dict[str, object]) -> list[tuple[object, ...]]:
    return [(b.column, b.rule, b.action.value, b.value, b.repaired) for b in DECODER.check(row)[1]]


def mended(row: dict[str, object], breaches: Iterable[Breach]) -> dict[str, object]:
    return {**row, **{b.column: b.repaired for b in breaches if b.action is Action.REPAIR}}


def test_a_good_row_is_never_touched() -> None:
    assert DECODER.schema.names == ("city", "temp", "temp_imputed", "stops", "night")
    assert DECODER.check(GOOD) == ([1.0, 21.5, 0.0, 2.0, 1.0], ())


def test_every_mended_value_is_one_breach_that_names_its_repairs() -> None:
    row = {"city": " Dothxn", "temp": "215", "stops": 12, "night": "no", "at": " 2013-04-01 ", "code": 17}
    features, breaches = DECODER.check(row)
    assert features == [1.0, 21.5, 0.0, 9.0, 0.0]
    assert told(row) == [
        ("city", "in_set", "repair", " Dothxn", "dothan"),
        ("temp", "type", "repair", "215", 21.5),
        ("stops", "between", "repair", 12, 9),
        ("night", "type", "repair", "no", False),
        ("at", "type", "repair", " 2013-04-01 ", "2013-04-01"),
        ("code", "type", "repair", 17, "17"),
    ]
    assert (
        breaches[0].message == "city is none of the 2 known levels (birmingham, dothan); mended by trim, lower, nearest"
    )
    assert breaches[1].message == "temp must be a number; mended by parse, unit"
    assert mended(row, breaches) == {
        "city": "dothan",
        "temp": 21.5,
        "stops": 9,
        "night": False,
        "at": "2013-04-01",
        "code": "17",
    }
    assert DECODER.check(mended(row, breaches)) == (features, ())


def test_what_no_repair_helps_keeps_what_was_wrong_at_first() -> None:
    row = {"city": "Mobile", "temp": "hot", "stops": None, "night": "perhaps", "at": "soon", "code": "a-1234"}
    features, breaches = DECODER.check(row)
    assert features is None
    assert [(b.column, b.rule, b.action) for b in breaches] == [
        ("city", "in_set", Action.REJECT),
        ("temp", "type", Action.REJECT),
        ("stops", "not_null", Action.REJECT),
        ("night", "type", Action.REJECT),
        ("at", "type", Action.REJECT),
        ("code", "length", Action.REJECT),
        ("code", "match_regex", Action.REJECT),
    ]
    assert mended(row, breaches) == row


def test_a_typing_error_is_told_as_one_where_nothing_mends_it() -> None:
    column = Column("city", Kind.CATEGORY, levels=("birmingham", "dothan"), other="reject", typo="warn")
    check = compile_decoder(Contract("t", 1, "", (column,))).check
    features, breaches = check({"city": "birminghxm"})
    assert (features, [(b.rule, b.action) for b in breaches]) == ([2.0], [("typo", Action.WARN)])
    assert breaches[0].message == "city looks like a mistyped one of the 2 known levels (birmingham, dothan)"
    features, breaches = check({"city": "mobile"})
    assert (features, [(b.rule, b.action) for b in breaches]) == (None, [("in_set", Action.REJECT)])


def test_a_default_tells_the_model_that_it_stands_there() -> None:
    assert DECODER.check({**GOOD, "temp": None})[0] == [1.0, 20.0, 1.0, 2.0, 1.0]
    assert told({**GOOD, "temp": None}) == [("temp", "not_null", "repair", None, 20.0)]
    absent = {name: value for name, value in GOOD.items() if name != "temp"}
    assert told(absent) == [("temp", "missing_field", "repair", None, 20.0)]
    assert mended(absent, DECODER.check(absent)[1]) == {**absent, "temp": 20.0}
    # Measured as 20, so nothing was imputed.
    assert DECODER.check({**GOOD, "temp": 20.0})[0] == [1.0, 20.0, 0.0, 2.0, 1.0]


def test_the_encoder_reads_where_a_default_stands() -> None:
    encoder = Encoder(DECODER.contract)
    assert encoder.row({**GOOD, "temp": 20.0, "temp_imputed": True}) == [1.0, 20.0, 1.0, 2.0, 1.0]
    assert encoder.row(GOOD) == [1.0, 21.5, 0.0, 2.0, 1.0]


def test_an_unusual_value_is_not_touched_and_a_mended_one_may_be_unusual() -> None:
    assert told({**GOOD, "temp": 50}) == [("temp", "expected_between", "warn", 50, None)]
    assert told({**GOOD, "temp": 500}) == [("temp", "between", "repair", 500, 50.0)]


def test_a_row_rule_reads_the_mended_value() -> None:
    assert told({**GOOD, "temp": "1", "stops": 5}) == [
        ("temp", "type", "repair", "1", 1.0),
        ("stops, temp", "expression:few", "reject", None, None),
    ]


@pytest.mark.parametrize(
    ("column", "value", "result"),
    [
        (Column("c", Kind.TEXT, Role.CHECKED, nullable=True, min_length=1, max_length=1, repair=("trim",)), "  ", None),
        (Column("c", Kind.TEXT, Role.CHECKED, max_length=2, repair=("trim", "default no")), "   ", "no"),
        (Column("c", Kind.TEXT, Role.CHECKED, pattern="[A-Z]*", repair=("upper",)), "straße", "STRASSE"),
        (Column("c", Kind.NUMBER, nan="missing", repair=("default 1",)), math.nan, 1.0),
        (Column("c", Kind.NUMBER, minimum=0.0, maximum=5.0, repair=("clip",)), math.inf, 5.0),
        (Column("c", Kind.NUMBER, minimum=0.0, maximum=5.0, repair=("clip",)), 10**400, 5.0),
        (Column("c", Kind.NUMBER, maximum=5.0, repair=("unit 0.5", "clip")), 100, 5.0),
        (Column("c", Kind.NUMBER, maximum=5.0, repair=("unit 0.5", "clip")), 8, 4.0),
        (Column("c", Kind.INTEGER, maximum=5.0, repair=("unit 0.5",)), 8, 4),
        (Column("c", Kind.NUMBER, repair=("default 1", "parse")), "x", "unmended"),
        (Column("c", Kind.NUMBER, maximum=5.0, repair=("clip",)), math.nan, "unmended"),
        (Column("c", Kind.INTEGER, maximum=5.0, repair=("unit 0.5",)), 7, "unmended"),
        (Column("c", Kind.NUMBER, repair=("unit 2", "trim")[:1]), 10**400, "unmended"),
    ],
)
def test_repairs_work_one_after_the_other(column: Column, value: object, result: object) -> None:
    made = mender_of(column)(value)
    assert (made.value if made is not None else "unmended") == result
    assert made is None or type(made.value) is type(result)


def test_a_mended_time_stays_a_text_for_the_row_and_is_a_moment_for_its_rules() -> None:
    column = Column("at", Kind.TIME, Role.TIME, repair=("parse",))
    moment = datetime(2013, 4, 1, tzinfo=UTC)
    assert mender_of(column)(" 2013-04-01\n") == Mended("2013-04-01", moment, ("parse",), imputed=False)


@pytest.mark.parametrize(
    ("rule", "value"), [("between", 50.0), ("length", "abcd"), ("length", ""), ("match_regex", "A")]
)
def test_a_rule_may_only_warn(rule: str, value: object) -> None:
    hard = {"minimum": 0.0, "maximum": 40.0} if rule == "between" else {"min_length": 1, "max_length": 3}
    more = {"pattern": "[a-z]*"} if rule == "match_regex" else hard
    kind = Kind.NUMBER if rule == "between" else Kind.TEXT
    for warn, action in (((), Action.REJECT), ((rule,), Action.WARN)):
        column = Column("c", kind, Role.CHECKED, warn=warn, **more)  # type: ignore[arg-type]
        features, breaches = compile_decoder(Contract("t", 1, "", (column,))).check({"c": value})
        assert [(b.rule, b.action) for b in breaches] == [(rule, action)]
        assert (features is None) == (action is Action.REJECT)


ANYTHING = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.none(), max_size=1)


@given(ANYTHING)
def test_a_repair_leaves_alone_what_it_is_not_meant_for(value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    unit = read_repair("unit 2", Kind.NUMBER)
    assert isinstance(value, str) or trimmed(value) is value
    assert is_number or converted(value, unit) is value
    assert is_number or clipped(value, 0.0, 1.0, whole=False) is value


@given(st.floats(allow_nan=False) | st.integers(), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_clipped_number_lies_within(value: float, one: float, other: float) -> None:
    low, high = sorted([one, other])
    moved = clipped(value, low, high, whole=False)
    assert isinstance(moved, int | float)
    assert low <= moved <= high
    assert moved == value or moved in {low, high}
