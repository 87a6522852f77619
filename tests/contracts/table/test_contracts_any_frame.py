"""Whatever rows come: a proposal is made, survives its text, and accepts the rows it was made from."""

import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.labels import label_of
from daytwo.contracts.proposing.leaks import suspected_leaks
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.relations import Unique
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.schema import Kind

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FLOATS = st.floats(allow_infinity=False, width=32) | st.sampled_from([0.0, 1.0])
CELLS: dict[pl.DataType, st.SearchStrategy[object]] = {
    pl.Float64(): FLOATS,
    pl.Float32(): FLOATS,
    pl.Int8(): st.integers(-128, 127),
    pl.Int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    pl.UInt32(): st.integers(0, 2**32 - 1),
    pl.Boolean(): st.booleans(),
    pl.String(): TEXTS | st.sampled_from(["a", "b", "2013-04-01", "1/2/2013"]),
    pl.Categorical(): st.sampled_from(["a", "b"]),
    pl.Date(): st.dates(),
    pl.Datetime("us", "Europe/Berlin"): st.datetimes(timezones=st.just(UTC)),
    pl.Duration("us"): st.timedeltas(timedelta(-900), timedelta(900)),
    pl.Time(): st.times(),
    pl.Binary(): st.binary(max_size=3),
    pl.List(pl.Int64()): st.lists(st.integers(0, 3), max_size=2),
    pl.Struct({"x": pl.Int64()}): st.fixed_dictionaries({"x": st.integers(0, 3)}),
    pl.Null(): st.none(),
}


def is_name(text: str) -> bool:
    """Whether a column may be called so: a proposal is refused where a frame library reads the name as a pattern."""
    return text not in {"y", "t", "_row", "*"} and not (text.startswith("^") and text.endswith("$"))


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(2, 12))
    names = draw(st.lists(TEXTS.filter(is_name), max_size=4, unique=True))
    series = [pl.Series("y", [i % 2 for i in range(height)]), pl.Series("t", range(height)).cast(pl.Date)]
    for name in names:
        dtype = draw(st.sampled_from(list(CELLS)))
        few = draw(st.lists(CELLS[dtype] | st.none(), min_size=1, max_size=height))
        values = [few[i % len(few)] for i in range(height)]
        series.append(pl.Series(name, values, dtype=dtype, strict=False))
    return pl.DataFrame(series)


@settings(max_examples=200, deadline=None)
@given(frames(), st.booleans())
def test_a_proposal_accepts_the_rows_it_was_made_from(frame: pl.DataFrame, timed: bool) -> None:
    contract = propose(frame, name="any", target="y", time="t" if timed else "")
    assert from_toml(to_toml(contract)) == contract
    checked = check(contract, frame)
    assert checked.failures.rows() == []
    assert checked.warnings.rows() == []
    matrix = Encoder(contract).matrix(checked.accepted)
    assert matrix.shape == (frame.height, len(contract.features.features))
    assert label_of(contract, checked.accepted).tolist() == [i % 2 for i in range(frame.height)]
    features, _ = compile_decoder(contract).check(checked.accepted.row(0, named=True))
    assert features is not None
    suspected_leaks(frame, "y")


def test_the_servers_half_needs_no_frame_library() -> None:
    modules = ", ".join(f"daytwo.contracts.{name}" for name in ("decoder", "encoder", "labels", "times", "toml"))
    heavy = "{'polars', 'pandas', 'scipy', 'sklearn', 'sqlalchemy'}"
    code = f"import sys, {modules}; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


UNIQUE = Unique("x", ("x",))
ODD = [
    pl.Series([object(), None], dtype=pl.Object),
    pl.Series(["a", None], dtype=pl.Enum(["a", "b"])),
    pl.Series([Decimal("1.5"), None]),
    pl.Series([[1], None], dtype=pl.Array(pl.Int64, 1)),
    pl.Series([1, None], dtype=pl.UInt128),
    pl.Series([timedelta(1), None]),
    pl.Series([time(1), None]),
    pl.Series([datetime(2024, 1, 1, tzinfo=UTC), None], dtype=pl.Datetime("ns", "UTC")),
    pl.Series([b"x", None]),
    pl.Series([{"a": 1}, None]),
    pl.Series([[1], None]),
    pl.Series([None, None]),
]


@pytest.mark.parametrize("series", ODD, ids=lambda series: str(series.dtype))
@pytest.mark.parametrize("kind", list(Kind))
def test_any_type_of_column_is_judged_as_any_kind(series: pl.Series, kind: Kind) -> None:
    for repair in ((), ("parse",)):
        contract = Contract("t", 1, "", (Column("x", kind, Role.CHECKED, repair=repair),), relations=(UNIQUE,))
        for parse_text in (False, True):
            checked = check(contract, series.rename("x").to_frame(), parse_text=parse_text)
            assert checked.failures.filter(pl.col("row") == 1)["rule"].to_list() == ["not_null"]
            assert checked.accepted.height + checked.rejected.height == 2
