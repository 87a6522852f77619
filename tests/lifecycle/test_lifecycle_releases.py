"""What a release becomes: every state with everything that can be known, against the rules said another way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.lifecycle.releases import OPEN, Known, Release, State, advance, read_steps, route_of
from daytwo.registry.route import Route

BEGAN = datetime(2013, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
STEPS = read_steps(("shadow 2d", "canary 5% 1d", "canary 25% 1d"))
CHAMPION, CANDIDATE = "c" * 64, "d" * 64


def release(state: State, step: int = 0) -> Release:
    since = BEGAN if state is State.ROLLING else None
    return Release("release-1", state, "because", "ana", BEGAN, BEGAN, CANDIDATE, step, since)


def everything_that_can_be_known():
    for approved, champion, trouble, rows, days in product(
        (None, True, False), (None, CHAMPION), ("", "it is broken"), (0, 9), (0.0, 0.99, 1.0, 1.99, 2.0, 9.0)
    ):
        yield Known(BEGAN + days * DAY, approved, champion, trouble, rows)


ENDED = sorted(set(State) - OPEN)


@pytest.mark.parametrize("state", [*ENDED, State.TRAINING])
def test_what_has_ended_or_is_still_made_never_moves_by_itself(state):
    for known in everything_that_can_be_known():
        assert advance(release(state), STEPS, known) == release(state)


def test_what_waits_moves_only_when_people_decide():
    before = release(State.WAITING)
    for known in everything_that_can_be_known():
        after = advance(before, STEPS, known)
        wanted = {
            None: State.WAITING,
            False: State.DECLINED,
            True: State.LIVE if known.champion is None else State.ROLLING,
        }
        assert after.state is wanted[known.approved]
        if after.state is State.WAITING:
            assert after == before
        else:
            assert (after.changed_at, after.digest, after.opened_at) == (known.now, CANDIDATE, BEGAN)
            assert after.words
        assert (after.step, after.step_since) == (0, known.now if after.state is State.ROLLING else None)


def test_without_steps_an_approved_release_is_live_at_once():
    assert advance(release(State.WAITING), (), Known(BEGAN, True, CHAMPION)).state is State.LIVE


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_what_rolls_moves_on_when_its_time_is_over_and_it_has_seen_traffic(step):
    before = release(State.ROLLING, step)
    for known in everything_that_can_be_known():
        after = advance(before, STEPS, known)
        over = known.now >= BEGAN + STEPS[step].span and known.rows > 0
        if known.trouble:
            assert after.state is State.STOPPED
            assert known.trouble in after.words
        elif not over:
            assert after == before
        elif step + 1 == len(STEPS):
            assert after.state is State.LIVE
        else:
            assert (after.state, after.step, after.step_since) == (State.ROLLING, step + 1, known.now)
            assert STEPS[step + 1].text in after.words


def test_a_release_goes_all_the_way_in_as_many_days_as_its_steps_say():
    now, one, path = BEGAN, release(State.WAITING), []
    while one.state in OPEN:
        one = advance(one, STEPS, Known(now, True, CHAMPION, rows=10))
        path.append((round((now - BEGAN) / DAY, 1), str(one.state), one.step))
        now += DAY
    assert path == [(0, "rolling", 0), (1, "rolling", 0), (2, "rolling", 1), (3, "rolling", 2), (4, "live", 2)]


MOMENTS = st.timedeltas(timedelta(0), 200 * DAY).map(lambda later: BEGAN + later)
HAPPENINGS = st.builds(
    Known,
    MOMENTS,
    st.sampled_from([None, True, False]),
    st.sampled_from([None, CHAMPION]),
    st.sampled_from(["", "", "broken"]),
    st.integers(0, 5),
)


@given(st.lists(HAPPENINGS, max_size=30))
def test_whatever_happens_the_steps_are_taken_one_by_one_and_an_end_is_an_end(happenings):
    one = release(State.WAITING)
    allowed = {
        State.WAITING: {State.WAITING, State.DECLINED, State.ROLLING, State.LIVE},
        State.ROLLING: {State.ROLLING, State.STOPPED, State.LIVE},
    }
    for known in happenings:
        after = advance(one, STEPS, known)
        assert after.state in allowed.get(one.state, {one.state})
        assert after.step - one.step in {0, 1}
        assert after == advance(one, STEPS, known)
        one = after


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("champion", [None, CHAMPION])
@pytest.mark.parametrize("step", range(len(STEPS)))
def test_the_route_that_a_state_asks_for(state, champion, step):
    found = route_of(replace(release(State.ROLLING, step), state=state), STEPS, champion, 7)
    rolling = [
        Route(7, CHAMPION, shadow=CANDIDATE),
        Route(7, CHAMPION, canary=CANDIDATE, canary_share=0.05),
        Route(7, CHAMPION, canary=CANDIDATE, canary_share=0.25),
    ]
    if state is State.LIVE:
        assert found == Route(7, CANDIDATE)
    elif champion is None or state in {State.TRAINING, State.REFUSED, State.WAITING, State.ROLLED_BACK}:
        assert found is None
    elif state is State.ROLLING:
        assert found == rolling[step]
    else:
        assert found == Route(7, CHAMPION)


def test_steps_taken_out_of_the_settings_during_a_rollout_leave_the_last_one_to_stand_at():
    before = release(State.ROLLING, 2)
    soon, late = Known(BEGAN, None, CHAMPION, rows=9), Known(BEGAN + 2 * DAY, None, CHAMPION, rows=9)
    assert advance(before, STEPS[:1], soon) == before
    assert advance(before, STEPS[:1], late).state is State.LIVE
    assert route_of(before, STEPS[:1], CHAMPION, 7) == Route(7, CHAMPION, shadow=CANDIDATE)
    assert advance(before, (), soon).state is State.LIVE
    assert advance(before, (), replace(soon, trouble="it is broken")).state is State.STOPPED
    assert route_of(before, (), CHAMPION, 7) is None


def test_steps_are_read_with_their_share_and_their_time():
    assert [(step.share, step.span / DAY) for step in STEPS] == [(0.0, 2.0), (0.05, 1.0), (0.25, 1.0)]
    with pytest.raises(ValueError, match="no step"):
        read_steps(("canary 1d",))


def test_while_something_is_held_nothing_reaches_more_people_and_trouble_still_stops_it():
    for state, step in product((State.WAITING, State.ROLLING), range(len(STEPS))):
        before = release(state, step)
        for known in everything_that_can_be_known():
            free, held = advance(before, STEPS, known), advance(before, STEPS, replace(known, waits="held by ana"))
            if free.state in {State.STOPPED, State.DECLINED} or free == before:
                assert held == free
            else:
                assert (held.state, held.step, held.changed_at) == (before.state, before.step, before.changed_at)
                assert held.words.endswith("; held by ana")
                assert advance(held, STEPS, replace(known, waits="held by ana")) == held
                assert advance(held, STEPS, known) == free
