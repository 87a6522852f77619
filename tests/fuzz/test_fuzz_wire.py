"""Named cases and a short seeded run of the fuzzer over a real socket; one server bears them all."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random

import pytest
from tests.fuzz.wire import CASES, GOOD, cases, post, talk
from tests.serving.conftest import make_bundle, settled

from daytwo.registry.bundle import BundleStore

# What a server of one small model holds, and the largest body on top.
_MOST_MEMORY_MB = 220


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wire")
    bundle = make_bundle(BundleStore(folder / "bundles"), trees=5)
    with settled(folder, bundle.digest) as place:
        process, port = place.start()
        yield process, port
        assert "broken" not in place.log()


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_answered_as_it_should_be(server, name):
    data, statuses = CASES[name]
    found = tuple(answer.status for answer in talk(server[1], data))
    # A client that goes on sending behind a refusal may lose it.
    assert found == statuses or (found == () and statuses == (413,))
    assert talk(server[1], post(GOOD))[0].status == 200


def test_a_seeded_run_over_the_wire_leaves_the_server_well(server):
    process, port = server
    for number, (data, cuts) in enumerate(islice(cases(Random(7)), 250)):
        talk(port, data, cuts)
        if number % 25 == 0:
            assert talk(port, post(GOOD))[0].status == 200
    assert process.poll() is None
    assert memory_mb(process.pid) < _MOST_MEMORY_MB
