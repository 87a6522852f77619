import time

import pytest

from daytwo.capacity.latency import measure_latency


def test_every_row_is_called_in_turn_after_the_first_tenth_as_a_warm_up():
    seen = []
    assert measure_latency(seen.append, 200).calls == 200
    assert seen == [*range(20), *range(200)]


def test_percentiles_are_in_order_and_microseconds():
    latency = measure_latency(lambda _: sum(range(1000)), 300)
    assert 0 < latency.p50_us <= latency.p99_us < 1e6
    assert latency.cpu_us > 0


def test_waiting_costs_wall_time_and_hardly_any_processor_time(monkeypatch):
    now = iter(range(0, 10**12, 5_000))
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(now))
    monkeypatch.setattr(time, "thread_time_ns", iter([0, 300_000]).__next__)
    latency = measure_latency(lambda _: None, 300)
    assert (latency.p50_us, latency.p99_us, latency.cpu_us) == (5.0, 5.0, 1.0)


def test_too_few_calls_are_refused():
    with pytest.raises(ValueError, match="100 or more"):
        measure_latency(lambda _: None, 99)
