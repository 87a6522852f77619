"""Robustness and reasons: absurd answers, far jumps, and weight that moves to other columns."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.gate_conduct import reasons_gate, robustness_gate

BASE = np.array([0.2, 0.4])


def binary(disturbed, max_jump=0.5):
    return robustness_gate(BASE, disturbed, task=Task.BINARY, max_jump=max_jump)


def test_sound_answers_pass():
    sound = binary({"without wind": [0.1, 0.9], "wind times 100": [[0.2], [0.3]]})
    assert sound.passed
    assert sound.words == "sound answers under 2 disturbances; most: without wind, +0.2"
    assert binary({}).passed


def test_what_is_no_answer_is_refused():
    bad = binary({"without wind": [np.nan, 0.9], "huge": [0.2, 1.2]})
    assert not bad.passed
    assert bad.words == "absurd answers without wind, huge"
    json.dumps(dict(bad.evidence), allow_nan=False)


def test_a_jump_is_refused_on_both_sides_of_the_limit():
    far = {"without wind": [0.8, 0.9]}  # from a mean of 0.3 to 0.85
    assert binary(far, max_jump=0.56).passed
    refused = binary(far, max_jump=0.54)
    assert not refused.passed
    assert refused.words == "without wind moves the mean answer by +0.55, over 0.54"
    down = robustness_gate([0.9, 0.9], {"x": [0.1, 0.1]}, task=Task.BINARY, max_jump=0.5)
    assert not down.passed


def test_a_harm_that_few_rows_survive_is_compared_with_these_rows():
    pair = {"wind times 100": [[0.9, 0.9], [0.95, 0.95]]}
    assert binary(pair, max_jump=0.1).passed
    assert binary(pair).evidence["moves"]["wind times 100"] == pytest.approx(0.05)


def test_a_regression_may_move_within_its_widths():
    def judged(answers):
        return robustness_gate([10.0, 20.0], {"huge": answers}, task=Task.REGRESSION, max_jump=0.5)

    assert judged([15.0, 18.0]).passed
    assert not judged([15.0, 500.0]).passed
    assert "moves the mean answer by +10, over 5" in judged([25.0, 25.0]).words


def test_weight_that_moves_is_measured():
    old = np.tile([3.0, -1.0, 0.0], (10, 1))
    same = reasons_gate(old * 7, old, ["wind", "rain", "sun"], max_shift=0.01)
    assert same.passed
    assert same.evidence["shift"] == pytest.approx(0.0)
    other = np.tile([0.0, 1.0, 3.0], (10, 1))
    moved = reasons_gate(other, old, ["wind", "rain", "sun"], max_shift=0.7)
    assert not moved.passed
    assert moved.evidence["shift"] == pytest.approx(0.75)
    assert "wind 75% to 0%" in moved.words
    assert reasons_gate(other, old, ["wind", "rain", "sun"], max_shift=0.8).passed
    json.dumps(dict(moved.evidence), allow_nan=False)


@given(
    arrays.arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays.arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
)
def test_the_shift_is_a_distance(new, old):
    names = ["a", "b", "c"]
    there = reasons_gate(new, old, names, max_shift=0.5).evidence["shift"]
    back = reasons_gate(old, new, names, max_shift=0.5).evidence["shift"]
    assert 0 <= there <= 1 + 1e-9
    assert there == pytest.approx(back)
