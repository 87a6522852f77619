"""Mended rows through the same door again: judged first, answered or taken in at most once, whoever is killed."""

from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import Fault
from daytwo.core.schema import Kind
from daytwo.lifecycle.intake.pickup import take_in
from daytwo.lifecycle.kept_aside import replaying
from daytwo.lifecycle.kept_aside.mending import parse_repair
from daytwo.lifecycle.kept_aside.quarantine import Which, kept_rows, shelf
from daytwo.lifecycle.kept_aside.quarantine_events import attempts_of, events_of
from daytwo.lifecycle.kept_aside.repairing import attempt, keep
from daytwo.lifecycle.kept_aside.replaying import replay, replay_files
from daytwo.lifecycle.kept_aside.verdicts import Mended

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
CONTRACT = Contract(
    "flights",
    1,
    "data@airline.example",
    (
        Column("wind", Kind.NUMBER, minimum=0.0, maximum=50.0),
        Column("seats", Kind.INTEGER, minimum=1.0),
        Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")),
    ),
)
READ = [parse_repair("wind=parse")]
BAD = [{"wind": "12 mph", "seats": 100}, {"wind": "calm", "seats": 100}, {"wind": "7", "seats": 9}]


class Door:
    """Answers rows as the server does: by the contract, each request id once, on record before the answer."""

    def __init__(self, *, cut_after: int | None = None) -> None:
        self._decoder = compile_decoder(CONTRACT)
        self._cut_after = cut_after
        self.answered: dict[str, dict] = {}
        self.calls = 0

    def predict(self, rows, *, request_id, replay_of):
        self.calls += 1
        if request_id not in self.answered:
            answers = []
            for i, row in enumerate(rows):
                good = self._decoder.check(row)[0] is not None
                name = f"{request_id}-{i}"
                answers.append({"prediction_id": name, "arm": "champion" if good else "fallback"})
                answers[-1] |= {} if good else {"quarantine_id": f"q-{name}"}
            self.answered[request_id] = {"predictions": answers, "replay_of": replay_of}
        if self.calls == self._cut_after:
            raise Fault("the connection broke before the answer came")
        return self.answered[request_id]


@pytest.fixture
def system(system):
    system.contract_path.write_text(to_toml(CONTRACT))
    return system


def keep_aside(system, rows):
    count = len(rows)
    frame = pl.DataFrame(
        {
            "_id": [f"q-{i:03d}" for i in range(count)],
            "_received_at": [NOW + timedelta(seconds=i) for i in range(count)],
            "_time": pl.Series([None] * count, dtype=pl.Datetime("us", "UTC")),
            "row": [msgspec.json.encode(row).decode() for row in rows],
            "reasons": ['[{"column":"wind","rule":"type","value":"x","message":"no number"}]'] * count,
            "source": ["server"] * count,
            "contract": ["c"] * count,
        }
    )
    system.tables.append("quarantine", frame, batch="server")
    return kept_rows(system)


def ids(system, state="open"):
    return shelf(system, Which(state=state))["_id"].to_list()


def test_mended_rows_are_answered_and_the_others_stay_open(system):
    door, rows = Door(), keep_aside(system, BAD)
    done = replay(system, door, rows, READ, by="ana", now=NOW)
    assert (done.replayed, done.still_bad) == (2, 1)
    assert ids(system) == ["q-001"]
    (answer,) = door.answered.values()
    assert answer["replay_of"] == ["q-000", "q-001", "q-002"]
    replayed = kept_rows(system, Which(state="replayed"))
    assert [one.prediction for one in replayed] == [answer["predictions"][i]["prediction_id"] for i in (0, 2)]


def test_a_wrong_factor_leaves_the_row_open_with_the_try_beside_it(system):
    door, rows = Door(), keep_aside(system, BAD[:1])
    wrong = [parse_repair("wind=scale:1e6")]
    assert replay(system, door, rows, wrong, by="ana", now=NOW).still_bad == 1
    assert ids(system) == ["q-000"]
    (tried,) = events_of(system, "q-000")
    assert (tried.status, tried.by) == ("tried", "ana")
    assert str(tried.detail["attempt"]).startswith("q-replay-")
    assert replay(system, door, rows, wrong, by="ana", now=NOW).still_bad == 1
    assert door.calls == 1  # the same row before the same version breaks the same rule
    assert replay(system, door, rows, READ, by="ana", now=NOW).replayed == 1
    assert [event.status for event in events_of(system, "q-000")] == ["tried", "replayed"]


def test_a_replay_whose_answer_was_lost_is_done_again_without_a_second_answer(system):
    door, rows = Door(cut_after=1), keep_aside(system, BAD)
    with pytest.raises(Fault):
        replay(system, door, rows, READ, by="ana", now=NOW)
    assert len(kept_rows(system)) == 3
    done = replay(system, door, rows, READ, by="ana", now=NOW)
    again = replay(system, door, rows, READ, by="ana", now=NOW)
    assert done == again
    assert len(door.answered) == 1
    assert system.tables.read("quarantine_events").height == 3


def test_what_the_journal_says_was_answered_is_not_sent_again(system):
    door, rows = Door(), keep_aside(system, BAD[:1])
    told = pl.DataFrame({"_id": ["p-1"], "_arm": ["champion"], "_quarantine": [None], "_replay_of": ["q-000"]})
    system.tables.append("predictions", told, batch="killed before it was noted")
    assert replay(system, door, rows, READ, by="ana", now=NOW).replayed == 1
    assert door.calls == 0


