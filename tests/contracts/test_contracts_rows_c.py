"""The native reader of rows: many bodies at once, numbers to the last bit, and nothing taken of what is broken."""

import ctypes
import json
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.narrow import Narrow
from daytwo.contracts.rows_c import LIBRARY, RowReader, _library, row_reader
from daytwo.core.errors import Fault
from daytwo.core.schema import Kind

pytestmark = pytest.mark.skipif(not LIBRARY.is_file(), reason="there was no C compiler when daytwo was installed")

COLUMNS = (
    Column("id", Kind.TEXT, Role.KEY, min_length=1, max_length=6),
    Column("km", Kind.NUMBER, minimum=-40.0, maximum=40.0),
    Column("stops", Kind.INTEGER, nullable=True),
    Column("night", Kind.BOOLEAN),
    Column("city", Kind.CATEGORY, levels=("Bonn", "Köln", "")),
    Column("fare", Kind.NUMBER, required=False, repair=("parse", "default 9.5")),
    Column("at", Kind.TIME, Role.TIME),
    Column("note", Kind.TEXT, Role.IGNORED),
)
CONTRACT = Contract("trips", 1, "me", COLUMNS, (Rule("short", "stops <= km"),))
GOOD = {"id": "t-1", "km": 12.5, "stops": 2, "night": True, "city": "Köln", "fare": 8, "at": "2013-04-01T17:30:00Z"}
FEATURES = struct.pack("6f", 12.5, 2, 1, 1, 8, 0)
NUMBER = Contract("n", 1, "", (Column("x", Kind.NUMBER),))


def taken(body, reader=None, max_rows=10):
    return (reader or RowReader(CONTRACT, ["id"], {})).read((body,), max_rows).counts[0] > 0


def encoded(row, *, escaped=False):
    return json.dumps([row], ensure_ascii=escaped).encode()


def test_bodies_are_read_at_once_each_for_itself():
    reader = RowReader(CONTRACT, ["fare", "id"], {})
    rows = [msgspec.json.encode([GOOD]), msgspec.json.encode({"rows": [GOOD | {"id": "ä", "km": 3}] * 2}), b"[{}]"]
    found = reader.read([b"[", *rows, b'{"rows": \n' + rows[0] + b"}", b'{"rows":[]}', b""], 10)
    assert found.counts == [-1, 1, 2, -1, 1, -1, -1]
    assert [found.texts[i] for i in (1, 2, 4)] == [
        rows[0],
        msgspec.json.encode([GOOD | {"id": "ä", "km": 3}] * 2),
        rows[0],
    ]
    assert found.packed == FEATURES + 2 * (struct.pack("f", 3) + FEATURES[4:]) + FEATURES
    assert found.values == [[8, 8, 8, 8], ["t-1", "ä", "ä", "t-1"]]


def test_an_escaped_level_is_the_level():
    body = encoded(GOOD, escaped=True)
    assert b"K\\u00f6ln" in body
    assert RowReader(CONTRACT, [], {}).read((body,), 1).packed == FEATURES


def test_what_is_asked_for_but_not_there_is_none():
    reader = RowReader(CONTRACT, ["stops", "fare", "note"], {})
    row = {name: value for name, value in GOOD.items() if name != "fare"} | {"stops": None}
    found = reader.read((encoded(row),), 1)
    assert found.values == [[None], [None], [None]]
    features = np.frombuffer(found.packed, dtype=np.float32)
    assert np.isnan(features).tolist() == [False, True, False, False, True, False]


@pytest.mark.parametrize("rows", [255, 256, 257, 3000])
def test_there_is_room_for_any_number_of_rows(rows):
    found = RowReader(CONTRACT, [], {}).read((msgspec.json.encode([GOOD] * rows),), 5000)
    assert found.counts == [rows]
    assert found.packed == FEATURES * rows


def test_a_request_has_a_bound_of_rows_of_its_own():
    body = msgspec.json.encode([GOOD] * 3)
    found = RowReader(CONTRACT, [], {}).read((body, body[:1] + body[1:].replace(b"},{", b"},\n{")), 3)
    assert found.counts == [3, 3]
    assert RowReader(CONTRACT, [], {}).read((body, b"[{}]"), 2).counts == [-1, -1]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("id", value) for value in ("", "seven77", 5, None, [])),
        *(("km", value) for value in (41, -40.5, "12", True, None, [], {}, 1e300)),
        *(("stops", value) for value in (3.0, 2**53 + 1, 10**30, True, "3", 13)),
        *(("night", value) for value in (0, "false", None, 1.0)),
        *(("city", value) for value in ("Ulm", "Bon", "Bonnn", 1, None)),
        *(("fare", value) for value in ("8", None)),
        *(("at", value) for value in ("soon", "2013-04-31T17:30:00Z", None, 5)),
        *(("note", value) for value in ([1], {"a": 1}, 10**30)),
        ("colour", "red"),
    ],
)
def test_whatever_is_not_plainly_good_is_left_to_others(column, value):
    assert taken(encoded(GOOD | {"note": 'a " \\u00e9 b'}))
    assert not taken(encoded(GOOD | {column: value}))


@pytest.mark.parametrize("name", [name for name in GOOD if name != "fare"])
def test_a_required_column_must_be_there(name):
    assert not taken(encoded({key: value for key, value in GOOD.items() if key != name}))


