"""A table in batches: the verdict of the whole table, however it is cut."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch, Distribution
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Dependency, Monotone, Reference, Unique
from daytwo.contracts.table import spill
from daytwo.contracts.table.columnar import check
from daytwo.contracts.table.parquet import check_file
from daytwo.contracts.table.report import report
from daytwo.contracts.table.stream import check_batches
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

START = datetime(2024, 1, 1, tzinfo=UTC)
CONTRACT = Contract(
    "trips",
    1,
    "",
    (
        Column("at", Kind.TIME, Role.TIME),
        Column("id", Kind.INTEGER, Role.KEY),
        Column("km", Kind.NUMBER, minimum=0.0, maximum=5.0, nullable=True, max_null_share=0.1, repair=("clip",)),
        Column("city", Kind.CATEGORY, levels=("Bonn", "Köln", "Mainz"), typo="reject"),
        Column("zone", Kind.TEXT, Role.CHECKED, nullable=True, max_length=2),
    ),
    rules=(Rule("far", "km < 5 or id < 9", Action.WARN),),
    relations=(
        Unique("id", ("id",)),
        Unique("both", ("city", "zone"), action=Action.WARN),
        Dependency("zone", ("city",), "zone"),
        Reference("city", ("city",), "cities", ("name",), action=Action.WARN),
        Monotone("at", "at"),
        Monotone("km", "km", within=("city", "zone"), strict=True, action=Action.WARN),
    ),
    distributions=(
        Distribution("city", 0.2, (0.4, 0.3, 0.3, 0.0, 0.0), levels=("Bonn", "Köln", "Mainz")),
        Distribution("km", 0.2, (0.4, 0.3, 0.2, 0.1), edges=(1.0, 3.0)),
    ),
    batch=Batch(max_age="1d", window="1h", minimum_rows=2, maximum_rows=3),
)
CITIES = {"cities": pl.DataFrame({"name": ["Bonn", "Köln"]})}
SEEN = {"id": pl.DataFrame({"id": [3, 4]})}
ROWS = st.lists(
    st.tuples(
        st.integers(0, 6).map(lambda hours: START + timedelta(hours=hours)),
        st.integers(0, 12),
        st.none() | st.sampled_from([0.0, 1.0, 2.0, 4.0, 5.0, 9.0]),
        st.sampled_from(["Bonn", "Köln", "Mainz", "Mainx", "Ulm"]) | st.none(),
        st.sampled_from(["a", "b", "ccc"]) | st.none(),
    ),
    max_size=14,
)
SCHEMA = {"at": pl.Datetime("us", "UTC"), "id": pl.Int64, "km": pl.Float64, "city": pl.String, "zone": pl.String}


def lines_of(checked: object) -> list[tuple[object, ...]]:
    held = [(*row, "reject", None) for row in checked.failures.rows()]
    held += [(*row, "warn", None) for row in checked.warnings.rows()]
    held += [(*row[:5], "repair", row[5]) for row in checked.repairs.rows()]
    return sorted(held, key=repr)


def cut(frame: pl.DataFrame, ends: list[int]) -> list[pl.DataFrame]:
    places = [0, *sorted(end % (frame.height + 1) for end in ends), frame.height]
    return [frame.slice(low, high - low) for low, high in pairwise(places)]


@settings(max_examples=80, deadline=None)
@given(ROWS, st.lists(st.integers(0, 14), max_size=3), st.sampled_from([0, 1 << 20]))
def test_batches_come_to_what_the_whole_table_comes_to(rows: list, ends: list[int], most: int) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    known = {"others": CITIES, "seen": SEEN, "now": START + timedelta(days=1, hours=3)}
    whole = check(CONTRACT, frame, **known)
    told: list[pl.DataFrame] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "_MOST_BYTES", most)
        patch.setattr(spill, "_PARTS", 3)
        found = check_batches(CONTRACT, cut(frame, ends), **known, sink=told.append)
    assert found == report(whole)
    lines = pl.concat(told).rows() if told else []
    assert sorted(lines, key=repr) == lines_of(whole)


def test_a_file_comes_to_what_its_table_comes_to(tmp_path) -> None:
    frame = pl.DataFrame({"id": [1, 2, 1], "name": ["a", "b", None]})
    contract = Contract(
        "t",
        1,
        "",
        (Column("id", Kind.INTEGER), Column("name", Kind.TEXT, Role.KEY)),
        relations=(Unique("id", ("id",)),),
    )
    frame.write_parquet(tmp_path / "rows.parquet")
    assert check_file(contract, tmp_path / "rows.parquet") == report(check(contract, frame))
    frame.clear().write_parquet(tmp_path / "none.parquet")
    assert check_file(contract, tmp_path / "none.parquet").rows == 0
    frame.drop("id").write_parquet(tmp_path / "less.parquet")
    with pytest.raises(DataError, match="no column 'id'"):
        check_file(contract, tmp_path / "less.parquet")


def test_a_promise_over_a_column_that_is_not_there_is_not_judged_and_wants_no_other_table() -> None:
    columns = (Column("id", Kind.INTEGER), Column("city", Kind.TEXT, Role.CHECKED, nullable=True, required=False))
    relations = (Reference("city", ("city",), "cities", ("name",)), Unique("city", ("city",)), Unique("id", ("id",)))
    contract = Contract("t", 1, "", columns, relations=relations)
    frame = pl.DataFrame({"id": [1, 1]})
    assert check_batches(contract, [frame]) == report(check(contract, frame))
    whole = frame.with_columns(city=pl.Series(["Bonn", "Ulm"]))
    with pytest.raises(DataError, match="needs the table 'cities'"):
        check_batches(contract, [frame, whole])
    assert check_batches(contract, [frame, whole.head(0)], others=CITIES).rejected == 1


def test_what_is_put_aside_is_gone_afterwards(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(spill, "_MOST_BYTES", 0)
    contract = Contract("t", 1, "", (Column("id", Kind.INTEGER),), relations=(Unique("id", ("id",)),))
    batches = (pl.DataFrame({"id": [i, i + 1]}) for i in range(5))
    assert check_batches(contract, batches, folder=tmp_path).rejected == 4
    assert list(tmp_path.iterdir()) == []


PEAK = """
import sys
import polars as pl
from pathlib import Path
from daytwo.contracts.table import spill
from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.relations import Dependency, Unique
from daytwo.contracts.table.stream import check_batches
from daytwo.core.schema import Kind

spill._MOST_BYTES, spill._PARTS = 4 << 20, 32
names = tuple("abcdefgh")
columns = tuple(Column(name, Kind.NUMBER, maximum=1e18) for name in names) + (Column("id", Kind.INTEGER),)
relations = (Unique("id", ("id",)), Dependency("a", ("id",), "a"))
base = pl.DataFrame({name: pl.int_range(25_000, eager=True).cast(pl.Float64) for name in names})
rows = pl.int_range(25_000, eager=True)
batches = (base.with_columns((rows + 25_000 * i).alias("id")) for i in range(int(sys.argv[1])))
found = check_batches(Contract("t", 1, "", columns, relations=relations), batches)
assert found.rejected == 0
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(peak.split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_eight_times_the_rows_need_no_more_memory() -> None:
    run = [sys.executable, "-c", PEAK]
    done = [subprocess.run([*run, batches], check=True, capture_output=True, timeout=60) for batches in ("8", "64")]
    peaks = [int(one.stdout) for one in done]
    # 64 batches are 115 MB; the first eight already fill what is held.
    assert peaks[1] < peaks[0] + 50_000
