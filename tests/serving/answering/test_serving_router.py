from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from daytwo.predictions.record import CANARY, CHAMPION, HOLDOUT
from daytwo.serving.answering.router import Router

SUBJECTS = [f"N{number}" for number in range(20_000)]
SHARES = st.floats(0.0, 1.0)
HELD = ["N2", "N10", "N21", "N23", "N24", "N50", "N54"]


@given(st.text(), st.text())
def test_a_place_lies_in_the_unit_interval_and_never_changes(salt, subject):
    place = Router(salt).place(subject)
    assert 0.0 <= place < 1.0
    assert Router(salt).place(subject) == place


def test_places_are_known():
    # Written down once: another place for the same subject would move people between versions.
    assert Router("salt").place("N14228") == 0.906478668986351
    assert Router("other").place("N14228") != Router("salt").place("N14228")


def test_a_share_of_subjects_is_that_share():
    router = Router("salt")
    for share in (0.05, 0.25, 0.5):
        met = sum(router.place(subject) < share for subject in SUBJECTS)
        # Five standard deviations of a binomial count.
        assert abs(met - share * len(SUBJECTS)) < 5 * math.sqrt(share * (1 - share) * len(SUBJECTS))


def test_two_salts_split_independently():
    one, other = Router("one"), Router("other")
    both = sum(one.place(subject) < 0.5 and other.place(subject) < 0.5 for subject in SUBJECTS)
    assert abs(both - 0.25 * len(SUBJECTS)) < 5 * math.sqrt(0.25 * 0.75 * len(SUBJECTS))


def test_the_holdout_group_is_known():
    # Written down once, as places are: whoever is left alone stays so for the model's life.
    assert [one for one in SUBJECTS[:60] if Router("salt").is_held(one, 0.05)] == HELD


def test_the_holdout_group_is_its_share_whatever_the_canary_is():
    router = Router("salt")
    for share in (0.01, 0.05, 0.2):
        held = [one for one in SUBJECTS if router.is_held(one, share)]
        assert abs(len(held) - share * len(SUBJECTS)) < 5 * math.sqrt(share * (1 - share) * len(SUBJECTS))
        # Drawn apart from the canary: it holds as many of its subjects as of the others.
        both = sum(router.place(one) < 0.25 for one in held)
        assert abs(both - 0.25 * len(held)) < 5 * math.sqrt(0.25 * 0.75 * len(held))


@given(st.text(), st.text(), SHARES, SHARES, SHARES)
def test_a_growing_canary_moves_nobody_between_groups(salt, subject, one, other, holdout):
    router, (small, large) = Router(salt), sorted((one, other))
    before, after = router.arm(subject, small, holdout), router.arm(subject, large, holdout)
    assert (before == HOLDOUT) == (after == HOLDOUT) == router.is_held(subject, holdout)
    assert (before, after) in {(before, before), (CHAMPION, CANARY)}
    assert router.arm(subject, small, holdout) == before


@given(st.text(), SHARES, SHARES)
def test_a_growing_holdout_group_keeps_whom_it_has(subject, one, other):
    small, large = sorted((one, other))
    assert Router("s").is_held(subject, small) <= Router("s").is_held(subject, large)
    assert not Router("s").is_held(subject, 0.0)
    assert Router("s").is_held(subject, 1.0)