def test_many_rows_go_in_batches_and_all_of_them(system):
    door, rows = Door(), keep_aside(system, [{"wind": str(i % 50), "seats": 1} for i in range(450)])
    assert replay(system, door, rows, READ, by="ana", now=NOW).replayed == 450
    assert door.calls == 3
    assert kept_rows(system) == ()


def test_a_trial_says_what_would_pass_and_what_would_still_break(system):
    rows = keep_aside(system, BAD)
    trial = attempt(system, rows, READ)
    assert [one.row["wind"] for one in trial.passing] == [12.0, 7.0]
    ((reason, count),) = trial.still_broken
    assert (reason["column"], reason["rule"], reason["value"], count) == ("wind", "type", "calm", 1)
    assert ids(system) == ["q-000", "q-001", "q-002"]


def test_what_passes_is_kept_mended_once_and_another_repair_begins_with_the_row_as_it_came(system):
    rows = keep_aside(system, BAD)
    assert keep(system, attempt(system, rows, READ), READ, by="ana", now=NOW) == 2
    repaired = kept_rows(system, Which(state="repaired"))
    assert [(one.row["wind"], one.mended["wind"]) for one in repaired] == [("12 mph", 12.0), ("7", 7.0)]
    keep(system, attempt(system, repaired, READ), READ, by="ana", now=NOW)
    assert system.tables.read("quarantine_events").height == 2
    half = [parse_repair("wind=scale:0.5")]
    keep(system, attempt(system, repaired, half), half, by="ana", now=NOW)
    repaired = kept_rows(system, Which(state="repaired"))
    assert [one.mended["wind"] for one in repaired] == [6.0, 3.5]
    door = Door()
    replay(system, door, repaired, [], by="ana", now=NOW)
    assert ids(system, "replayed") == ["q-000", "q-002"]


@pytest.fixture
def broken_file(system):
    """A file of which the first two rows have the wind in another unit, and one is beyond help."""
    path = system.folder / "june.csv"
    path.write_text("wind,seats,late\n120 dm,10,0\n130 dm,11,1\n5,12,0\n6,,1\n7,14,0\n")
    told = take_in(system, path, NOW)
    assert (told.accepted, told.rejected) == (2, 3)
    return system


TENTHS = [parse_repair("wind=scale:0.1")]


def dataset(system):
    return system.tables.read("dataset")["wind"].to_list()


def test_rows_of_a_file_are_taken_in_mended_and_linked(broken_file):
    system = broken_file
    rows = kept_rows(system)
    trial = attempt(system, rows, TENTHS)
    assert (len(trial.passing), len(trial.failing)) == (2, 1)
    keep(system, trial, TENTHS, by="ana", now=NOW)
    repaired = kept_rows(system, Which(state="repaired"))
    done = replay_files(system, repaired, [], by="ana", now=NOW)
    assert (done.replayed, done.still_bad) == (2, 0)
    assert dataset(system) == [5.0, 7.0, 12.0, 13.0]
    assert len(ids(system)) == 1
    event = events_of(system, repaired[0].id)[-1]
    assert event.status == "replayed"
    assert str(event.detail["file"]).startswith("replay-")
    assert replay_files(system, repaired, [], by="ana", now=NOW).replayed == 2
    assert len(dataset(system)) == 4


@pytest.mark.parametrize("step", ["write_whole", "note", "take_in", "note after"])
@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_file_replay_that_is_cut_short_anywhere_takes_each_row_in_once(broken_file, monkeypatch, step, when):
    system, rows = broken_file, kept_rows(broken_file)
    name, cut_at = step.partition(" ")[0], 2 if step == "note after" else 1
    work, calls = getattr(replaying, name), []

    def cut(*args):
        calls.append(args)
        if len(calls) == cut_at and when == "before":
            raise KeyboardInterrupt
        found = work(*args)
        if len(calls) == cut_at:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(replaying, name, cut)
    with pytest.raises(KeyboardInterrupt):
        replay_files(system, rows, TENTHS, by="ana", now=NOW)
    monkeypatch.undo()
    # Whoever comes after means other rows: what was begun is finished as it was begun.
    for some in (rows[:1], rows):
        replay_files(system, some, TENTHS, by="ben", now=NOW + timedelta(hours=1))
    assert sorted(dataset(system)) == [5.0, 7.0, 12.0, 13.0]
    assert ids(system, "replayed") == [rows[0].id, rows[1].id]
    assert attempts_of(system).of == {}


def test_a_row_that_only_the_dataset_refuses_stays_open_with_its_try(broken_file, monkeypatch):
    system, rows = broken_file, kept_rows(broken_file)
    # A promise between rows is judged when the file comes in, not before.
    monkeypatch.setattr(replaying, "judged", lambda _, some: [Mended(kept, row, ()) for kept, row in some])
    done = replay_files(system, rows, TENTHS, by="ana", now=NOW)
    assert (done.replayed, done.still_bad) == (2, 1)
    assert ids(system) == [rows[2].id]
    (tried,) = events_of(system, rows[2].id)[-1:]
    assert tried.status == "tried"
    assert attempts_of(system).of == {tried.detail["attempt"]: rows[2].id}
