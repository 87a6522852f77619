from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.serving.metrics import METRICS, SECONDS, Metrics
from daytwo.serving.workers.totals import BY_WORKER, LEAST, SUMMED, Account, total

PATHS = st.sampled_from(("/predict", "/labels"))


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(PATHS, st.integers(0, 4000)))))
def test_the_sum_over_workers_is_what_one_worker_would_have_counted(asked):
    alone, each = Metrics(), [Metrics() for _ in asked]
    for metrics, requests in zip(each, asked, strict=True):
        for path, milliseconds in requests:
            for one in (alone, metrics):
                one.add("daytwo_requests_total", (("path", path),))
                histogram = one.histogram("daytwo_request_seconds", (("path", path),), SECONDS)
                histogram.add(milliseconds / 1024)  # a sum of such numbers is exact
    summed = total({number: metrics.snapshot() for number, metrics in enumerate(each)})
    assert sorted(summed.told().splitlines()) == sorted(alone.told().splitlines())


def test_gauges_are_told_by_their_rule():
    each = {}
    for worker, (waiting, generation, failing) in enumerate(((3, 7, 0), (4, 6, 1))):
        metrics = Metrics()
        metrics.set("daytwo_shadow_queue_rows", waiting)
        metrics.set("daytwo_route_generation", generation)
        metrics.set("daytwo_journal_failing", failing)
        metrics.set("daytwo_resident_bytes", 100 + worker)
        each[worker] = metrics.snapshot()
    lines = total(each).told().decode().splitlines()
    for line in (
        "daytwo_shadow_queue_rows 7",
        "daytwo_route_generation 6",
        "daytwo_journal_failing 1",
        'daytwo_resident_bytes{worker="0"} 100',
        'daytwo_resident_bytes{worker="1"} 101',
    ):
        assert line in lines


def test_every_gauge_with_a_rule_is_a_gauge():
    assert {METRICS[name][0] for name in SUMMED | LEAST | BY_WORKER} == {"gauge"}
    assert not SUMMED & LEAST
    assert not BY_WORKER & (SUMMED | LEAST)


def test_whoever_takes_a_dead_workers_place_goes_on_from_what_was_told(tmp_path):
    before = Metrics()
    before.add("daytwo_labels_total", by=5)
    before.set("daytwo_connections", 9)
    before.histogram("daytwo_request_seconds", (), SECONDS).add(0.25)
    Account(tmp_path, 1, before).now()
    before.add("daytwo_labels_total", by=100)  # never told

    after = Metrics()
    account = Account(tmp_path, 1, after)
    after.add("daytwo_labels_total", by=2)
    after.histogram("daytwo_request_seconds", (), SECONDS).add(0.5)
    told = total({1: account.now()})
    assert told.total("daytwo_labels_total") == 7
    assert told.histogram("daytwo_request_seconds", (), SECONDS).count == 2
    assert told.histogram("daytwo_request_seconds", (), SECONDS).sum == 0.75
    assert told.total("daytwo_connections") == 0
    third = Account(tmp_path, 1, Metrics())
    assert total({1: third.now()}).total("daytwo_labels_total") == 7
    assert Account(tmp_path, 0, Metrics()).of(2) is None


def test_a_dead_workers_counts_stand_without_its_gauges(tmp_path):
    metrics = Metrics()
    metrics.add("daytwo_labels_total", by=5)
    metrics.set("daytwo_connections", 9)
    Account(tmp_path, 1, metrics).now()
    kept = Account(tmp_path, 0, Metrics()).of(1)
    assert "daytwo_connections" not in kept.values
    assert dict(kept.values["daytwo_labels_total"]) == {(): 5}
