"""The fast door: what it takes, what it leaves to the decoder, and how single columns are had of it."""

import math
import struct

import msgspec
import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.typed import TypedRow, TypedRows, compile_typed
from daytwo.core.errors import NotFound
from daytwo.core.schema import Kind

COLUMNS = (
    Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0, expected_maximum=20.0),
    Column("stops", Kind.INTEGER, nullable=True),
    Column("night", Kind.BOOLEAN),
    Column("city", Kind.CATEGORY, levels=("Bonn", "Köln", "a city beyond"), max_length=10),
    Column("fare", Kind.NUMBER, required=False, repair=("parse", "default 9.5")),
    Column("at", Kind.TIME, Role.TIME),
    Column("taxi", Kind.TEXT, Role.SUBJECT, pattern="T[0-9]+"),
    Column("class", Kind.CATEGORY, Role.CHECKED, levels=("one", "two"), nullable=True),
    Column("note", Kind.TEXT, Role.IGNORED),
    Column("late", Kind.BOOLEAN, Role.TARGET, levels=("false", "true")),
)
RULES = (Rule("short", "stops <= km"), Rule("city", "city != 'Bonn' or night", Action.WARN))
CONTRACT = Contract("trips", 1, "me", COLUMNS, RULES)
GOOD: dict[str, object] = {
    "km": 12.1,
    "stops": 2,
    "night": False,
    "city": "Köln",
    "fare": 8,
    "at": "2013-04-01T17:30:00+02:00",
    "taxi": "T1",
    "class": "two",
}


def compiled(contract: Contract = CONTRACT) -> TypedRows:
    typed = compile_typed(contract)
    assert typed is not None
    return typed


TYPED = compiled()


def read(row: dict[str, object], typed: TypedRows = TYPED) -> TypedRow:
    return msgspec.json.decode(msgspec.json.encode(row), type=typed.row_type)


def taken(row: dict[str, object], typed: TypedRows = TYPED) -> bool:
    try:
        return typed.features(read(row, typed)) is not None
    except msgspec.ValidationError:
        return False


def test_a_good_row_gives_what_the_decoder_gives() -> None:
    row = read(GOOD)
    assert TYPED.features(row) == compile_decoder(CONTRACT).check(GOOD)[0]
    assert TYPED.features(row) == [12.100000381469727, 2.0, 0.0, 1.0, 8.0, 0.0]
    assert TYPED.packed(row) == struct.pack("6f", 12.1, 2, 0, 1, 8, 0)
    assert TYPED.as_dict(row) == GOOD


def test_a_whole_number_stays_one_so_that_a_key_keeps_its_text() -> None:
    typed = compiled(Contract("t", 1, "", (Column("id", Kind.NUMBER, Role.KEY), Column("km", Kind.NUMBER))))
    assert [repr(typed.getter("id")(read({"id": value, "km": 1}, typed))) for value in (12, 12.0)] == ["12", "12.0"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("km", value) for value in (21, 41.0, -0.5, "12", True, None, [])),
        *(("stops", value) for value in (3.0, 2**53 + 1, True, "3")),
        *(("night", value) for value in (0, "false", None)),
        *(("city", value) for value in ("Ulm", "a city beyond", 1, None)),
        *(("fare", value) for value in ("8", None, 1e39)),
        *(("at", value) for value in ("soon", "2013-04-31T17:30:00Z", None, 1365000000)),
        *(("taxi", value) for value in ("X", "T1\n", None)),
        *(("class", value) for value in ("three", 1)),
        ("colour", "red"),
        ("stops", 13),
    ],
)
def test_whatever_is_not_plainly_good_is_left_to_the_decoder(column: str, value: object) -> None:
    assert not taken({**GOOD, column: value})


def test_a_rule_that_only_warns_is_left_to_the_decoder_too() -> None:
    assert taken({**GOOD, "city": "Bonn", "night": True})
    assert not taken({**GOOD, "city": "Bonn"})


@pytest.mark.parametrize("name", [name for name in GOOD if name != "fare"])
def test_a_required_column_must_be_there(name: str) -> None:
    assert not taken({key: value for key, value in GOOD.items() if key != name})


def test_what_may_be_missing_is_nothing_and_what_may_be_absent_stays_absent() -> None:
    row = read({**{key: value for key, value in GOOD.items() if key != "fare"}, "stops": None, "class": None})
    features = TYPED.features(row)
    assert features is not None
    assert [math.isnan(value) for value in features] == [False, True, False, False, True, False]
    assert "fare" not in TYPED.as_dict(row)
    assert TYPED.getter("stops", "fare", "class", "city")(row) == (None, None, None, "Köln")


def test_what_the_contract_knows_but_does_not_judge_may_be_anything() -> None:
    row = read({**GOOD, "note": [1, {"a": None}], "late": "nonsense"})
    assert TYPED.features(row) is not None
    assert TYPED.getter("note", "late")(row) == ([1, {"a": None}], "nonsense")


def test_the_first_level_has_a_name_like_any_other() -> None:
    typed = compiled(Contract("t", 1, "", (Column("c", Kind.CATEGORY, levels=("x", ""), nullable=True),)))
    rows = [read({"c": value}, typed) for value in ("x", "", None)]
    assert [typed.getter("c")(row) for row in rows] == ["x", "", None]
    assert [typed.as_dict(row) for row in rows] == [{"c": "x"}, {"c": ""}, {"c": None}]
    assert [typed.packed(row) for row in rows] == [struct.pack("f", value) for value in (0.0, 1.0, math.nan)]


def test_keys_are_counted_as_a_dict_has_them() -> None:
    rows = [GOOD, {**GOOD, "note": None}, {**GOOD, "late": True, "note": ""}]
    assert TYPED.keys([read(row) for row in rows]) == sum(map(len, rows)) == 27
    assert TYPED.keys([]) == 0
    twice = msgspec.json.decode(
        b'{"km": 1, "km": 2}', type=(one := compiled(Contract("t", 1, "", COLUMNS[:1]))).row_type
    )
    assert one.keys([twice]) == 1


def test_a_block_of_rows_stands_in_a_larger_message() -> None:
    envelope = msgspec.defstruct("Envelope", [("rows", list[TYPED.row_type])])  # type: ignore[name-defined]
    message = msgspec.json.decode(msgspec.json.encode({"rows": [GOOD, GOOD]}), type=envelope)
    assert [TYPED.as_dict(row) for row in message.rows] == [GOOD, GOOD]


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "two\nlines", "half \ud83d"])
def test_a_name_that_the_reader_cannot_look_for_leaves_the_contract_to_the_decoder(name: str) -> None:
    assert compile_typed(Contract("t", 1, "", (Column(name, Kind.NUMBER),))) is None


def test_names_and_levels_are_never_read_as_code() -> None:
    evil = "');import os;('{x}%s"
    typed = compiled(Contract(evil, 1, "", (Column(evil, Kind.CATEGORY, levels=(evil, "\n", '"', "half \ud83d")),)))
    for code, level in enumerate((evil, "\n", '"')):
        row = read({evil: level}, typed)
        assert (typed.features(row), typed.getter(evil)(row)) == ([float(code)], level)


def test_a_column_of_which_no_level_is_sound_takes_nothing() -> None:
    typed = compiled(Contract("t", 1, "", (Column("c", Kind.CATEGORY, levels=("long",), max_length=1),)))
    assert not any(taken({"c": value}, typed) for value in ("long", "l", None, 0, 1))


def test_a_column_that_the_contract_has_not_is_refused() -> None:
    with pytest.raises(NotFound, match="no column 'speed'"):
        TYPED.getter("km", "speed")
