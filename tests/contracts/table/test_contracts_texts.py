"""A table of texts read column by column comes to what each text comes to by itself."""

from datetime import datetime

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Dependency, Unique
from daytwo.contracts.table.columnar import check
from daytwo.contracts.table.moments import read_moments
from daytwo.contracts.table.plan import plan
from daytwo.contracts.table.texts import read_texts
from daytwo.contracts.table.typed import reading
from daytwo.contracts.times import parse_time
from daytwo.core.schema import Kind

ODD = ["", " 1", "1 ", "+1.5", "1.", ".5", ".", "1e5", "1e400", "-0", "-0.0", "nan", "NaN", "inf", "-Infinity", "0x1"]
ODD += ["1_0", "007", "12345678901234567890", "9007199254740993", "1e", "1,5", "true", "TRUE", " false", "False", "yes"]
NUMBERS = (
    st.text("0159+-.eE _,naifNX", max_size=7) | st.sampled_from(ODD) | st.floats().map(str) | st.integers().map(str)
)


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN])
@settings(max_examples=150, deadline=None)
@given(texts=st.lists(NUMBERS | st.none(), min_size=1, max_size=12))
@example(texts=ODD)
def test_a_column_at_once_holds_what_its_texts_hold_one_by_one(kind: Kind, texts: list[str | None]) -> None:
    column = Column("x", kind, Role.CHECKED, nullable=True)
    frame = pl.DataFrame({"x": texts}, schema={"x": pl.String})
    held = plan(Contract("t", 1, "", (column,)), frame.schema, labels=True, parse_text=True)
    read = read_texts(held, held.judged(frame))
    alone = [
        frame[i : i + 1].select(reading(column, pl.col("x"), pl.String(), parse_text=True).raw).item()
        for i in range(len(texts))
    ]
    found = read.frame.get_column("x").to_list()
    assert list(map(repr, found)) == list(map(repr, alone))
    lost = [text is not None and value is None for text, value in zip(texts, alone, strict=True)]
    assert (read.odd.to_list() if read.odd is not None else [False] * len(texts)) == lost
    assert read.unread.get("x", 0) == sum(lost)


MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).flatmap(  # noqa: DTZ001  a text of it is what is read
    lambda at: st.sampled_from(
        [
            at.isoformat(),
            at.isoformat(" ", "seconds"),
            at.isoformat(" ", "minutes"),
            at.isoformat("T", "seconds") + "Z",
            at.isoformat(" ", "milliseconds") + "Z",
            at.isoformat(" ", "seconds") + "+02:00",
            at.isoformat("T", "microseconds") + "-09:30",
            at.isoformat("T", "seconds") + "123Z",
            at.isoformat("T", "seconds") + "+23:59",
            at.date().isoformat(),
            at.strftime("%Y-%m"),
        ]
    )
)
NONE = ["2013-02-30", "2013-01-01T24:00:00Z", "2013-01-01T10:00:60Z", "2013- 1-01T10:00:00Z", "+013-01-01T10:00:00Z"]
NONE += ["0000-01-01T00:00:00Z", "2013-1-1", "1 April", "", "2013-01-01T10:00:00z", "2013-01-01T10:00:00Z\n"]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(MOMENTS | st.sampled_from(NONE) | st.none(), min_size=1, max_size=8))
@example(texts=["2013-01-01T10:00:00Z", *NONE])
@example(texts=["2013-01-01", *NONE])
@example(texts=["2013-01-01 10:00:00+00:00", "2013-01-01 10:00:00-14:00", "9999-12-31 23:59:59-05:00"])
def test_moments_at_once_are_those_of_each_text(texts: list[str | None]) -> None:
    found = read_moments(pl.Series(texts, dtype=pl.String))
    assert found.to_list() == [None if text is None else parse_time(text) for text in texts]


def test_texts_of_one_way_are_read_whatever_way_that_is() -> None:
    for text in ("2013-04-01", "2013-04-01T17:30", "2013-04-01 17:30:00", "2013-04-01 17:30:00.5+02:00"):
        assert read_moments(pl.Series([text, None])).to_list() == [parse_time(text), None]


CONTRACT = Contract(
    "t",
    1,
    "",
    (
        Column("at", Kind.TIME, Role.TIME),
        Column("id", Kind.INTEGER, Role.KEY),
        Column("km", Kind.NUMBER, minimum=0.0, maximum=9.0, nullable=True, repair=("clip",), max_null_share=0.1),
        Column("age", Kind.NUMBER, minimum=0.0, maximum=9.0, nan="missing", nullable=True),
        Column("ok", Kind.BOOLEAN, Role.CHECKED, repair=("default true",)),
    ),
    rules=(Rule("far", "km < 8 or id < 5"),),
    relations=(Unique("id", ("id",)), Dependency("km", ("id",), "km")),
)
CELLS = {
    "at": ["2024-01-01T00:00:00Z", "2024-01-01", "soon"],
    "id": ["1", "2", "3.0", "07", "x", " 4"],
    "km": ["1", "1.50", "99", "-1", "1e400", "many"],
    "age": ["2", "nan", "11", "?"],
    "ok": ["true", "FALSE", "maybe"],
}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({n: st.sampled_from(c) | st.none() for n, c in CELLS.items()}), min_size=1, max_size=6
    )
)
def test_a_text_is_judged_alike_whatever_texts_stand_beside_it(rows: list[dict[str, str | None]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(CELLS, pl.String))
    alone = Contract("t", 1, "", CONTRACT.columns, rules=CONTRACT.rules)
    together = check(alone, frame, parse_text=True)
    apart = [check(alone, frame[i : i + 1], parse_text=True) for i in range(frame.height)]
    for kind in ("failures", "warnings", "repairs"):
        one_by_one = [(i, *line[1:]) for i, one in enumerate(apart) for line in getattr(one, kind).rows()]
        assert getattr(together, kind).rows() == one_by_one
    assert together.accepted.equals(pl.concat([one.accepted for one in apart]))


def test_a_cell_is_told_as_it_came() -> None:
    frame = pl.DataFrame({"at": ["2024-01-01T00:00:00Z"], "id": ["1"], "km": ["099.50"], "age": ["+11"], "ok": [None]})
    found = check(CONTRACT, frame, parse_text=True)
    assert found.failures.rows()[0][:4] == (0, "age", "between", "+11")
    assert [line[3] for line in found.repairs.rows()] == ["099.50", None]


def test_what_cannot_be_read_is_not_missing() -> None:
    frame = pl.DataFrame({"at": ["2024-01-01"] * 4, "id": ["1", "2", "3", "4"], "km": ["many", "few", "1", "2"]})
    contract = Contract("t", 1, "", CONTRACT.columns[:3])
    assert check(contract, frame, parse_text=True).batch == ()
    lost = frame.with_columns(km=pl.Series([None, "1", "1", "2"]))
    assert [one.observed for one in check(contract, lost, parse_text=True).batch] == [0.25]
