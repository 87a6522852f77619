"""Whatever rows come, there is a contract: it can be written, read again, and the rows can be judged by it."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml

_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
_COLUMNS = [
    (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    (pl.Int8, st.integers(-3, 3)),
    (pl.UInt64, st.integers(0, 2**64 - 1)),
    (pl.Float64, st.floats()),
    (pl.Float32, st.floats(width=32)),
    (pl.Float64, st.sampled_from([0.0, 0.1, 1.5])),
    (pl.Boolean, st.booleans()),
    (pl.String, _TEXTS),
    (pl.String, st.sampled_from(["Bonn", "Bonm", "Ulm", "", " ", "12-AB", "13-AC", "2013-01-01"])),
    (pl.Categorical, st.sampled_from(["a", "b"])),
    (pl.Date, st.dates()),
    (pl.Datetime("us"), st.datetimes()),
    (pl.Datetime("ms", "Europe/Berlin"), st.datetimes()),
    (pl.Duration, st.timedeltas()),
    (pl.Time, st.times()),
    (pl.Binary, st.binary(max_size=3)),
    (pl.List(pl.Int64), st.lists(st.integers(0, 3), max_size=2)),
    (pl.Null, st.none()),
]
_NAMES = ["a", "a_b", "b", "class", "col", "with space", 'with "quotes"', "it's", "ä", "x.y", "sum", "[0]", "a\nb"]


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Return some rows of any types, repeated so often that rules can be found in them."""
    rows = draw(st.integers(1, 8))
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=5, unique=True))
    series = []
    for name in names:
        dtype, values = draw(st.sampled_from(_COLUMNS))
        held = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        series.append(pl.Series(name, held, dtype=dtype, strict=False))
    frame = pl.DataFrame(series)
    return pl.concat([frame] * draw(st.sampled_from([1, 1, 40, 300])))


@settings(max_examples=150, deadline=None)
@given(frame=frames())
def test_any_rows_give_a_contract_that_can_be_written_and_judges_them(frame: pl.DataFrame) -> None:
    contract = propose(frame, name="any")
    assert from_toml(to_toml(contract)) == contract
    if any(column.is_checked for column in contract.columns):
        check(contract, frame.rechunk())


@settings(max_examples=30, deadline=None)
@given(frame=frames())
def test_the_same_rows_give_the_same_contract(frame: pl.DataFrame) -> None:
    assert to_toml(propose(frame, name="any")) == to_toml(propose(frame, name="any"))
