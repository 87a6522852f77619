"""Promises between rows: known answers, and a plain loop over rows as the independent judge."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.relations import Dependency, Monotone, Reference, Relation, Unique
from daytwo.contracts.table.across import failing_rows
from daytwo.contracts.table.columnar import check
from daytwo.contracts.table.parquet import check_file
from daytwo.contracts.table.stream import check_batches
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

COLUMNS = (
    Column("a", Kind.INTEGER, nullable=True, minimum=0),
    Column("b", Kind.TEXT, Role.CHECKED, nullable=True),
    Column("c", Kind.NUMBER, nullable=True),
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 3) | st.integers(0, 2**62),
        st.none() | st.sampled_from(["x", "y", ""]),
        st.none() | st.sampled_from([0.0, -0.0, 1.0, 2.5]),
    ),
    max_size=12,
)


def table(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    schema = {"a": pl.Int64, "b": pl.String, "c": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_row_index("_row").cast({"_row": pl.Int64})


def values(row: dict[str, object], names: tuple[str, ...]) -> tuple[object, ...] | None:
    found = tuple(row[name] for name in names)
    return None if None in found else found


def looped(relation: Relation, frame: pl.DataFrame, outer: set[tuple[object, ...]]) -> list[int]:
    rows = [(row["_row"], values(row, relation.reads)) for row in frame.iter_rows(named=True)]
    held = [(number, key) for number, key in rows if key is not None]
    failing = []
    for place, (number, key) in enumerate(held):
        before = [other for _, other in held[:place]]
        match relation:
            case Unique():
                bad = key in before or key in outer
            case Reference():
                bad = key not in outer
            case Dependency():
                same = [other[-1] for _, other in held if other[:-1] == key[:-1]]
                bad = 2 * sum(one != key[-1] for one in same) > len(same)
            case Monotone():
                earlier = [other[0] for other in before if other[1:] == key[1:]]
                bad = any(key[0] <= one if relation.strict else key[0] < one for one in earlier)
        if bad:
            failing.append(number)
    return failing


RELATIONS = [
    Unique("u", ("a",)),
    Unique("u", ("b",)),
    Unique("u", ("c",)),
    Unique("u", ("a", "b", "c")),
    Reference("r", ("a",), "t", ("k",)),
    Reference("r", ("a", "b"), "t", ("k", "l")),
    Dependency("d", ("a",), "b"),
    Dependency("d", ("b", "c"), "a"),
    Monotone("m", "a"),
    Monotone("m", "c", strict=True),
    Monotone("m", "a", within=("b",)),
    Monotone("m", "c", within=("a", "b"), strict=True),
]


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("relation", RELATIONS, ids=str)
@given(rows=ROWS, known=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["x", "z"]), st.just(1.0)), max_size=4))
def test_a_relation_fails_where_a_plain_loop_says_so(
    relation: Relation, rows: list[tuple[object, ...]], known: list[tuple[object, ...]]
) -> None:
    frame = table(rows)
    places = ["abc".index(name) for name in relation.reads]
    outer = {tuple(row[place] for place in places) for row in known}
    names = [f"key {i}" for i in range(len(places))]
    types = [frame.schema[name] for name in relation.reads]
    keys = pl.DataFrame(list(outer), schema=dict(zip(names, types, strict=True)), orient="row")
    assert failing_rows(relation, frame, keys).sort().to_list() == looped(relation, frame, outer)


def test_rows_that_broke_a_rule_of_their_own_are_not_judged_and_judge_none() -> None:
    contract = Contract("t", 1, "", COLUMNS, relations=(Unique("a", ("a",)), Monotone("c", "c", action=Action.WARN)))
    frame = pl.DataFrame({"a": [-1, -1, 5, 5, 6], "b": ["x"] * 5, "c": [9.0, 9.0, 1.0, 2.0, 0.5]})
    checked = check(contract, frame)
    assert checked.failures.rows() == [
        (0, "a", "between", "-1", "a must be at least 0"),
        (1, "a", "between", "-1", "a must be at least 0"),
        (3, "a", "unique:a", "5", "no two rows may have the same a"),
    ]
    # Row 3 is judged by the other relation although this one rejects it.
    assert checked.warnings.select("row", "column", "rule", "value").rows() == [(4, "c", "monotone:c", "0.5")]
    assert checked.accepted["a"].to_list() == [5, 6]
    assert checked.rejected["_row"].to_list() == [0, 1, 3]


def test_a_key_of_several_columns_is_told_with_all_of_them() -> None:
    contract = Contract("t", 1, "", COLUMNS, relations=(Unique("ab", ("a", "b")), Dependency("d", ("a",), "b")))
    frame = pl.DataFrame({"a": [1, 1, 1, 1], "b": ["x", "x", "x", "y"], "c": [0.0] * 4})
    assert check(contract, frame).failures.select("row", "column", "rule", "value").rows() == [
        (1, "a, b", "unique:ab", "1, x"),
        (2, "a, b", "unique:ab", "1, x"),
        (3, "b", "dependency:d", "y"),
    ]


def test_keys_taken_in_earlier_and_other_tables_are_read_as_the_contract_reads_its_own() -> None:
    columns = (Column("at", Kind.TIME, Role.CHECKED), Column("c", Kind.CATEGORY, levels=("x", "y")))
    relations = (Unique("at", ("at",)), Reference("c", ("c",), "codes", ("code",)))
    contract = Contract("t", 1, "", columns, relations=relations)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"at": [start, start + timedelta(days=1)], "c": ["x", "y"]})
    seen = {"at": pl.DataFrame({"at": ["2024-01-02"]})}
    codes = {"codes": pl.DataFrame({"code": pl.Series(["x"], dtype=pl.Categorical)})}
    found = check(contract, frame, seen=seen, others=codes).failures
    assert found.select("row", "rule").rows() == [(1, "unique:at"), (1, "reference:c")]


def test_a_table_that_is_not_given_and_a_key_that_is_not_in_it_are_named() -> None:
    contract = Contract("t", 1, "", COLUMNS, relations=(Reference("r", ("a",), "codes", ("code",)),))
    frame = pl.DataFrame({"a": [1], "b": ["x"], "c": [0.0]})
    with pytest.raises(DataError, match=r"reference:r needs the table 'codes'.*Give the rows of 'codes'"):
        check(contract, frame)
    with pytest.raises(DataError, match=r"reads 'code'.*Its columns are kode"):
        check(contract, frame, others={"codes": pl.DataFrame({"kode": [1]})})


def test_a_default_in_place_of_a_missing_value_breaks_no_promise_between_rows(tmp_path: Path) -> None:
    columns = (Column("place", Kind.TEXT, Role.CHECKED), Column("seats", Kind.NUMBER, repair=("default 7",)))
    relations = (Unique("seats", ("seats",)), Dependency("place_seats", ("place",), "seats"))
    contract = Contract("t", 1, "", columns, relations=relations)
    rows = pl.DataFrame({"place": ["a", "a", "a", "b", "b"], "seats": [1.0, 1.0, None, None, 7.0]})
    wanted = [(1, "unique:seats")]
    assert check(contract, rows).failures.select("row", "rule").rows() == wanted
    rows.write_parquet(tmp_path / "rows.parquet")
    told: list[tuple[object, ...]] = []
    for report in (
        check_file(contract, tmp_path / "rows.parquet", sink=lambda lines: told.extend(lines.rows(named=True))),
        check_batches(contract, [rows[:2], rows[2:]]),
    ):
        assert (report.rejected, report.repaired) == (1, 2)
    assert [(line["row"], line["rule"]) for line in told if line["action"] == "reject"] == wanted
