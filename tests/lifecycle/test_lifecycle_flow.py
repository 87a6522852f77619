"""The twin that keeps nothing: it runs each id once, and does a failed one anew."""

import pytest

from daytwo.core.errors import Fault
from daytwo.lifecycle.flow import InlineRunner


def test_a_run_is_done_once_per_id_and_told_its_id():
    seen = []

    def flow(run, arguments):
        seen.append(run.id)
        return run.step("double", lambda: arguments["n"] * 2)

    runner = InlineRunner({"double": flow})
    assert runner.run("double", "one", {"n": 2}) == 4
    assert runner.run("double", "one", {"n": 100}) == 4
    assert runner.run("double", "two", {"n": 3}) == 6
    assert seen == ["one", "two"]


def test_a_run_that_failed_is_done_anew():
    tries = []

    def flow(run, arguments):
        tries.append(1)
        if len(tries) == 1:
            raise Fault("the disk is full", hint="Free some")
        return len(tries)

    runner = InlineRunner({"flow": flow})
    with pytest.raises(Fault, match="full"):
        runner.run("flow", "one", {})
    assert runner.run("flow", "one", {}) == 2


def test_a_step_that_stands_twice_in_one_run_is_a_bug():
    def flow(run, arguments):
        run.step("same", lambda: 1)
        return run.step("same", lambda: 2)

    with pytest.raises(ValueError, match="'same' stands twice in one"):
        InlineRunner({"flow": flow}).run("flow", "one", {})
