import numpy as np
import pytest

from daytwo.monitoring.alarming.volumes import Volumes, learn_volumes, volumes_in_time

MONDAY = np.datetime64("2024-01-01T00")
DAY = 86_400


def days(count):
    return [MONDAY + np.timedelta64(i, "D") for i in range(count)]


def test_a_tenth_more_or_fewer_rows_is_one_unit():
    known = Volumes((900, 1_000, 1_100))
    assert known.channel(1_000, "") == 0.0
    assert known.channel(1_105, "") == pytest.approx(1.0, abs=0.01)
    assert known.channel(905, "") == pytest.approx(1.0, abs=0.01)


def test_a_block_of_the_reference_is_held_against_the_others():
    known = Volumes((100, 100, 400))
    assert known.channel(400, "", is_own=True) == pytest.approx(10 * np.log(4))
    assert known.channel(100, "", is_own=True) == pytest.approx(10 * np.log(250 / 100))
    assert Volumes((100,)).channel(100, "", is_own=True) == 0.0


def test_phases_of_fewer_than_four_blocks_count_with_all():
    known = learn_volumes([10, 10, 10, 10, 50, 50, 50], [*"aaaa", *"bbb"])
    assert set(known.phases) == {"a"}
    assert known.channel(10, "a") == 0.0
    assert known.channel(50, "b") == pytest.approx(10 * np.log(5))


def test_a_calendar_is_found_by_numbers_of_rows_alone():
    draw = np.random.default_rng(1)
    sizes = [int((300 if i % 7 == 6 else 1_000) * draw.uniform(0.95, 1.05)) for i in range(70)]
    known = volumes_in_time(sizes, days(70), seconds=DAY)
    assert known.calendar == "weekday"
    assert known.channel(300, known.at(MONDAY + np.timedelta64(6, "D"))) < 1.0
    assert known.channel(300, known.at(MONDAY)) > 10.0


def test_without_a_calendar_all_blocks_are_alike():
    draw = np.random.default_rng(2)
    known = volumes_in_time([int(n) for n in draw.integers(900, 1_100, 70)], days(70), seconds=DAY)
    assert known.calendar == ""
    assert known.phases == {}
    assert known.at(MONDAY) == ""
