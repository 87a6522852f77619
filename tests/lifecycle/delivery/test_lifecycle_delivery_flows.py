"""Flows seen in plain words, cancelled, and taken up again."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from daytwo.core.errors import Refused
from daytwo.core.ledger import open_sqlite
from daytwo.governance.approvals import Decision, Request
from daytwo.lifecycle.dbos import Crew, DbosRunner
from daytwo.lifecycle.delivery.flow_list import Waiting, view_release, view_run
from daytwo.lifecycle.delivery.kept_flows import KeptFlow, KeptFlows
from daytwo.lifecycle.delivery.steering import resume_flow
from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.releases import Release, State, read_steps
from daytwo.lifecycle.workers_sql import SqlWorkerBook

NOW = datetime(2013, 5, 1, tzinfo=UTC)
STEPS = read_steps(("shadow 2d", "canary 5% 1d"))
REQUEST = Request("release-2", "d" * 64, "e", "ana", 2, NOW, NOW + timedelta(days=14), "")


def release(state, **more):
    return Release("release-2", state, "drift", "ana", NOW - timedelta(hours=3), NOW, **more)


def seen(made, waiting=None, run=None, **more):
    return view_release(made, STEPS, waiting or Waiting(None, ()), run, now=NOW, is_run=more.get("is_run", True))


def test_a_waiting_release_says_whose_yes_it_waits_for_and_until_when():
    one = Decision("release-2", "d" * 64, "e", "ben", True, "", NOW)
    view = seen(release(State.WAITING), Waiting(REQUEST, (one,)))
    assert view.waits_for == "a yes of one person other than ana, until 2013-05-15 00:00"
    assert (view.step, view.age_s, view.next_step) == ("approval", 10_800, "daytwo approve release-2 --as NAME")
    both = (one, Decision("release-2", "d" * 64, "e", "cora", True, "", NOW))
    for is_run, next_step in ((True, ""), (False, "daytwo up")):
        view = seen(release(State.WAITING), Waiting(REQUEST, both), is_run=is_run)
        assert (view.waits_for, view.next_step) == ("the next look of 'daytwo up': it is approved", next_step)
    refused = (dataclasses.replace(one, approved=False),)
    assert "refused" in seen(release(State.WAITING), Waiting(REQUEST, refused)).waits_for


def test_a_rolling_release_says_when_its_step_may_end():
    rolling = release(State.ROLLING, step=0, step_since=NOW - timedelta(days=1))
    assert seen(rolling).waits_for == "2013-05-02 00:00, when shadow 2d may end"
    late = release(State.ROLLING, step=1, step_since=NOW - timedelta(days=1))
    assert "live traffic" in seen(late).waits_for
    assert seen(late, is_run=False).next_step == "daytwo up"


@pytest.mark.parametrize(
    ("state", "is_run", "current", "told"),
    [
        ("unfinished", True, True, "running"),
        ("unfinished", False, True, "cut short"),
        ("unfinished", False, False, "stranded"),
        ("failed", False, True, "failed"),
        ("cancelled", False, True, "cancelled"),
        ("done", False, True, "done"),
    ],
)
def test_the_state_of_a_run_in_words(state, is_run, current, told):
    run = KeptFlow("watch-w0001", "watch", state, NOW, NOW, {}, "disk full" if state == "failed" else "", current)
    view = view_run(run, now=NOW, is_run=is_run)
    assert view.state == told
    assert view.is_open is (state != "done")
    assert ("disk full" in view.waits_for) is (state == "failed")
    assert ("flows resume watch-w0001" in view.next_step) is (told not in {"running", "done"})


@pytest.fixture
def engine(tmp_path):
    engine = open_sqlite(tmp_path / "flows.db", begin_at_first_write=True)
    yield engine
    engine.dispose()


def test_what_flows_kept_is_read_beside_them_and_a_cancelled_one_ends_at_its_next_step(tmp_path, engine, ledger):
    done = []

    def flow(run, arguments):
        run.step("first", lambda: done.append(1))
        if arguments.get("cancel"):
            with KeptFlows(engine) as kept:
                kept.cancel(run.id)
        run.step("second", lambda: done.append(2))
        if arguments.get("fail"):
            raise Refused("the disk says no")
        return "result"

    with DbosRunner(engine, tmp_path / "lock", {"life": flow}, Crew(SqlWorkerBook(ledger))) as runner:
        assert runner.run("life", "a", {}) == "result"
        with pytest.raises(Refused, match="says no"):
            runner.run("life", "b", {"fail": True})
        done.clear()
        with pytest.raises(Refused, match="c was cancelled"):
            runner.run("life", "c", {"cancel": True})
        assert done == [1]
    with KeptFlows(engine) as kept:
        assert {one.id: one.state for one in kept.unsettled()} == {"b": "failed", "c": "cancelled"}
        assert [one.id for one in kept.newest(2)] == ["b", "c"]
        found = kept.find("b")
        assert found is not None
        assert (found.flow, found.arguments, found.error) == ("life", {"fail": True}, "the disk says no")
        assert [step.name for step in found.steps] == ["first", "second"]
        assert kept.find("z") is None


def test_only_what_failed_or_was_cut_short_is_resumed():
    asked = []
    runner = InlineRunner({"life": lambda run, arguments: asked.append((run.id, arguments))})
    failed = KeptFlow("b", "life", "failed", NOW, NOW, {"x": 1})
    resume_flow(failed, None, runner)
    assert asked == [("b", {"x": 1})]
    with pytest.raises(Refused, match="b is done"):
        resume_flow(dataclasses.replace(failed, state="done"), None, runner)
    with pytest.raises(Refused, match="no work that could be resumed: it is waiting"):
        resume_flow(None, release(State.WAITING), runner)
