from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.metrics import METRICS, SCORES, Histogram, Metrics, resident_bytes

_LINE = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? [-+0-9.e]+')


def test_counters_gauges_and_histograms_are_told_in_prometheus_text():
    metrics = Metrics()
    metrics.add("daytwo_labels_total", by=3)
    metrics.add("daytwo_labels_total")
    metrics.set("daytwo_version_info", 1, (("role", 'a"b\\c\nd'),))
    for value in (0.0, 0.05, 0.051, 0.99, 1.0):
        metrics.histogram("daytwo_score", (("version", "v"),), SCORES).add(value)
    lines = metrics.text().decode().splitlines()
    assert "daytwo_labels_total 4" in lines
    assert r'daytwo_version_info{role="a\"b\\c\nd"} 1' in lines
    assert 'daytwo_score_bucket{version="v",le="0.05"} 2' in lines
    assert 'daytwo_score_bucket{version="v",le="0.1"} 3' in lines
    assert 'daytwo_score_bucket{version="v",le="0.95"} 3' in lines
    assert 'daytwo_score_bucket{version="v",le="+Inf"} 5' in lines
    assert 'daytwo_score_count{version="v"} 5' in lines
    for line in lines:
        assert line.startswith(("# HELP daytwo_", "# TYPE daytwo_")) or _LINE.fullmatch(line), line


def test_a_cleared_gauge_is_told_no_more():
    metrics = Metrics()
    metrics.set("daytwo_version_info", 1, (("role", "canary"),))
    metrics.clear("daytwo_version_info")
    assert b"daytwo_version_info" not in metrics.text()


def test_the_process_tells_its_own_cost():
    text = Metrics().text()
    assert b"daytwo_cpu_seconds_total" in text
    assert resident_bytes() >= 0


def test_a_running_server_tells_only_metrics_of_the_table(shared):
    shared.predict([{"wind": 1}])
    told = {line.split()[2] for line in shared.metrics().splitlines() if line.startswith("# TYPE")}
    assert told <= set(METRICS)
    assert {"daytwo_requests_total", "daytwo_predictions_total", "daytwo_breaches_total"} <= told


@given(st.lists(st.floats(-1, 2) | st.sampled_from(SCORES), max_size=200))
def test_many_values_are_counted_as_one_after_the_other(values):
    one, many = Histogram(SCORES), Histogram(SCORES)
    for value in values:
        one.add(value)
    many.add_many(values)
    assert (many.counts, many.count) == (one.counts, one.count)
    assert many.sum == pytest.approx(one.sum, rel=1e-12, abs=1e-12)
