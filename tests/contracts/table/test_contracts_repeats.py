"""Rows that repeat another: counted exactly while few are different, without bias beyond, and alike in any batches."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.table import repeats as counting
from daytwo.contracts.table.columnar import check
from daytwo.contracts.table.repeats import NO_ROWS, repeats
from daytwo.contracts.table.stream import check_batches
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

CELLS = st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from(["x", "", "y"]))
VALUES = [pl.col("a"), pl.col("b")]


def table(rows: list[tuple[object, ...]]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema={"a": pl.Int64, "b": pl.String}, orient="row")


@settings(max_examples=80, deadline=None)
@given(st.lists(CELLS, max_size=12), st.integers(0, 12))
def test_the_share_is_that_of_a_set_and_batches_add_up(rows: list[tuple[object, ...]], cut: int) -> None:
    whole = repeats(table(rows), VALUES)
    assert whole.share == pytest.approx((len(rows) - len(set(rows))) / len(rows) if rows else 0.0)
    parts = repeats(table(rows[:cut]), VALUES) + repeats(table(rows[cut:]), VALUES)
    assert parts.counts.equals(whole.counts)
    assert parts.zeros == whole.zeros


def test_of_many_different_rows_a_part_is_counted_that_no_batches_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST", 2_000)
    random = np.random.default_rng(1)
    numbers = pl.DataFrame({"a": np.concatenate([random.integers(0, 2**60, 40_000), np.arange(5_000)] * 2)[:60_000]})
    whole = repeats(numbers.lazy(), [pl.col("a")])
    parts = sum((repeats(part.lazy(), [pl.col("a")]) for part in numbers.iter_slices(7_001)), start=NO_ROWS)
    assert parts.counts.equals(whole.counts)
    assert whole.counts.height <= 2_000
    assert whole.share == pytest.approx(15_000 / 60_000, abs=0.03)


def test_a_stream_says_what_the_table_says_and_a_batch_may_be_refused() -> None:
    columns = (Column("a", Kind.NUMBER, nullable=True), Column("note", Kind.TEXT, Role.IGNORED, required=False))
    rows = pl.DataFrame({"a": [1.0, 2.0, 3.0, 1.0, None, None], "note": list("abcdef")})
    warns = Contract("t", 1, "", columns, batch=Batch(max_repeat_share=0.3))
    (told,) = check(warns, rows).batch
    assert (told.rule, told.column, told.observed, told.limit) == ("repeat_share", "", pytest.approx(2 / 6), 0.3)
    assert [one.rule for one in check_batches(warns, [rows[:3], rows[3:]]).rules] == ["repeat_share"]
    assert not check(Contract("t", 1, "", columns, batch=Batch(max_repeat_share=0.34)), rows).batch
    with pytest.raises(SettingsError, match=r"max_repeat_share is a share between 0 and 1, not 2"):
        Batch(max_repeat_share=2)
