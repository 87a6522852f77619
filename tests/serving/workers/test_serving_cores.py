from __future__ import annotations

import os

import pytest

from daytwo.serving.workers.cores import worker_count


def test_what_is_asked_for_is_taken(tmp_path):
    assert worker_count(7, quota=tmp_path / "none") == 7


def test_nothing_said_is_one_for_each_core_that_may_be_used(tmp_path):
    mine = os.sched_getaffinity(0)
    assert worker_count(0, quota=tmp_path / "none") == len(mine)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert worker_count(0, quota=tmp_path / "none") == 1
    finally:
        os.sched_setaffinity(0, mine)


@pytest.mark.parametrize(
    ("quota", "most"), [("max 100000", 1 << 30), ("250000 100000", 2), ("50000 100000", 1), ("?", 1 << 30)]
)
def test_a_containers_limit_counts_as_cores(tmp_path, quota, most):
    path = tmp_path / "cpu.max"
    path.write_text(quota + "\n")
    assert worker_count(0, quota=path) == min(len(os.sched_getaffinity(0)), most)
