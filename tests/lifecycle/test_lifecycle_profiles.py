"""One profile per window and version, in a table; those of parts add up to that of the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.lifecycle.profiles import PROFILES, keep_profile, read_profile
from daytwo.lifecycle.windows import Span
from daytwo.monitoring.estimating.performance import Answers
from daytwo.monitoring.judging.judge import Window
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.profiles.profile import profile
from daytwo.tables.delta import DeltaTables

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def system(tmp_path):
    return SimpleNamespace(tables=DeltaTables(tmp_path))


def test_windows_profiles_add_up_and_are_kept_once(system):
    draw = np.random.default_rng(3)
    matrix = np.column_stack([draw.normal(size=900), draw.integers(0, 3, 900)]).astype(np.float32)
    matrix[::7, 0] = np.nan
    scores = draw.random(900)
    layout = build_layout(matrix, scores, Schema((Feature("km"), Feature("feed", ("a", "b", "c")))))
    for index in range(3):
        rows = slice(index * 300, (index + 1) * 300)
        span = Span(index, BEGIN + index * WEEK, BEGIN + (index + 1) * WEEK)
        window = Window(span.start, span.end, matrix[rows], Answers(scores[rows]), contract_share=0.01)
        keep_profile(system, span, "v", window, layout)
        keep_profile(system, span, "v", window, layout)  # a flow that runs again
    assert system.tables.read(PROFILES)["rows"].to_list() == [300, 300, 300]
    found = read_profile(system, "v", layout, BEGIN, BEGIN + 3 * WEEK)
    whole = profile(matrix, scores, layout)
    assert found.rows == 900
    assert np.array_equal(found.counts, whole.counts)
    assert np.allclose(found.products, whole.products)
    two = read_profile(system, "v", layout, BEGIN, BEGIN + 2 * WEEK)
    assert (two.rows, read_profile(system, "other", layout, BEGIN, BEGIN + 3 * WEEK).rows) == (600, 0)


def test_a_window_without_rows_has_no_profile(system):
    layout = build_layout(np.zeros((1, 1), np.float32), np.zeros(1), Schema((Feature("km"),)))
    empty = Window(BEGIN, BEGIN + WEEK, np.zeros((0, 1), np.float32), Answers(np.zeros(0)))
    keep_profile(system, Span(0, BEGIN, BEGIN + WEEK), "v", empty, layout)
    assert system.tables.version(PROFILES) is None
    assert read_profile(system, "v", layout, BEGIN, BEGIN + WEEK).rows == 0
    assert isinstance(system.tables.read(PROFILES), pl.DataFrame)
