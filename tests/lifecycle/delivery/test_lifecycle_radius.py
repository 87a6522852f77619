"""What each step of a rollout lays in a candidate's hands, from the traffic of the last week."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl

from daytwo.lifecycle.delivery.radius import Traffic, blast_radius, traffic_of

NOW = datetime(2013, 6, 15, tzinfo=UTC)
MOMENT = pl.Datetime("us", "UTC")


def answer(system, days, *, rows=100, subjects=10, gain=2.0, arm="champion"):
    """Answer `rows` on each of the days before NOW: every second one advised to act, for `gain` each."""
    for day in days:
        times = [NOW - timedelta(days=day) + timedelta(minutes=i) for i in range(rows)]
        acts = [i % 2 == 0 for i in range(rows)]
        frame = pl.DataFrame(
            {
                "_time": pl.Series(times, dtype=MOMENT),
                "_subject": [f"s{i % subjects}" for i in range(rows)],
                "_act": acts,
                "_gain": [gain if act else -gain for act in acts],
                "_arm": [arm] * rows,
            }
        )
        system.tables.append("predictions", frame, batch=f"{arm}-{day}")


def with_steps(system, *steps):
    changed = msgspec.structs.replace(system.settings.release, steps=steps)
    return replace(system, settings=msgspec.structs.replace(system.settings, release=changed))


def test_traffic_is_told_a_day_over_the_last_week(system):
    answer(system, range(1, 8))
    answer(system, [20], rows=9_000)  # long ago
    answer(system, [2], rows=9_000, arm="fallback")  # nobody's model answered
    assert traffic_of(system, NOW) == Traffic(100.0, 10.0, 100.0)


def test_a_young_project_is_judged_by_the_days_it_has(system):
    answer(system, [1, 2])
    assert traffic_of(system, NOW) == Traffic(100.0, 10.0, 100.0)


def test_without_traffic_nothing_is_made_up(system):
    system = with_steps(system, "shadow 2d", "canary 5% 1d")
    assert traffic_of(system, NOW) is None
    assert blast_radius(system, NOW) == (
        "shadow 2d: it answers nobody",
        "canary 5% 1d: it answers 5% of subjects; last week's traffic does not say how many",
    )


def test_each_step_says_whom_it_reaches_and_what_is_at_stake(system):
    answer(system, range(1, 8))
    shadow, tenth, half = blast_radius(with_steps(system, "shadow 2d", "canary 10% 2d", "canary 50% 12h"), NOW)
    assert shadow == "shadow 2d: it answers nobody"
    assert tenth.startswith("canary 10% 2d: it answers some 10 predictions a day about 1 subjects, 20 in all;")
    assert tenth.endswith("at stake is advice expected to bring 10 USD a day")
    assert half.startswith("canary 50% 12h: it answers some 50 predictions a day about 5 subjects, 25 in all;")
    assert half.endswith("at stake is advice expected to bring 50 USD a day")
