"""One contract, two compilations, one meaning: the decoder and the columnar check never differ."""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.rows_c import LIBRARY, row_reader
from daytwo.contracts.table.columnar import Checked, check
from daytwo.contracts.typed import compile_typed
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

# More of them before a release: DAYTWO_TEST_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("DAYTWO_TEST_EXAMPLES", "500"))
# Case folding, composition, spaces and digits that libraries see differently; levels that look alike.
TRAPS = st.sampled_from(
    [
        *(
            "ß",
            "İ",
            "\u0131",
            "\u017f",
            "ﬃ",
            "ΑΣ",
            "ας",
            "é",
            "e\u0301",
            "Å",
            "Å",
            "😀",
            "Ǆ",
            "ǆ",
            "\x00",
            "\uff11\uff12",
            "٣",
            "²",
        ),
        *(" a", "a\u00a0", "\x1ca", "\u2003a\u2003", "\u200ba", "\ufeffa", "\x85", " ", "\t1\n"),
        *("1,234", "1,23", "1e3", "1e400", " 12.0 ", "-0", "+5", ".5", "5.", "1_000", "0x1", "infinity", "NaN"),
        *("Yes", "TRUE ", "n", "0", "1", "None", "null"),
        *("birmingham", "birminghxm", "brimingham", "Birmingham", "birminghan", "dothan", "dothxn", "DOTHAN "),
        *("code-1", "code-2", "code-x", "cod3-1"),
    ]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | TRAPS
LEVELS = st.lists(TEXTS, min_size=1, max_size=4, unique=True).map(tuple)
BOUNDS = st.none() | st.floats(-1e3, 1e3, allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0, 0.1])
NUMBERS = (
    st.floats(-1e3, 1e3)
    | st.floats()
    | st.integers(-1000, 1000)
    | st.sampled_from(
        [
            0,
            -0.0,
            1,
            0.1,
            1e-45,
            2**53,
            2**53 + 1,
            2**63 - 1,
            2**63,
            -(2**63),
            2**64,
            2**100,
            3.4028234663852886e38,
            3.4028235677973366e38,
            16777217,
            math.inf,
            -math.inf,
            math.nan,
            5e-324,
            1.0000000596046448,
        ]
    )
)
TIMES = st.sampled_from(
    [
        "2013-04-01",
        "2008-05",
        "2013-04-01T17:30:00Z",
        "2013-04-01 17:30",
        "2013-04-01T17:30:00.123456789+02:00",
        "2013-02-30",
        "2013-04-01T25:00",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
        "now",
        "٢٠١٣-04",
        "2013-04-01T17:30:00+0200",
        "2013-13",
        "20130401",
        "2013-W14",
        "2013-04-01T17:30:00z",
        "2013-04-01\n",
        " 2013-04-01 ",
        "2013-04-01T17:30:61Z",
        "2013-W1-1T17:30:00Z",
        "2013-04-01T\uff117:30:00Z",
        "2013-04-01T24:00:00Z",
    ]
)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))])
# A day within what a calendar holds, in any zone; hypothesis puts the zone on.
EARLY, LATE = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001  see above
CELLS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | TEXTS
    | TIMES
    | st.sampled_from(["1", "1.5", "nan", "true", "", " 3 ", "x" * 200])
    | st.datetimes(EARLY, LATE, timezones=ZONES)
    | st.dates(date(1970, 1, 1), date(2100, 1, 1))
)


FITTING = {
    Kind.NUMBER: st.floats(-2e3, 2e3) | NUMBERS,
    Kind.INTEGER: st.integers(-2000, 2000) | NUMBERS,
    Kind.BOOLEAN: st.booleans(),
    Kind.CATEGORY: TEXTS,
    Kind.TEXT: TEXTS,
    Kind.TIME: TIMES,
}


def cells(column: Column) -> st.SearchStrategy[object]:
    """Mostly values of the column's own kind, so that rows pass; the rest is anything."""
    fitting = FITTING[column.kind]
    if column.levels:
        fitting |= st.sampled_from(column.levels)
    return st.one_of(fitting, fitting, fitting, CELLS)


