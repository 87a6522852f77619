"""Durable flows in real processes that are really killed: what was done stays done, what was begun is done again."""

import contextlib
import multiprocessing
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from daytwo.core.errors import DataError, Fault, Refused, SettingsError
from daytwo.core.ledger import create_tables, open_sqlite
from daytwo.lifecycle import dbos
from daytwo.lifecycle.dbos import Crew, DbosRunner, JsonSerializer
from daytwo.lifecycle.workers_sql import SqlWorkerBook

STEPS = 6
RESULT = {"total": 111_111, "keys": [f"life-1:{i}" for i in range(STEPS)]}

# A process that is forked from one which has loaded everything starts at once.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["daytwo.lifecycle.dbos"])


class Killed(Exception):
    """The process at the other end of the pipe is gone."""


def life(folder: Path, tell):
    """A flow whose steps each have one effect, a line in a file, under a key; every moment of it is told."""

    def flow(run, arguments):
        def effect(i: int) -> int:
            tell(f"begin {i}")
            key = f"{run.id}:{i}"
            with (folder / "bodies").open("a") as bodies:
                bodies.write(f"{key}\n")
            with (folder / "effects").open("a+") as effects:
                effects.seek(0)
                if key not in effects.read().splitlines():
                    effects.write(f"{key}\n")
            tell(f"end {i}")
            return 10**i

        total = sum(run.step(f"step {i}", lambda i=i: effect(i)) for i in range(STEPS))
        return {"total": total, "keys": [f"{run.id}:{i}" for i in range(STEPS)], **arguments}

    return flow


def failing(folder: Path):
    """A flow that fails in its second step until somebody mends it."""

    def flow(run, arguments):
        run.step("first", lambda: None)

        def work() -> str:
            if (folder / "mended").exists():
                return "done"
            kinds = {"refused": Refused, "data": DataError, "fault": Fault}
            if arguments["kind"] in kinds:
                raise kinds[arguments["kind"]]("it cannot be", hint="Do something else")
            raise KeyError("a bug")

        return run.step("second", work)

    return flow


def serve(folder: Path, pipe, version: str) -> None:
    """Launch the flows of a folder and run what is asked for, until nothing more is."""
    dbos.FLOW_VERSION = version
    engine = open_sqlite(folder / "flows.db", begin_at_first_write=True)
    ledger = open_sqlite(folder / "ledger.db")
    create_tables(ledger)
    flows = {"life": life(folder, lambda words: pipe.send(("told", words))), "failing": failing(folder)}
    with DbosRunner(engine, folder / "flows.lock", flows, Crew(SqlWorkerBook(ledger))) as runner:
        pipe.send(("launched", None))
        while (asked := pipe.recv()) is not None:
            try:
                pipe.send(("done", runner.run(*asked)))
            except Exception as err:
                pipe.send(("raised", (type(err).__name__, str(err), getattr(err, "hint", None))))
    engine.dispose()


