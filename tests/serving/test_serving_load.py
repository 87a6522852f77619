"""Versions change under load on a real server: no request fails, and every count adds up exactly."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from tests.serving.conftest import make_bundle, shipped, trip, trips_contract, wait_for

from daytwo.serving.answering.router import Router
from daytwo.serving.client import Client

THREADS = 4
SHARES = (0.1, 0.3, 0.7)


class Load:
    """Clients that ask without a pause, some for one row and some for several, until they are told to stop.

    An answer is kept with its subject and the `phase` in which it was asked for.
    """

    def __init__(self, port):
        self.answers, self.errors, self.phase, self._port = [], [], 0, port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(THREADS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count):
        """Wait until so many more rows are answered."""
        wanted = len(self.answers) + count
        while len(self.answers) < wanted and not self.errors:
            self._stop.wait(0.002)

    def asked_in(self, phase):
        """Return subject and answer of each row that was asked for in a phase."""
        return [(tail, one) for tail, one, asked in self.answers if asked == phase]

    def _ask(self, number):
        sent = number * 1_000_000
        try:
            with Client("127.0.0.1", self._port, patience_s=0) as client:
                while not self._stop.is_set():
                    phase = self.phase
                    rows = [trip(sent + i) for i in range(1 if number % 2 else 7)]
                    told = client.predict(rows)["predictions"]
                    self.answers += [(row["tail"], one, phase) for row, one in zip(rows, told, strict=True)]
                    sent += len(rows)
        except Exception as err:
            self.errors.append(err)


def counted(client):
    """Return how many rows each version answered in which arm, as the metrics tell."""
    found = Counter()
    for line in client.metrics().splitlines():
        if line.startswith("daytwo_predictions_total{"):
            labels, _, value = line.partition("} ")
            names = dict(part.split("=") for part in labels.partition("{")[2].split(","))
            found[names["version"].strip('"'), names["arm"].strip('"')] += int(value)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_swap_split_and_rollback_under_load_fail_no_request_and_add_up(serve, own_place, workers):
    client = serve(workers=workers)
    old = client.route()["champion"]
    new = make_bundle(own_place.bundles, seed=2, contract=trips_contract(2, maximum=200.0)).digest
    with Load(client.port) as load:
        for share in (0.2, 0.6):
            own_place.route(old, canary=new, canary_share=share, holdout=0.25)
            load.more(300)
        own_place.route(new, previous=old, holdout=0.25)
        load.more(300)
        own_place.route(old, holdout=0.25)
        load.more(300)
        if workers == 1:  # each of several follows the route for itself
            wait_for(client, own_place.generation)
            load.phase = 1
            load.more(600)
    assert load.errors == []
    assert {one["version"] for _, one in load.asked_in(1)} <= {old}
    told = Counter((one["version"][:12], one["arm"]) for _, one, _ in load.answers)
    assert {arm for _, arm in told} == {"champion", "canary", "holdout"}
    assert counted(client) == told
    client.rotate()
    rows = shipped(own_place).read("predictions")
    assert rows["_id"].is_unique().all()
    assert sorted(rows["_id"]) == sorted(one["prediction_id"] for _, one, _ in load.answers)
    assert Counter((version[:12], arm) for version, arm in rows.select("_version", "_arm").rows()) == told


def test_one_person_meets_one_group_and_one_version_whatever_the_canary_does(serve, own_place):
    client = serve()
    old, new = client.route()["champion"], make_bundle(own_place.bundles, seed=2).digest
    router, met = Router("pinch"), {}
    with Load(client.port) as load:
        for share in SHARES:
            own_place.route(old, canary=new, canary_share=share, holdout=0.2)
            wait_for(client, own_place.generation)
            load.phase = share
            load.more(1500)
            load.phase = 0
    assert load.errors == []
    for share in SHARES:
        for tail, one in load.asked_in(share):
            met.setdefault((share, tail), set()).add((one["version"], one["arm"]))
    for (share, tail), found in met.items():
        arm = router.arm(tail, share, 0.2)
        assert found == {(new if arm == "canary" else old, arm)}
    people = {tail for _, tail in met}
    held = {tail for (_, tail), found in met.items() if "holdout" in {arm for _, arm in found}}
    assert 0.1 * len(people) < len(held) < 0.3 * len(people)
