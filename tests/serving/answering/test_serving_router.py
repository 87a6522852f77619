from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.answering.router import Router

SUBJECTS = [f"N{number}" for number in range(20_000)]


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
