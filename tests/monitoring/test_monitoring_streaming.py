"""The profile of a file, batch by batch, is the profile of its rows, however they are parted."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError
from daytwo.monitoring.frames import encode, schema_of, scores_of
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.profiles.profile import Profile, profile
from daytwo.monitoring.streaming import profile_frames, profile_parquet

NAMES = ["km", "feed"]
DRAW = np.random.default_rng(5)
ROWS = pl.DataFrame(
    {
        "km": [None if i % 9 == 0 else float(v) for i, v in enumerate(DRAW.normal(size=500))],
        "feed": DRAW.choice(["a", "b", "c"], 500),
        "score": DRAW.random(500),
    }
)
SCHEMA = schema_of(ROWS, NAMES)
LAYOUT = build_layout(encode(ROWS, SCHEMA), scores_of(ROWS, "score"), SCHEMA)
WHOLE = profile(encode(ROWS, SCHEMA), scores_of(ROWS, "score"), LAYOUT)


def same(one: Profile, other: Profile) -> bool:
    return (
        one.rows == other.rows
        and np.array_equal(one.counts, other.counts)
        and np.allclose(one.products, other.products)
        and np.allclose(one.squares, other.squares)
    )


@given(st.lists(st.integers(0, 500), max_size=6))
@settings(max_examples=30, deadline=None)
def test_parts_add_up_to_the_whole(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 500]
    parts = [ROWS[a:b] for a, b in itertools.pairwise(edges)]
    assert same(profile_frames(parts, SCHEMA, LAYOUT), WHOLE)


@given(st.integers(20, 500))
@settings(max_examples=10, deadline=None)
def test_a_file_is_its_rows_whatever_its_row_groups(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        ROWS.write_parquet(path, row_group_size=size)
        assert same(profile_parquet(path, SCHEMA, LAYOUT), WHOLE)


def test_levels_never_seen_and_missing_ones_are_told_apart() -> None:
    odd = pl.DataFrame({"km": [1.0] * 4, "feed": ["a", "new", None, "new"], "score": [0.5] * 4})
    counts = profile_frames([odd], SCHEMA, LAYOUT).counts[1]
    # One each of a, b, c; levels never seen; missing.
    assert counts[:5].tolist() == [1.0, 0.0, 0.0, 2.0, 1.0]


def test_a_column_that_is_not_there_is_missing_and_a_score_must_be(tmp_path: Path) -> None:
    ROWS.drop("km").write_parquet(tmp_path / "rows.parquet")
    assert profile_parquet(tmp_path / "rows.parquet", SCHEMA, LAYOUT).counts[0][LAYOUT.columns[0].size] == 500
    with pytest.raises(DataError, match="no column other"):
        profile_parquet(tmp_path / "rows.parquet", SCHEMA, LAYOUT, score="other")
    with pytest.raises(DataError, match="cannot be read"):
        profile_parquet(tmp_path / "none.parquet", SCHEMA, LAYOUT)
