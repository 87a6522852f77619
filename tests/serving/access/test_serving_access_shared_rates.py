"""One bucket for several processes: real ones take from it at once, and one of them is killed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from daytwo.serving.access.rates import Bucket
from daytwo.serving.access.shared_rates import SharedRates

TAKING = """
import sys
from pathlib import Path
from daytwo.serving.access.shared_rates import SharedRates
bucket = SharedRates(Path(sys.argv[1])).bucket(b"a" * 32, 1000.0, now=0.0)
let_in = 0
while bucket.wait_s(0.0) == 0.0:
    bucket.take(1)
    let_in += 1
print(let_in)
"""
HOLDING = """
import sys
from pathlib import Path
from daytwo.serving.access.shared_rates import SharedRates
with SharedRates(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def run(code, path):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_all_processes_together_let_in_what_one_would(tmp_path):
    processes = [run(TAKING, tmp_path / "rates") for _ in range(3)]
    let_in = [int(process.communicate()[0]) for process in processes]
    # Each may have looked while the last row was in the bucket.
    assert 1000 <= sum(let_in) <= 1002


def test_a_process_that_is_killed_with_the_lock_stops_nobody(tmp_path):
    held = run(HOLDING, tmp_path / "rates")
    assert held.stdout.readline() == "held\n"
    held.kill()
    held.communicate()
    assert SharedRates(tmp_path / "rates").bucket(b"a" * 32, 5.0, now=0.0).wait_s(0.0) == 0.0


def test_it_is_the_bucket_of_one_process_to_the_bit(tmp_path):
    alone, shared = Bucket(3.0, now=1.0), SharedRates(tmp_path / "rates").bucket(b"b" * 32, 3.0, now=1.0)
    for now, rows in ((1.0, 1), (1.1, 4), (1.2, 1), (1.15, 1), (4.0, 2), (90.0, 3)):
        assert shared.wait_s(now) == alone.wait_s(now)
        alone.take(rows)
        shared.take(rows)


def test_two_tokens_that_fall_on_the_same_place_have_a_bucket_each(tmp_path):
    rates = SharedRates(tmp_path / "rates")
    one, other = (rates.bucket(b"same" + bytes([i]) * 28, 1.0, now=0.0) for i in (1, 2))
    one.take(5)
    assert one.wait_s(0.0) == pytest.approx(5.0)
    assert other.wait_s(0.0) == 0.0
    again = SharedRates(tmp_path / "rates").bucket(b"same" + bytes([1]) * 28, 1.0, now=0.0)
    assert again.wait_s(0.0) == pytest.approx(5.0)