class Process:
    """One process that runs the flows of a folder."""

    def __init__(self, folder: Path, version: str) -> None:
        self._pipe, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=serve, args=(folder, theirs, version))
        self._process.start()
        theirs.close()
        self.moments = 0
        self.kill_at: int | None = None

    def wait(self, *kinds: str):
        """Return the next answer of one of these kinds; kills the process at the chosen moment before that."""
        try:
            while (got := self._pipe.recv())[0] not in kinds:
                self.moments += 1
                if self.moments == self.kill_at:
                    self._process.kill()
        except (EOFError, ConnectionResetError) as err:
            raise Killed from err
        return got

    def run(self, flow: str, run_id: str, **arguments):
        """Run a flow and return what came of it."""
        self.ask(flow, run_id, **arguments)
        return self.wait("done", "raised")

    def ask(self, flow: str, run_id: str, **arguments) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._pipe.send((flow, run_id, arguments))

    def leave(self) -> int | None:
        """Let it come to its end in good order, and return its exit code."""
        self._pipe.send(None)
        self._process.join(20)
        return self._process.exitcode

    def end(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


@contextlib.contextmanager
def process(folder: Path, *, version: str = dbos.FLOW_VERSION, kill_at: int | None = None) -> Iterator[Process]:
    started = Process(folder, version)
    started.kill_at = kill_at
    try:
        yield started
    finally:
        started.end()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_flow_that_is_killed_again_and_again_ends_with_each_effect_once(tmp_path):
    moments = random.Random(5)
    kills, ended = 0, None
    while ended is None:
        with process(tmp_path, kill_at=moments.randint(2, 5)) as one:
            with contextlib.suppress(Killed):
                one.wait("launched")
                ended = one.run("life", "life-1")
            kills += ended is None
    assert ended == ("done", RESULT)
    assert kills >= 3
    assert lines(tmp_path / "effects") == RESULT["keys"]
    # Only the step in hand at a kill may be done again, so no body ran more often than there were kills.
    bodies = lines(tmp_path / "bodies")
    assert len(bodies) <= STEPS + kills
    assert sorted(set(bodies)) == RESULT["keys"]


def test_what_has_ended_is_not_done_again_by_a_later_process(tmp_path):
    with process(tmp_path) as one:
        one.wait("launched")
        assert one.run("life", "life-1") == ("done", RESULT)
        assert one.run("life", "life-1", other="arguments") == ("done", RESULT)
        assert one.leave() == 0
    with process(tmp_path) as one:
        one.wait("launched")
        assert one.run("life", "life-1") == ("done", RESULT)
    assert lines(tmp_path / "bodies") == RESULT["keys"]


def test_launching_finishes_what_was_cut_short_before_anything_new_runs(tmp_path):
    with process(tmp_path, kill_at=4) as one:
        one.wait("launched")
        with pytest.raises(Killed):
            one.run("life", "life-1")
    with process(tmp_path) as one:
        one.wait("launched")
        assert lines(tmp_path / "effects") == RESULT["keys"]


def test_an_error_comes_back_as_it_was_raised_and_the_run_is_done_anew_when_it_is_mended(tmp_path):
    told = ("it cannot be. Do something else", "Do something else")
    for _ in range(2):  # in the process that saw it, and in one that reads of it
        with process(tmp_path) as one:
            one.wait("launched")
            for kind, name in (("refused", "Refused"), ("data", "DataError"), ("fault", "Fault")):
                assert one.run("failing", kind, kind=kind) == ("raised", (name, *told))
                assert one.run("failing", kind, kind=kind) == ("raised", (name, *told))
    (tmp_path / "mended").touch()
    with process(tmp_path) as one:
        one.wait("launched")
        assert one.run("failing", "data", kind="data") == ("done", "done")


def test_flows_that_an_older_version_left_unfinished_are_begun_anew_and_hold_nothing_up(tmp_path):
    with process(tmp_path, version="0", kill_at=5) as one:
        one.wait("launched")
        with pytest.raises(Killed):
            one.run("life", "life-1")
    with process(tmp_path) as one:
        one.wait("launched")
        assert one.run("life", "life-1") == ("done", RESULT)
    assert lines(tmp_path / "effects") == RESULT["keys"]


def test_a_second_process_on_the_same_folder_is_refused(tmp_path):
    engine = open_sqlite(tmp_path / "flows.db", begin_at_first_write=True)
    with process(tmp_path) as one:
        one.wait("launched")
        with pytest.raises(Refused, match=r"another daytwo process runs the flows of this project.*Stop the running"):
            DbosRunner(engine, tmp_path / "flows.lock", {}, Crew(SqlWorkerBook(engine))).__enter__()
        assert one.run("life", "life-1") == ("done", RESULT)
    engine.dispose()


@pytest.mark.parametrize("error", [Refused("no", hint="ask"), SettingsError("bad"), Fault("disk", hint="")])
def test_an_error_of_ours_survives_its_text(error):
    kept = JsonSerializer()
    found = kept.deserialize(kept.serialize(error))
    assert (type(found), found.message, found.hint) == (type(error), error.message, error.hint)


def test_a_bug_comes_back_as_a_fault_that_names_it():
    kept = JsonSerializer()
    found = kept.deserialize(kept.serialize(KeyError("seats")))
    assert isinstance(found, Fault)
    assert found.message == "KeyError: 'seats'"


@pytest.mark.parametrize("value", [None, 1, 0.1, "ü", [1, [2]], {"a": {"b": None}}])
def test_json_values_come_back_as_they_were(value):
    kept = JsonSerializer()
    assert kept.deserialize(kept.serialize(value)) == value
