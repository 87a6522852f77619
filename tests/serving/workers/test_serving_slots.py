from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.errors import Fault
from daytwo.serving.workers.slots import PLACES, claimed, owner

LIVING = st.lists(st.integers(0, PLACES - 1), min_size=2, max_size=12, unique=True)


@given(LIVING, st.data())
def test_a_death_moves_nothing_but_what_the_dead_one_held(living, data):
    dead = data.draw(st.sampled_from(living))
    left = [number for number in living if number != dead]
    for share in range(PLACES):
        before = owner(share, living)
        assert owner(share, left) == before or before == dead
        assert owner(share, living[::-1]) == before


@given(LIVING)
def test_everybody_holds_the_share_of_its_own_number(living):
    assert all(owner(number, living) == number for number in living)


def test_four_processes_share_about_evenly():
    counts = Counter(owner(share, range(4)) for share in range(PLACES))
    assert min(counts.values()) >= PLACES // 8


def test_places_are_claimed_from_the_lowest_and_free_again_at_the_end(tmp_path):
    with claimed(tmp_path) as first, claimed(tmp_path) as second:
        assert (first.number, second.number) == (0, 1)
        assert first.living() == second.living() == [0, 1]
        with claimed(tmp_path) as third:
            assert third.living() == [0, 1, 2]
        assert first.living() == [0, 1]
    with claimed(tmp_path) as again:
        assert again.number == 0


def test_a_share_has_one_holder_which_others_know_once_it_has_said_so(tmp_path):
    with claimed(tmp_path) as first, claimed(tmp_path) as second:
        assert first.take(7)
        assert not second.take(7)
        assert second.holder(7) is None
        first.tell(7)
        assert second.holder(7) == 0
        first.let_go(7)
        assert second.holder(7) is None
        assert second.take(7)


def test_a_killed_process_leaves_its_place_and_its_shares_to_others(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from daytwo.serving.workers.slots import claimed\n"
        "with claimed(Path(sys.argv[1])) as place:\n"
        "    place.take(0); place.tell(0); print('here', flush=True); time.sleep(99)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"here\n"
    with claimed(tmp_path) as place:
        assert (place.number, place.living(), place.take(0), place.holder(0)) == (1, [0, 1], False, 0)
        process.kill()
        process.wait()
        process.stdout.close()
        assert place.living() == [1]
        assert place.take(0)
        assert place.holder(0) is None
        with claimed(tmp_path) as successor:
            assert successor.number == 0


def test_counts_go_on_while_anybody_lives_and_begin_anew_after_all_have_ended(tmp_path):
    with claimed(tmp_path) as first:
        kept = first.folder / "3.counts"
        kept.write_text("{}")
        with claimed(tmp_path):
            assert kept.exists()
    with claimed(tmp_path):
        assert not kept.exists()


def test_a_long_path_meets_elsewhere_and_always_at_the_same_place(tmp_path):
    long = tmp_path / ("x" * 120) / "journal"
    with claimed(long) as first, claimed(long) as second:
        assert first.folder == second.folder
        assert len(os.fsencode(first.folder / "63.sock")) < 108
        assert (first.number, second.number) == (0, 1)


def test_a_journal_that_cannot_be_written_is_said_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Fault, match=r"cannot write to the journal .* Make the folder writable"),
        claimed(tmp_path / "file"),
    ):
        pass


def test_more_processes_than_places_are_refused(tmp_path):
    with claimed(tmp_path) as first, ExitStack() as held:
        for number in range(1, PLACES):
            lock = held.enter_context((first.folder / f"{number}.alive").open("wb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Fault, match=r"64 processes run this app .* Run fewer"), claimed(tmp_path):
            pass


def test_whoever_lives_claims_its_place_again_where_the_folder_was_taken_away(tmp_path):
    journal = tmp_path / "journal"
    with claimed(journal) as first, claimed(journal) as second:
        assert not first.is_taken_away()
        shutil.rmtree(journal)
        assert first.is_taken_away()
        assert second.is_taken_away()
        second.claim_again()
        assert second.take(1)
        with claimed(journal) as newcomer:
            assert newcomer.number == 0
            assert not newcomer.take(1)
            with pytest.raises(Fault, match=r"another process has claimed this one's place .* Start all"):
                first.claim_again()
        first.claim_again()
        assert first.living() == [0, 1]
        assert not first.is_taken_away()
