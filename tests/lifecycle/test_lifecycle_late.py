"""Kept windows become evidence on the estimates: only of the same version, only what came before."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from daytwo.lifecycle.late import biases, figures_of, inputs_alone
from daytwo.lifecycle.windows import Span, WindowRecord

BEGIN, WEEK = datetime(2013, 4, 1, tzinfo=UTC), timedelta(days=7)


def figure(value, error=0.01):
    return {
        "value": value,
        "low": value - 2 * error,
        "high": value + 2 * error,
        "method": "CBPE",
        "standard_error": error,
        "maturity": None,
    }


def record(index, *, version="a", settled_by="a", truth=0.7, money=80.0, labelled=100):
    span = Span(index, BEGIN + index * WEEK, BEGIN + (index + 1) * WEEK)
    watched = {
        "version": version,
        "rows": 200,
        "estimated": {"roc_auc": figure(0.9), "money": figure(400.0, 20.0)},
        "uncorrected": {"roc_auc": figure(0.8), "money": figure(400.0, 20.0)},
    }
    settled = {
        "champion_digest": settled_by,
        "labelled": labelled,
        "champion": {"roc_auc": figure(truth, 0.02), "money": figure(money, 15.0)},
    }
    return WindowRecord(span, watched, settled)


def test_the_bias_is_realised_less_what_inputs_alone_let_expect():
    found = biases([record(i) for i in range(4)], version="a", window=5)
    assert found["roc_auc"].value == pytest.approx(-0.1, abs=0.005)
    assert (found["roc_auc"].windows, found["roc_auc"].labels_until) == (4, 3)
    assert found["roc_auc"].applies


def test_money_is_weighed_per_row_and_the_less_sure_side_counts():
    found = biases([record(i) for i in range(4)], version="a", window=5)
    assert found["money"].value == pytest.approx(80 / 100 - 400 / 200, abs=0.05)
    more = biases([record(i, labelled=200, money=160.0) for i in range(4)], version="a", window=5)
    assert more["money"].standard_error < found["money"].standard_error


def test_other_versions_later_windows_and_unlabelled_ones_are_no_evidence():
    others = [
        record(0, version="b"),
        record(1, settled_by="b"),
        record(7),
        WindowRecord(record(2).span, record(2).watched, None),
        WindowRecord(record(3).span, None, record(3).settled),
    ]
    assert biases(others, version="a", window=5) == {}


def test_a_record_of_before_corrections_is_read_as_it_stands():
    assert inputs_alone({"estimated": {"roc_auc": figure(0.9)}})["roc_auc"].value == 0.9
    assert inputs_alone(record(0).watched)["roc_auc"].value == 0.8
    assert inputs_alone(None) == {}


def test_an_interval_without_an_end_is_read_as_open():
    assert figures_of({"mae": figure(1.0) | {"high": None}})["mae"].high == math.inf