def test_what_is_narrower_is_left_to_others():
    narrow = {"km": Narrow(low=0.0), "stops": Narrow(missing=False), "city": Narrow(without=frozenset(["Bonn"]))}
    reader = RowReader(CONTRACT, [], narrow)
    assert taken(encoded(GOOD), reader)
    for column, value in (("km", -1), ("stops", None), ("city", "Bonn")):
        assert taken(encoded(GOOD | {"stops": -2, column: value}))
        assert not taken(encoded(GOOD | {"stops": -2, column: value}), reader)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"]",
        b"[]",
        b"[[]]",
        b"{}",
        b'{"rows":',
        b'{"rows":}',
        b'{"rows":[}',
        b'{"rows":[]}',
        b"[" * 5000 + b"]" * 5000,
        b'[{"x":1},]',
        b'[{"x":1,}]',
        b'[{"x":1}{"x":1}]',
        b'[{"x":1}]]',
        b'[{"x":1}],[{"x":1}]',
        b'[{"x":1,"x":1}]',
        b'[{"x":1,"\\u0078":1}]',
        b'[{"x" 1}]',
        b"[{x:1}]",
        b'[{"x":1}, "x]',
        b'[{"x":nul]',
        b'[{"x":NaN}]',
        b'[{"x":Infinity}]',
        b'[{"x":"1}]',
        b'[{"x":1\x00}]',
        b'[{"x\x00":1}]',
        b'\xef\xbb\xbf[{"x":1}]',
    ],
)
def test_a_broken_body_is_not_taken(body):
    assert not taken(body, RowReader(NUMBER, [], {}))


@pytest.mark.parametrize(
    "token", ["01", "-", "+1", ".5", "5.", "1e", "1e+", "--1", "1.e5", "0x10", "1_0", "1e400", "1" * 70, "- 1", "1f"]
)
def test_what_is_no_number_in_json_is_not_taken(token):
    assert not taken(b'[{"x":%b}]' % token.encode(), RowReader(NUMBER, [], {}))


@settings(max_examples=600, deadline=None)
@given(st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_is_the_one_nearest_to_its_decimals(token):
    found = RowReader(NUMBER, ["x"], {}).read((b'[{"x":%b}]' % token.encode(),), 1)
    value = float(token)
    whole = not set(token) & set(".eE")
    plain = abs(value) <= 3.4e38 and not (whole and abs(int(token)) > 2**53)
    if found.counts == [1]:
        assert plain
        expected = 0.0 if whole and value == 0 else value
        assert found.packed == struct.pack("f", expected)
    else:
        assert not plain or abs(value) > 3.4e38


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_a_body_with_a_changed_byte_is_taken_only_if_the_decoder_has_nothing_to_say(data):
    reader = RowReader(CONTRACT, ["id"], {})
    body = bytearray(encoded(GOOD | {"note": "n"}))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b"{", b"}", b"]", b",", b":", b"e", b"0", b" "])
        )
    if taken(bytes(body), reader):
        (row,) = msgspec.json.decode(bytes(body))
        features, breaches = compile_decoder(CONTRACT).check(row)
        assert breaches == ()
        assert reader.read((bytes(body),), 1).packed == np.array(features, dtype=np.float32).tobytes()


def test_a_body_cut_anywhere_is_not_taken_and_nothing_is_read_behind_it():
    reader = RowReader(CONTRACT, [], {})
    body = encoded(GOOD)
    for end in range(1, len(body)):
        assert not taken(body[:end], reader)
        assert reader.read((body[:end], body[end:]), 1).counts == [-1, -1]


@pytest.mark.parametrize(
    "odd",
    [
        b'[{"id":"\xff"}]',
        encoded(GOOD).replace("ö".encode(), "ö".encode()[:1]),
        encoded(GOOD | {"at": "soon"}),
        encoded(GOOD | {"stops": 13}),
    ],
)
def test_what_breaks_no_type_spoils_only_its_own_body(odd):
    reader = RowReader(CONTRACT, ["id"], {})
    found = reader.read((encoded(GOOD), odd, b"[", encoded(GOOD | {"id": "u"})), 1)
    assert found.counts == [1, -1, -1, 1]
    assert (found.packed, found.values) == (2 * FEATURES, [["t-1", "u"]])
    assert reader.read((odd,), 1).counts == [-1]


def test_a_plan_that_does_not_fit_together_is_not_opened():
    library = _library()
    whole = RowReader(NUMBER, [], {})
    assert whole is not None
    for block in (b"", bytes(48), bytes(200)):
        assert not library.long.daytwo_rows_open(ctypes.c_char_p(block), len(block))


def test_without_the_library_rows_are_read_in_python(monkeypatch, tmp_path):
    monkeypatch.setattr("daytwo.contracts.rows_c.LIBRARY", tmp_path / "none.so")
    assert row_reader(CONTRACT, [], {}) is None


def test_more_columns_than_the_library_takes_are_read_in_python():
    many = Contract("wide", 1, "", tuple(Column(f"c{i}", Kind.NUMBER) for i in range(5000)))
    with pytest.raises(Fault, match="cannot be read natively"):
        RowReader(many, [], {})
    assert row_reader(many, [], {}) is None
