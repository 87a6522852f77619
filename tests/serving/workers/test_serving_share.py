from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.workers.share import Elsewhere, Share


@given(st.text(), st.integers(1, 70))
def test_whatever_is_asked_for_has_exactly_one_keeper_and_all_workers_name_it(text, of):
    keepers = {Share(number, of).keeper(text) for number in range(of)}
    assert len(keepers) == 1
    assert [number for number in range(of) if Share(number, of).is_mine(text)] == list(keepers)


@given(st.integers(1, 40), st.data())
def test_a_worker_keeps_what_stands_under_its_own_prefix(of, data):
    share = Share(data.draw(st.integers(0, of - 1)), of)
    first, second = share.new_prefix(), share.new_prefix()
    assert share.is_mine(first)
    assert first != second
    assert len(first) == 20
    share.must_be_mine(second)


def test_ids_are_spread_evenly_and_the_keeper_of_others_is_named():
    share = Share(0, 4)
    kept = [share.keeper(f"order-{number}") for number in range(4000)]
    assert all(900 < kept.count(worker) < 1100 for worker in range(4))
    foreign = f"order-{kept.index(3)}"
    with pytest.raises(Elsewhere) as other:
        share.must_be_mine(foreign)
    assert other.value.worker == 3


def test_a_lone_worker_keeps_everything():
    Share().must_be_mine("any")
    assert Share().is_mine("\ud800")
