"""Workers of one project: who is alive by my own clock, who leads, and how the lead and a dead worker's flows go on."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.ledger import create_tables, open_ledger
from daytwo.core.ledger_postgres import open_database, schema_of
from daytwo.lifecycle.dbos import Crew, DbosRunner
from daytwo.lifecycle.launch_lock import LaunchLock
from daytwo.lifecycle.workers import Attendance, Shift, Worker
from daytwo.lifecycle.workers_sql import SqlWorkerBook

ON_BOTH = True
NOW = datetime(2026, 11, 24, tzinfo=UTC)
# Long enough for a busy machine not to be taken for a dead one, short enough to wait for.
DEAD_AFTER_S = 3.0
STEPS = 5

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["daytwo.lifecycle.dbos"])


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def worker(name: str, beats: int = 0) -> Worker:
    return Worker(name, "host", f"/{name}", NOW, NOW, beats)


@pytest.fixture
def book(ledger) -> SqlWorkerBook:
    return SqlWorkerBook(ledger)


def shift(book, name, clock, *, stands=True) -> Shift:
    return Shift(book, worker(name), dead_after_s=30, stands=stands, monotonic=clock, now=lambda: NOW)


def test_one_of_several_leads_until_it_is_silent_and_stops_by_itself_before_another_may_begin(book):
    clock = Clock()
    first, second = shift(book, "first", clock), shift(book, "second", clock)
    first.begin(dead=[])
    clock.s += 1
    second.begin(dead=[])
    assert (first.leads, second.leads) == (True, False)
    seen = []
    while not second.leads:  # the first one is held up, and beats no more
        clock.s += 5
        second.beat()
        seen.append((first.leads, second.leads))
    assert all(one != (True, True) for one in seen)
    assert clock.s >= 130
    first.beat()  # it wakes up again
    assert (first.leads, second.leads) == (False, True)
    assert {one.id for one in book.workers()} == {"first", "second"}
    second.end()
    first.beat()
    assert first.leads


def test_who_leaves_in_order_or_is_known_to_be_dead_is_followed_at_once(book):
    clock = Clock()
    first, second, third = (shift(book, name, clock) for name in ("first", "second", "third"))
    first.begin(dead=[])
    second.begin(dead=[])
    first.end()
    second.beat()
    assert second.leads
    third.begin(dead=["second", "nobody"])
    assert third.leads
    assert [one.id for one in book.workers()] == ["third"]


def test_a_short_command_never_leads_and_says_that_nobody_does(book):
    clock = Clock()
    short = shift(book, "short", clock, stands=False)
    short.begin(dead=[])
    assert (short.leads, short.is_led, book.leader()) == (False, False, None)
    long = shift(book, "long", clock)
    long.begin(dead=[])
    short.beat()
    assert (short.leads, short.is_led) == (False, True)


def test_the_lead_is_taken_only_from_whom_one_saw_leading(book):
    assert book.take_lead("one", after=None)
    assert not book.take_lead("two", after=None)
    assert not book.take_lead("two", after="three")
    assert book.take_lead("two", after="one")
    assert book.leader() == "two"
    book.leave("one")
    assert book.leader() == "two"


def test_the_dead_are_forgotten_and_the_living_are_not(book):
    clock = Clock()
    first, second = shift(book, "first", clock), shift(book, "second", clock)
    first.begin(dead=[])
    second.begin(dead=[])
    clock.s += 31
    second.beat()
    second.bury()
    assert [one.id for one in book.workers()] == ["second"]


@given(st.lists(st.tuples(st.floats(0.1, 20), st.sets(st.sampled_from("abc"))), max_size=12))
def test_alive_is_whose_count_moved_within_the_time_whatever_the_clocks_say(moves):
    clock, beats, moved = Clock(), dict.fromkeys("abc", 0), {}
    attendance = Attendance(10.0, clock)
    for passed, who in moves:
        clock.s += passed
        for name in who:
            beats[name] += 1
        for name in "abc":
            if name in who or name not in moved:
                moved[name] = clock.s
        found = attendance.alive([worker(name, count) for name, count in beats.items()])
        assert found == {name for name in "abc" if clock.s - moved[name] < 10.0}


def test_the_note_in_a_lock_names_who_held_it_and_says_nothing_in_a_copy(tmp_path):
    lock = LaunchLock(tmp_path / "one" / "lock")
    copy = LaunchLock(tmp_path / "copy")
    found = []
    for one, name in ((lock, "first"), (lock, "second"), (copy, "third")):
        found.append(one.take(name))
        one.release()
        copy.path.write_bytes(lock.path.read_bytes())
    assert found == ["", "first", ""]


def life(folder: Path, name: str, pipe):
    """A flow whose steps each write down who did them; a step whose gate stands in the way says so and waits there."""

    def flow(run, arguments):
        def effect(i: int) -> str:
            gate = folder / f"gate-{name}-{i}"
            if gate.exists():
                pipe.send(("waits", i))
                gate.read_bytes()  # until somebody opens its other end
            with (folder / "done").open("a") as done:
                done.write(f"{run.id} {i} {name}\n")
            return name

        return [run.step(f"step {i}", lambda i=i: effect(i)) for i in range(STEPS)]

    return flow


def serve(folder: Path, place, name: str, pipe) -> None:
    """One worker, in a folder of its own, that runs what it is asked for and says whether it leads."""
    ledger, engine = open_ledger(*place), open_database(place[0])
    create_tables(ledger)
    crew = Crew(SqlWorkerBook(ledger), DEAD_AFTER_S, alone=False)
    flows = {"life": life(folder, name, pipe)}
    with DbosRunner(engine, folder / name / "lock", flows, crew, schema=f"{schema_of(place[2])}_flows") as runner:
        pipe.send(("launched", None))
        while (asked := pipe.recv()) is not None:
            pipe.send(("leads", runner.leads()) if asked == "leads" else ("done", runner.run("life", asked, {})))
    ledger.dispose()
    engine.dispose()


class Process:
    """The other end of a worker."""

    def __init__(self, folder: Path, place, name: str) -> None:
        self.pipe, theirs = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=serve, args=(folder, place, name, theirs))
        self.process.start()
        theirs.close()

    def leads(self) -> bool:
        self.pipe.send("leads")
        return self.told("leads")

    def told(self, kind: str):
        """Return what it answers."""
        got = self.pipe.recv()
        assert got[0] == kind
        return got[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture
def start(tmp_path, postgres) -> Iterator[object]:
    made: list[Process] = []

    def begin(name: str) -> Process:
        made.append(Process(tmp_path, (postgres.url(), tmp_path, str(tmp_path)), name))
        made[-1].told("launched")
        return made[-1]

    yield begin
    for one in made:
        one.kill()
        one.pipe.close()


def done(folder: Path) -> list[list[str]]:
    path = folder / "done"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_two_workers_run_flows_side_by_side_and_one_flow_only_once(start, tmp_path):
    one, two = start("one"), start("two")
    assert [one.leads(), two.leads()] == [True, False]
    gate = tmp_path / "gate-one-0"
    os.mkfifo(gate)
    one.pipe.send("flow-1")
    assert one.told("waits") == 0  # it is in the middle of its first step
    two.pipe.send("flow-2")
    assert two.told("done") == ["two"] * STEPS
    two.pipe.send("flow-1")  # the same flow again: the second worker waits for the first one's result
    gate.write_bytes(b"")
    assert one.told("done") == ["one"] * STEPS
    assert two.told("done") == ["one"] * STEPS
    assert len(done(tmp_path)) == 2 * STEPS


def test_what_a_killed_worker_had_in_hand_is_ended_by_the_other_one_which_leads_from_then_on(start, tmp_path):
    one, two = start("one"), start("two")
    os.mkfifo(tmp_path / "gate-one-2")
    one.pipe.send("flow-1")
    assert one.told("waits") == 2
    one.kill()
    two.pipe.send("flow-1")
    # Two steps had been kept; the third was cut short, and is done again.
    assert two.told("done") == ["one", "one", "two", "two", "two"]
    assert [who for _, _, who in done(tmp_path)] == ["one", "one", "two", "two", "two"]
    assert two.leads()


def test_a_worker_that_is_started_again_in_its_folder_finds_its_flows_ended(start, tmp_path):
    one, two = start("one"), start("two")
    os.mkfifo(tmp_path / "gate-two-1")
    two.pipe.send("flow-1")
    assert two.told("waits") == 1
    two.kill()
    (tmp_path / "gate-two-1").unlink()
    again = start("two")  # it has waited for the end of what it left; either of the two may have done it
    ended = done(tmp_path)
    assert [i for _, i, _ in ended] == [str(i) for i in range(STEPS)]
    assert one.leads()
    assert not again.leads()


def test_a_worker_that_was_held_up_too_long_loses_its_flow_and_doubles_nothing_that_was_kept(start, tmp_path):
    one, two = start("one"), start("two")
    gate = tmp_path / "gate-one-2"
    os.mkfifo(gate)
    one.pipe.send("flow-1")
    assert one.told("waits") == 2
    os.kill(one.process.pid, signal.SIGSTOP)
    two.pipe.send("flow-1")
    assert two.told("done") == ["one", "one", "two", "two", "two"]
    os.kill(one.process.pid, signal.SIGCONT)
    gate.write_bytes(b"")
    # The step that it had in hand ends after all; what is kept stays as the other one kept it.
    assert one.told("done") == ["one", "one", "two", "two", "two"]
    assert sorted(i for _, i, who in done(tmp_path) if who == "one") == ["0", "1", "2"]
    assert [one.leads(), two.leads()] == [False, True]