REPAIRS: dict[Kind, list[str]] = {
    Kind.NUMBER: ["parse", "unit 1.609344", "unit 1.8 32", "unit -1e300", "unit 0.001", "clip", "default -7.5"],
    Kind.INTEGER: ["parse", "unit 2", "unit 0.001", "unit 1e18", "clip", "default 12"],
    Kind.BOOLEAN: ["parse", "default true"],
    Kind.CATEGORY: ["trim", "lower", "upper", "parse", "nearest", "default birmingham", "default  dothxn"],
    Kind.TEXT: ["trim", "lower", "upper", "parse", "default a"],
    Kind.TIME: ["trim", "parse", "default 2013-04-01T02:00:00+02:00"],
}


@st.composite
def repairs(draw: st.DrawFn, kind: Kind, *, bounded: bool) -> tuple[str, ...]:
    able = [text for text in REPAIRS[kind] if bounded or text != "clip"]
    return tuple(draw(st.just([]) | st.lists(st.sampled_from(able), max_size=4)))


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(list(Kind)))
    feature = kind not in {Kind.TEXT, Kind.TIME} and draw(st.sampled_from([True, True, False]))
    numeric, textual = kind in {Kind.NUMBER, Kind.INTEGER}, kind in {Kind.CATEGORY, Kind.TEXT}
    low, high = sorted([draw(BOUNDS) if numeric else None for _ in range(2)], key=lambda x: (x is None, x or 0.0))
    expected = sorted([draw(BOUNDS) if numeric else None for _ in range(2)], key=lambda x: (x is None, x or 0.0))
    lengths = sorted(draw(st.lists(st.integers(0, 9), min_size=2, max_size=2))) if textual else [0, 0]
    mending = draw(repairs(kind, bounded=low is not None or high is not None))
    levels = draw(LEVELS) if kind is Kind.CATEGORY else ()
    return Column(
        name,
        kind,
        Role.FEATURE if feature else Role.CHECKED,
        required=draw(st.sampled_from([True, True, False])),
        nullable=not any(repair.startswith("default") for repair in mending) and draw(st.booleans()),
        minimum=low,
        maximum=high,
        expected_minimum=expected[0],
        expected_maximum=expected[1],
        levels=levels,
        other=draw(st.sampled_from(["keep", "reject"])),
        typo=draw(st.sampled_from(["keep", "warn", "reject"])) if levels else "keep",
        nan=draw(st.sampled_from(["reject", "missing"])),
        pattern=draw(st.none() | st.none() | st.sampled_from(["[a-z]*", r"\d+", ".*", "a|b"])) if textual else None,
        min_length=lengths[0] if textual and draw(st.booleans()) else None,
        max_length=lengths[1] if textual and draw(st.booleans()) else None,
        warn=tuple(draw(st.lists(st.sampled_from(["between", "length", "match_regex"]), unique=True))),
        repair=mending,
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    made = [draw(columns(name)) for name in ["a", "b'\"\\\n", "*"][: draw(st.integers(1, 3))]]
    numeric = [c.name for c in made if c.is_numeric]
    rules: list[Rule] = []
    if numeric:
        left, right = (f"col({draw(st.sampled_from(numeric))!r})" for _ in range(2))
        texts = [f"{left} <= {right}", f"{left} / {right} <= 1", f"{left} + {right} == 3 or not {left} > 2"]
        action = draw(st.sampled_from([Action.REJECT, Action.WARN]))
        rules = [Rule("r", draw(st.sampled_from(texts)), action)] if draw(st.booleans()) else []
    return Contract("random", 1, "somebody", tuple(made), tuple(rules))


def cell_series(name: str, value: object) -> pl.Series:
    """One cell as the column a file would hold it in."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return pl.Series(name, [value], dtype=pl.Int128)
    return pl.Series(name, [value], strict=False)


def named(verdict: Iterable[Breach], row: int = 0) -> list[tuple[object, ...]]:
    """What was said of a row, as the table says it."""
    return sorted(
        (row, b.column, b.rule, str(b.action), b.message, said(b.repaired))
        for b in verdict
        if b.rule != "unknown_field"
    )


def said(repaired: object) -> str:
    return str(repaired).lower() if isinstance(repaired, bool) else str(repaired)


def table_named(checked: Checked) -> list[tuple[object, ...]]:
    cells = {"reject": checked.failures, "warn": checked.warnings}
    found = [
        (row, column, rule, action, message, "None")
        for action, lines in cells.items()
        for row, column, rule, message in lines.select("row", "column", "rule", "message").iter_rows()
    ]
    lines = checked.repairs.select("row", "column", "rule", pl.lit("repair"), "message", "repaired")
    return sorted(found + [(*one[:5], str(one[5])) for one in lines.iter_rows()])


def bits(features: object) -> list[int]:
    array = np.asarray(features, dtype=np.float32)
    return np.where(np.isnan(array), np.float32(np.nan), array).view(np.uint32).tolist()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_both_doors_agree_on_verdict_breaches_and_feature_bits(data: st.DataObject) -> None:
    contract = data.draw(contracts())
    row = {column.name: data.draw(cells(column), label=column.name) for column in contract.columns}
    for column in contract.columns:
        if data.draw(st.sampled_from([False] * 7 + [True]), label=f"{column.name} is absent"):
            del row[column.name]
    row |= data.draw(st.sampled_from([{}, {}, {"stray": 1}])) if row else {"stray": 1}
    features, breaches = compile_decoder(contract).check(row)
    frame = pl.DataFrame([cell_series(name, value) for name, value in row.items()])
    if any(breach.rule == "missing_field" and breach.action is Action.REJECT for breach in breaches):
        with pytest.raises(DataError, match="the data has no column"):
            check(contract, frame)
        return
    checked = check(contract, frame)
    assert named(breaches) == table_named(checked)
    assert [breach.column for breach in breaches if breach.rule == "unknown_field"] == list(checked.unknown)
    assert (features is None) == (checked.rejected.height == 1)
    assert (features is not None) == (checked.accepted.height == 1)
    if features is not None:
        encoder = Encoder(contract)
        assert bits(encoder.matrix(checked.accepted)[0]) == bits(features)
        assert bits(encoder.row(checked.accepted.row(0, named=True))) == bits(features)
        assert features == [float(np.float32(value)) for value in features] or any(map(math.isnan, features))


@settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mended_row_needs_no_more_mending(data: st.DataObject) -> None:
    contract = data.draw(contracts())
    decoder = compile_decoder(contract)
    row = {column.name: data.draw(cells(column), label=column.name) for column in contract.columns}
    features, breaches = decoder.check(row)
    again = {**row, **{b.column: b.repaired for b in breaches if b.action is Action.REPAIR}}
    seen, left = decoder.check(again)
    assert [b for b in left if b.action is not Action.WARN] == [b for b in breaches if b.action is Action.REJECT]
    if features is not None and seen is not None:
        flags = {f"{name}_imputed" for name in contract.features.names}
        kept = [place for place, name in enumerate(contract.features.names) if name not in flags]
        assert bits([seen[place] for place in kept]) == bits([features[place] for place in kept])


SORTS: dict[Kind, st.SearchStrategy[object]] = {
    Kind.NUMBER: st.none() | st.floats(-2e3, 2e3) | st.floats(),
    Kind.INTEGER: st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000),
    Kind.BOOLEAN: st.none() | st.booleans(),
    Kind.CATEGORY: st.none() | TEXTS | st.sampled_from(["a", "b"]),
    Kind.TIME: st.none() | st.datetimes(timezones=st.just(UTC)),
}
DTYPES = {Kind.NUMBER: pl.Float64, Kind.INTEGER: pl.Int64, Kind.BOOLEAN: pl.Boolean, Kind.CATEGORY: pl.String}


@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_table_of_many_rows_gives_what_its_rows_give(data: st.DataObject) -> None:
    contract, height = data.draw(contracts()), data.draw(st.integers(0, 6))
    held: dict[str, list[object]] = {}
    series: list[pl.Series] = []
    for column in contract.columns:
        own = Kind.CATEGORY if column.kind is Kind.TEXT else column.kind
        sort = data.draw(st.sampled_from([own] * 8 + list(SORTS)))
        strategy = SORTS[sort] | st.sampled_from(column.levels) if column.levels and sort is own else SORTS[sort]
        held[column.name] = data.draw(st.lists(strategy, min_size=height, max_size=height))
        series.append(pl.Series(column.name, held[column.name], dtype=DTYPES.get(sort, pl.Datetime("us", "UTC"))))
    decoder = compile_decoder(contract)
    checked = check(contract, pl.DataFrame(series, height=height))
    told, rejected, matrix = [], [], []
    for number in range(height):
        features, breaches = decoder.check({name: values[number] for name, values in held.items()})
        told += named(breaches, number)
        if features is None:
            rejected.append(number)
        else:
            matrix.append(features)
    assert table_named(checked) == sorted(told)
    assert checked.rejected.get_column("_row").to_list() == rejected
    encoded = Encoder(contract).matrix(checked.accepted)
    assert bits(encoded.ravel()) == bits(np.array(matrix, dtype=np.float32).ravel())


# Values as no encoder of ours writes them; half characters, numbers at the edge, rows within rows.
TOKENS = st.sampled_from(
    [
        *(
            "null",
            "true",
            "1.0",
            "-0",
            "-0.0",
            "0.0",
            "1e0",
            "1E2",
            "10e-1",
            "1e400",
            "-1e400",
            "1e22",
            "1" + "0" * 400,
        ),
        *("9007199254740992", "9007199254740993", "9007199254740993.0", "9223372036854775808", "18446744073709551617"),
        *("3.4028235677973366e38", "340282346638528859811704183484516925440", "1e-400", "NaN", "Infinity", "-"),
        *(
            '"\\ud83d\\ude00"',
            '"\\ud800"',
            '"\\u0061"',
            '"a\\nb"',
            '"\\/"',
            "[]",
            "{}",
            '{"a":1}',
            '[{"*":null}]',
            '""',
        ),
    ]
)


def written(value: object) -> str:
    return str(value) if isinstance(value, int | float) and not math.isfinite(value) else json.dumps(value, default=str)


@st.composite
def json_rows(draw: st.DrawFn, contract: Contract) -> bytes:
    """A row as bytes: mostly what fits, with keys in any order, twice, escaped, unknown or not there."""
    pairs = []
    for column in contract.columns:
        count = draw(st.sampled_from([1] * 12 + [0, 2]))
        for _ in range(count):
            value = draw(st.one_of(*[cells(column).map(written)] * 4, TOKENS))
            pairs.append((column.name, value))
    pairs += draw(st.sampled_from([[]] * 7 + [[("stray", "1")]]))
    keys = [
        "".join(f"\\u{ord(one):04x}" for one in name) if draw(st.sampled_from([False] * 7 + [True])) else ""
        for name, _ in pairs
    ]
    texts = [
        f'"{key}":{value}' if key else f"{json.dumps(name)}:{value}"
        for key, (name, value) in zip(keys, pairs, strict=True)
    ]
    return ("{" + ",".join(draw(st.permutations(texts))) + "}").encode("utf-8", "surrogatepass")


@st.composite
def plain_contracts(draw: st.DrawFn) -> Contract:
    """Contracts whose names a JSON reader can look for, with columns of which a request says nothing."""
    contract = draw(contracts())
    names = {"b'\"\\\n": "b'é "}
    rules = tuple(
        replace(rule, expression=rule.expression.replace(repr("b'\"\\\n"), repr("b'é "))) for rule in contract.rules
    )
    made = tuple(replace(column, name=names.get(column.name, column.name)) for column in contract.columns)
    others = (
        Column("note", Kind.TEXT, Role.IGNORED),
        Column("late", Kind.BOOLEAN, Role.TARGET, levels=("false", "true")),
    )
    return replace(contract, columns=(*made, *others[: draw(st.integers(0, 2))]), rules=rules)


def exactly(values: object) -> str:
    """Values told apart to the sign of zero and to the type."""
    return repr(sorted(values.items()) if isinstance(values, dict) else values)


def natively(contract: Contract, text: bytes) -> bool:
    """Whether the native reader takes the row; then it must be one of which the decoder has nothing to say."""
    names = [column.name for column in contract.columns]
    reader = row_reader(contract, names, {})
    if reader is None or (found := reader.read((b"[" + text + b"]",), 1)).counts[0] != 1:
        return False
    plain = msgspec.json.decode(text)
    assert len(json.loads(text, object_pairs_hook=list)) == len(plain)
    features, breaches = compile_decoder(contract).check(plain)
    assert breaches == ()
    assert found.packed == np.array(features, dtype=np.float32).tobytes()
    assert exactly([values[0] for values in found.values]) == exactly([plain.get(name) for name in names])
    return True


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_fast_door_takes_only_what_the_decoder_has_nothing_to_say_of(data: st.DataObject) -> None:
    contract = data.draw(st.one_of(plain_contracts(), plain_contracts(), plain_contracts(), contracts()))
    text = data.draw(json_rows(contract))
    natively(contract, text)
    typed = compile_typed(contract)
    if typed is None:
        assert any("\n" in column.name for column in contract.columns)
        return
    try:
        row = msgspec.json.decode(text, type=typed.row_type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    features = typed.features(row)
    plain = msgspec.json.decode(text)
    if features is not None:
        verdict = compile_decoder(contract).check(plain)
        assert (exactly(verdict[0]), verdict[1]) == (exactly(features), ())
    packed = typed.packed(row)
    assert packed == (None if features is None else np.array(features, dtype=np.float32).tobytes())
    assert exactly(typed.as_dict(row)) == exactly(plain)
    assert typed.keys([row, row]) == 2 * len(plain)
    for column in contract.columns:
        assert exactly(typed.getter(column.name)(row)) == exactly(plain.get(column.name))


@settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_fast_door_takes_every_row_that_is_plainly_good(data: st.DataObject) -> None:
    contract = data.draw(plain_contracts())
    row = {column.name: data.draw(cells(column), label=column.name) for column in contract.columns}
    try:
        text = msgspec.json.encode(row)
    except (UnicodeEncodeError, OverflowError):
        return
    plain = msgspec.json.decode(text)
    features, breaches = compile_decoder(contract).check(plain)
    odd = any(
        (isinstance(plain[column.name], float) and column.kind is Kind.INTEGER)
        or (isinstance(plain[column.name], int) and abs(plain[column.name]) > 2**53)
        for column in contract.columns
    )
    if features is None or breaches or odd:
        return
    typed = compile_typed(contract)
    assert typed is not None
    assert typed.features(msgspec.json.decode(text, type=typed.row_type)) is not None
    if LIBRARY.is_file() and b"\\" not in text:
        assert natively(contract, text)


def test_a_datetime_and_its_text_are_one_moment() -> None:
    contract = Contract("t", 1, "", (Column("at", Kind.TIME, Role.TIME),))
    texts = check(contract, pl.DataFrame({"at": ["2013-04-01T17:30:00+02:00"]})).accepted
    zoned = check(contract, pl.DataFrame({"at": [datetime(2013, 4, 1, 15, 30, tzinfo=UTC)]})).accepted
    assert texts.equals(zoned)


@pytest.mark.parametrize(("rule", "holds"), [("a / b <= 1", False), ("a / b == a / b", False), ("a / b != 1", True)])
def test_zero_by_zero_is_like_nothing_at_both_doors(rule: str, holds: bool) -> None:
    columns = (Column("a", Kind.NUMBER), Column("b", Kind.NUMBER))
    contract = Contract("t", 1, "", columns, (Rule("ratio", rule),))
    row = {"a": 0, "b": 0}
    features, breaches = compile_decoder(contract).check(row)
    assert (features is not None) == holds
    assert check(contract, pl.DataFrame([row])).accepted.height == int(holds)
    assert holds or (breaches[0].column, breaches[0].rule) == ("a, b", "expression:ratio")


@pytest.mark.parametrize(
    ("value", "good"), [(2**63 - 1, True), (2**63, False), (-(2**63), True), (-(2**63) - 1, False)]
)
def test_whole_numbers_end_at_64_bits_at_both_doors(value: int, good: bool) -> None:
    contract = Contract("t", 1, "", (Column("n", Kind.INTEGER),))
    features, breaches = compile_decoder(contract).check({"n": value})
    assert (features is not None) == good
    assert good or breaches[0].rule == "type"
    assert check(contract, pl.DataFrame([cell_series("n", value)])).accepted.height == int(good)


def test_an_unknown_level_has_the_code_after_the_last_at_both_doors() -> None:
    contract = Contract("t", 1, "", (Column("c", Kind.CATEGORY, levels=("x", "y"), nullable=True),))
    features, breaches = compile_decoder(contract).check({"c": "z"})
    assert features == [2.0]
    assert [(b.rule, b.action) for b in breaches] == [("in_set", Action.WARN)]
    matrix = Encoder(contract).matrix(pl.DataFrame({"c": ["y", "z", None, "x"]}))
    assert bits(matrix[:, 0]) == bits([1.0, 2.0, math.nan, 0.0])
