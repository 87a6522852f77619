from __future__ import annotations

import pytest

from daytwo.core.errors import Fault
from daytwo.serving.workers.crew import Patience


def test_a_worker_that_lived_is_started_again_at_once_however_often_it_is_killed():
    patience = Patience()
    assert [patience.pause_s(1.5) for _ in range(1000)] == [0.0] * 1000


def test_one_that_dies_at_once_waits_longer_each_time_and_is_given_up_in_the_end():
    patience = Patience()
    pauses = [patience.pause_s(0.0) for _ in range(10)]
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    with pytest.raises(Fault, match="died 11 times in a row") as told:
        patience.pause_s(0.0)
    assert told.value.exit_code == 3


def test_a_life_between_clears_the_record():
    patience = Patience()
    for _ in range(9):
        patience.pause_s(0.0)
    patience.pause_s(60.0)
    assert patience.pause_s(0.0) == 0.0
