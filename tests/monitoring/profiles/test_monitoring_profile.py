from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError
from daytwo.core.schema import Feature, Schema, Task
from daytwo.monitoring.alarming.blocks import Block, choose_block, split
from daytwo.monitoring.estimating.performance import Answers
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.judging.reference_fit import build_reference
from daytwo.monitoring.profiles.bins import level_bins, number_bins
from daytwo.monitoring.profiles.profile import Profile, empty_profile, profile

SCHEMA = Schema((Feature("wind"), Feature("seats"), Feature("origin", ("EWR", "JFK", "LGA"))))


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.lognormal(2, 1, n), rng.integers(1, 5, n), rng.integers(0, 3, n)]).astype(np.float32)
    matrix[rng.random(n) < 0.1, 0] = np.nan
    return matrix, rng.random(n)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 400), st.integers(0, 400))
def test_profiles_of_parts_merge_into_the_profile_of_the_whole(n, cut):
    matrix, scores = rows(n)
    layout = build_layout(*rows(1_000, 1), SCHEMA)
    whole = profile(matrix, scores, layout)
    parts = profile(matrix[:cut], scores[:cut], layout) + profile(matrix[cut:], scores[cut:], layout)
    back = Profile.from_json(parts.to_json())
    assert back.rows == whole.rows == n
    for name in ("counts", "sums", "squares", "code_sums", "products"):
        assert getattr(back, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-6)
    rest = whole - profile(matrix[:cut], scores[:cut], layout)
    assert rest.counts == pytest.approx(profile(matrix[cut:], scores[cut:], layout).counts)
    assert (whole.counts.sum(axis=1) == n).all()


def test_an_empty_window_is_the_neutral_element():
    layout = build_layout(*rows(500), SCHEMA)
    assert profile(np.zeros((0, 3), np.float32), np.zeros(0), layout).rows == 0
    assert (empty_profile(layout).counts == 0).all()


def test_bins_hold_equal_shares_and_few_values_a_bin_each():
    matrix, _ = rows(10_000)
    bins = number_bins("wind", matrix[:, 0])
    counts = np.bincount(bins.codes(matrix[:, 0]), minlength=bins.size + 1)
    assert bins.size == 20
    assert np.ptp(counts[:20]) <= 2
    assert counts[20] == np.isnan(matrix[:, 0]).sum()
    assert number_bins("seats", matrix[:, 1]).size == 4
    assert number_bins("constant", np.ones(9, np.float32)).size == 1
    assert number_bins("empty", np.full(9, np.nan, np.float32)).size == 1


def test_rare_levels_share_a_bin_and_unseen_ones_have_their_own():
    feature = Feature("tail", tuple(f"N{i}" for i in range(1_000)))
    rng = np.random.default_rng(0)
    values = np.minimum(rng.zipf(1.5, 5_000), 999).astype(np.float32)
    bins = level_bins(feature, values)
    assert bins.size == 31
    assert bins.codes(np.array([1, 1_000, np.nan], np.float32)).tolist()[1:] == [30, 31]
    assert bins.label(30) == "a level never seen"


def test_a_matrix_of_another_model_is_refused():
    layout = build_layout(*rows(500), SCHEMA)
    with pytest.raises(DataError, match=r"shape \(5, 2\).*3 columns.*contract"):
        profile(np.zeros((5, 2), np.float32), np.zeros(5), layout)


def test_a_reference_survives_json_and_is_the_same_each_time():
    matrix, scores = rows(6_000)
    times = np.datetime64("2013-01-01T00", "us") + np.sort(
        np.random.default_rng(1).integers(0, 86_400 * 20, 6_000)
    ).astype("timedelta64[s]")
    labels = (np.random.default_rng(2).random(6_000) < scores).astype(float)

    def build():
        return build_reference(
            matrix, Answers(scores), SCHEMA, task=Task.BINARY, labels=labels, times=times, window=timedelta(days=7)
        )

    reference = build()
    assert build().to_json() == reference.to_json()
    back = Reference.from_json(reference.to_json())
    assert back.to_json() == reference.to_json()
    assert back.block.seconds == 86_400
    assert len(back.history) == 20
    assert set(back.channel_names) >= {"column:wind", "missing:wind", "prediction", "dependence", "volume"}
    assert back.performance["roc_auc"][0] == pytest.approx(0.83, abs=0.05)
    assert (np.abs(np.array(back.history)) < 12).all()
    with pytest.raises(DataError, match="needs rows"):
        build_reference(matrix[:0], Answers(scores[:0]), SCHEMA, task=Task.BINARY)


def test_blocks_follow_the_days_and_divide_the_window():
    times = np.datetime64("2013-01-01T05", "us") + np.arange(0, 24 * 60, 1).astype("timedelta64[h]")
    assert [len(r) for r in split(len(times), times, Block(seconds=86_400))][:3] == [19, 24, 24]
    assert choose_block(len(times), times, timedelta(days=7)).seconds == 86_400
    assert choose_block(5_000, None, None).rows == 200
    assert sum(len(r) for r in split(5_050, None, Block(rows=200))) == 5_050
    assert split(0, None, Block(rows=200)) == []
