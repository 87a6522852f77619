"""What reasons are worth in the score."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daytwo.explain.effects import effects

CONTRIBUTIONS = st.lists(st.floats(-8, 8), min_size=1, max_size=12).map(np.array)
# Steps, as calibration has them.
SCALES = st.sampled_from([lambda raw: 1 / (1 + math.exp(-raw)), lambda raw: round(1 / (1 + math.exp(-raw)), 1)])


@given(CONTRIBUTIONS, st.floats(-8, 8), SCALES)
def test_effects_add_up_to_the_difference_of_the_scores_and_never_leave_the_scale(contributions, base, scale):
    found = effects(contributions, base, scale)
    there = base + contributions[contributions > 0].sum() + contributions[contributions < 0].sum()
    assert math.isclose(found.sum(), scale(there) - scale(base), abs_tol=1e-9)
    assert (np.abs(found) <= 1 + 1e-9).all()
    assert (found * contributions >= -1e-12).all()
    assert not found[contributions == 0].any()


@given(CONTRIBUTIONS, st.floats(-8, 8), SCALES)
def test_of_one_sign_the_larger_contribution_is_worth_no_less(contributions, base, scale):
    found = effects(contributions, base, scale)
    for way in (contributions > 0, contributions < 0):
        order = np.argsort(np.abs(contributions[way]))
        assert (np.diff(np.abs(found[way][order])) >= -1e-12).all()


@given(CONTRIBUTIONS, st.floats(-8, 8))
def test_on_a_straight_scale_an_effect_is_the_contribution(contributions, base):
    np.testing.assert_allclose(effects(contributions, base, float), contributions, atol=1e-9)


def test_two_sides_are_two_players():
    def scale(raw):
        return 1 / (1 + math.exp(-raw))

    found = effects(np.array([2.0, -1.0]), 0.5, scale)
    first = ((scale(2.5) - scale(0.5)) + (scale(1.5) - scale(-0.5))) / 2
    np.testing.assert_allclose(found, [first, scale(1.5) - scale(0.5) - first])
