"""What waits outlives an upgrade: asked for by old flows, approved and brought live by the new ones."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.running import make

from daytwo.flows import open_kept, open_runner
from daytwo.lifecycle import dbos, worker
from daytwo.lifecycle.decisions import decide
from daytwo.lifecycle.heart import Heart
from daytwo.lifecycle.prepare import prepare_release
from daytwo.lifecycle.releases import State
from daytwo.lifecycle.sources.patrol import patrol
from daytwo.wiring import open_system

OLD = "2"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["daytwo.flows", "daytwo.lifecycle.heart"])


@pytest.fixture(params=["sqlite", "postgres"])
def project(request, tmp_path) -> Path:
    project = make(tmp_path)
    if request.param == "postgres":
        (tmp_path / "url").write_text(request.getfixturevalue("postgres").url())
        settings = project / "daytwo.toml"
        name = f'name = "upgrade {tmp_path.name}"'
        text = settings.read_text().replace('ledger = ""', f'ledger = "file:{tmp_path}/url"')
        settings.write_text("\n".join(name if line.startswith("name = ") else line for line in text.splitlines()))
    return project


def _old_release(run, system, arguments):
    """The release as an older version had it: with a step before all others."""
    run.step("look around", lambda: "as it was then")
    return prepare_release(run, system, arguments)


def _old_patrol(run, system, arguments):
    """The patrol as an older version had it; this one is killed in the middle of it."""
    run.step("held", _held)
    return patrol(run, system, arguments)


def _held() -> None:
    _PIPE.send("held")
    _PIPE.recv()


def _live_in_the_past(project: Path, pipe) -> None:
    """Ask for the first version with the flows of an older daytwo, and be killed at the tick that follows."""
    global _PIPE  # noqa: PLW0603 (this process's own: a flow's arguments are JSON)
    _PIPE = pipe
    dbos.FLOW_VERSION = OLD
    worker.prepare_release, worker.patrol = _old_release, _old_patrol
    system = open_system(project)
    with open_runner(system) as runner:
        Heart(system, say=lambda _: None).beat(runner, NOW)


def test_a_release_that_waits_for_approval_is_approved_and_finished_by_the_next_version(project):
    pipe, theirs = PROCESSES.Pipe()
    past = PROCESSES.Process(target=_live_in_the_past, args=(project, theirs))
    past.start()
    theirs.close()
    assert pipe.recv() == "held"
    past.kill()
    past.join()
    pipe.close()
    system = open_system(project)
    (waiting,) = system.releases.releases()
    assert waiting.state is State.WAITING
    with open_kept(system) as kept:
        before = {one.id: one for one in kept.unsettled()}
    assert len(before) == 1
    assert not any(one.current for one in before.values())

    decide(system, waiting, person="ben", approved=True, reason="as good as ever", now=NOW + timedelta(days=1))
    with open_runner(system) as runner:
        Heart(system, say=lambda _: None).beat(runner, NOW + timedelta(days=1, minutes=1))
    (live,) = system.releases.releases()
    assert (live.id, live.digest, live.state) == (waiting.id, waiting.digest, State.LIVE)
    assert [one.cause for one in system.registry.history()] == [f"advance-{live.id}-20261125T120100"]
    assert sorted(cost.kind for cost in system.costs.costs()) == ["approval", "training"]
    with open_kept(system) as kept:
        assert kept.unsettled() == ()
        steps = [step.name for step in kept.find(live.id).steps]
    system.close()
    assert steps == ["look around", "begin", "train", "gate", "conclude"]  # done by the old version, and never again
