from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.answering.breaker import Breaker, Limits, State

LIMITS = Limits(in_a_row=3, calls=6, share=0.5, cool_s=1.0, longest_s=8.0, trials=2)


class Place:
    """A breaker, its clock, and what it has told."""

    def __init__(self, limits=LIMITS):
        self.at, self.told = 0.0, []
        self.breaker = Breaker("v", limits, monotonic=lambda: self.at, now=lambda: 1000 + self.at, tell=self._tell)

    def _tell(self, event, **words):
        self.told.append((event, words))

    def call(self, *, good):
        """Do what a request does; return whether the model was asked."""
        if not self.breaker.allows():
            return False
        self.breaker.heard(good=good)
        return True


def test_failures_in_a_row_open_it_and_good_trials_close_it():
    place = Place()
    assert [place.call(good=False) for _ in range(5)] == [True, True, True, False, False]
    assert (place.breaker.state, place.breaker.opened, place.breaker.since) == (State.OPEN, 1, 1000)
    assert place.breaker.reason == "3 calls in a row failed"
    place.at = 0.999
    assert not place.call(good=True)
    place.at = 1.0
    assert place.call(good=True)
    assert place.breaker.state is State.TRYING
    assert place.call(good=True)
    assert (place.breaker.state, place.breaker.reason, place.breaker.is_sound) == (State.CLOSED, "", True)
    assert [words["state"] for _, words in place.told] == ["open", "trying", "closed"]


def test_half_of_the_latest_calls_open_it():
    place = Place()
    asked = [place.call(good=good) for good in (True, False, True, False, True, False, False)]
    # Good calls before the first failure are no evidence that it heals, so six calls are counted from that on.
    assert asked == [True] * 7
    assert place.breaker.state is State.OPEN
    assert place.breaker.reason == "4 of the latest 6 calls failed"


def test_each_trial_that_fails_doubles_the_rest_up_to_its_longest():
    place = Place()
    for _ in range(3):
        place.call(good=False)
    rests = []
    for _ in range(6):
        begin = place.at
        while not place.call(good=False):
            place.at += 0.25
        rests.append(place.at - begin)
    assert rests == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert place.breaker.opened == 1
    assert place.breaker.since == 1000


def test_after_it_has_closed_its_rest_is_short_again():
    place = Place()
    for wait, good in ((0, False), (0, False), (0, False), (1, False), (2, True), (0, True)):
        place.at += wait
        assert place.call(good=good)
    assert place.breaker.is_sound
    for _ in range(3):
        place.call(good=False)
    place.at += 1.0
    assert place.call(good=True)
    assert place.breaker.opened == 2


STEPS = st.lists(st.tuples(st.booleans(), st.floats(0.0, 3.0)), max_size=60)


@given(STEPS)
def test_it_opens_only_for_a_reason_and_never_for_ever(steps):
    place, asked = Place(), []
    for good, wait in steps:
        place.at += wait
        before = place.breaker.state
        if place.call(good=good):
            asked.append(good)
        after = place.breaker.state
        if before is State.CLOSED and after is State.OPEN:
            latest = asked[-LIMITS.calls :]
            assert not any(asked[-LIMITS.in_a_row :]) or latest.count(False) >= LIMITS.share * LIMITS.calls
        if before is State.OPEN and after is State.CLOSED:
            raise AssertionError("it closed without a second good trial")
    place.at += LIMITS.longest_s
    assert place.breaker.allows()
    for _ in range(LIMITS.trials):
        place.call(good=True)
    assert place.breaker.state is State.CLOSED


@given(STEPS)
def test_states_follow_each_other_as_they_are_drawn(steps):
    place = Place()
    for good, wait in steps:
        place.at += wait
        place.call(good=good)
    told = ["closed", *(words["state"] for _, words in place.told)]
    drawn = {("closed", "open"), ("open", "trying"), ("trying", "open"), ("trying", "closed")}
    assert set(pairwise(told)) <= drawn


@given(st.lists(st.booleans(), max_size=40))
def test_a_model_that_fails_less_than_half_the_time_and_never_thrice_running_is_always_asked(goods):
    place = Place(Limits(in_a_row=3, calls=6, share=0.5))
    for good in goods:
        # One failure between two good calls at most: a third of the calls.
        for one in (True, good, True):
            assert place.call(good=one)


@pytest.mark.parametrize("calls", [0, 1, 1000])
def test_good_calls_leave_no_trace(calls):
    place = Place()
    for _ in range(calls):
        assert place.call(good=True)
    assert place.breaker.is_sound
    assert place.told == []
