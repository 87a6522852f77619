import numpy as np
import pytest

from daytwo.core.durations import rate_per_day
from daytwo.monitoring.alarming.alarm import AlarmState, acknowledge, fastest, start, step

PER_DAY = rate_per_day("1 per quarter")
CHANNELS = 12


def world(kind, rng, days):
    if kind == "days alike":
        return rng.chisquare(3, (days, CHANNELS))
    if kind == "heavy tails":
        return rng.standard_t(3, (days, CHANNELS))
    if kind == "days that wander":
        slow = rng.normal(size=(days, CHANNELS))
        for t in range(1, days):
            slow[t] = 0.95 * slow[t - 1] + 0.31 * slow[t]
        return 4 * slow
    factor = np.zeros((days, 3))
    for t in range(1, days):
        factor[t] = 0.5 * factor[t - 1] + 0.87 * rng.normal(size=3)
    return (factor @ rng.normal(size=(3, CHANNELS))) ** 2 + rng.normal(size=(days, CHANNELS))


def names():
    return (*(f"column:x{i}" for i in range(CHANNELS - 1)), "prediction")


def begin(values, days=91):
    return start(names(), tuple(map(tuple, values[:days].tolist())))


def watch(state, values, first=0):
    alarms = []
    for t, row in enumerate(values):
        state, alarm = step(state, dict(zip(names(), row, strict=True)), per_block=PER_DAY, label=str(first + t))
        alarms += [alarm] if alarm else []
    return state, alarms


@pytest.mark.parametrize("kind", ["days alike", "heavy tails", "days like the day before", "days that wander"])
def test_false_alarms_stay_within_the_budget(kind):
    rng = np.random.default_rng(7)
    spent = 0
    for _ in range(8):
        values = world(kind, rng, 91 + 182)
        spent += len(watch(begin(values), values[91:])[1])
    # 8 x 2 quarters: 16 are allowed; the alarm is built to stay below.
    assert spent <= 14


def test_a_lasting_shift_of_one_column_is_found_within_two_weeks_and_named():
    for seed in range(5):
        values = world("days alike", np.random.default_rng(seed), 91 + 28)
        values[91:, 3] += 15
        _, alarms = watch(begin(values), values[91:])
        assert alarms
        assert int(alarms[0].at) < 14
        assert "column:x3" in [part.channel for part in alarms[0].moved]


def test_an_episode_speaks_once_until_it_is_settled():
    values = world("days alike", np.random.default_rng(1), 91 + 60)
    values[91:, 3] += 40
    state, alarms = watch(begin(values), values[91:])
    assert sum("column:x3" in [m.channel for m in alarm.moved] for alarm in alarms) == 1
    assert state.open == {}, "after two months the change is the new normal"
    state, _ = watch(begin(values), values[91:106])
    assert "column:x3" in state.open
    settled = acknowledge(state, blocks=12)
    assert settled.open == {}
    assert settled.history[0][3] is None
    _, later = watch(settled, world("days alike", np.random.default_rng(2), 30) + np.eye(CHANNELS)[3] * 40)
    assert all("column:x3" not in [m.channel for m in alarm.moved] for alarm in later)


def test_the_state_survives_json_between_any_two_blocks():
    values = world("heavy tails", np.random.default_rng(3), 91 + 30)
    values[100:, 2] += 20
    state = begin(values)
    through, alarms = watch(state, values[91:])
    stopped = AlarmState.from_json(watch(state, values[91:106])[0].to_json())
    again, _ = watch(stopped, values[106:], first=15)
    assert again == through
    assert alarms


def test_a_short_reference_waits_and_says_how_long():
    rng = np.random.default_rng(4)
    state = start(names(), tuple(map(tuple, rng.normal(size=(4, CHANNELS)).tolist())))
    _, alarms = watch(state, rng.normal(size=(6, CHANNELS)) + np.arange(6)[:, None] * 100)
    assert alarms == []
    assert fastest(state, per_block=PER_DAY) > 6
    long = begin(rng.normal(size=(91, CHANNELS)))
    assert fastest(long, per_block=PER_DAY) <= 7


def test_a_channel_that_is_new_or_absent_is_learnt_not_feared():
    values = world("days alike", np.random.default_rng(5), 91)
    state = begin(values)
    for t in range(12):
        state, alarm = step(state, {"column:x0": 2.0, "contract": 0.0}, per_block=PER_DAY, label=str(t))
        assert alarm is None
    assert "contract" in state.names
    empty = start((), ())
    assert step(empty, {"a": 1.0}, per_block=PER_DAY, label="0")[1] is None
