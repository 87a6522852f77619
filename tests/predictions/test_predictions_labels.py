from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.predictions.labels import join_labels, maturity

DAY = datetime(2013, 4, 1, tzinfo=UTC)
LABELS = {
    "_prediction": pl.String,
    "_key": pl.String,
    "label": pl.Float64,
    "observed_at": pl.Datetime("us", "UTC"),
    "received_at": pl.Datetime("us", "UTC"),
}


def _predictions(*rows):
    return pl.DataFrame(list(rows), schema={"_id": pl.String, "_key": pl.String}, orient="row")


def _labels(*rows):
    """Make labels of (prediction, key, label, day observed, day received)."""
    days = [(p, k, y, DAY + timedelta(days=seen), DAY + timedelta(days=got)) for p, k, y, seen, got in rows]
    return pl.DataFrame(days, schema=LABELS, orient="row")


def test_a_label_finds_its_prediction_by_id_or_by_key():
    joined = join_labels(
        _predictions(("a", "k1"), ("b", "k2"), ("c", None)), _labels(("a", None, 1.0, 2, 2), (None, "k2", 0.0, 2, 2))
    )
    assert joined["label"].to_list() == [1.0, 0.0, None]
    assert maturity(joined) == pytest.approx(2 / 3)


def test_the_latest_received_label_counts():
    labels = _labels((None, "k", 1.0, 2, 5), (None, "k", 0.0, 3, 4), ("b", None, 1.0, 1, 1), ("b", None, 0.0, 1, 1))
    joined = join_labels(_predictions(("a", "k"), ("b", "z")), labels)
    assert joined["label"].to_list() == [1.0, 0.0]


def test_a_label_of_the_prediction_itself_goes_before_one_by_key_with_its_own_moment():
    joined = join_labels(_predictions(("a", "k")), _labels(("a", None, 1.0, 2, 2), (None, "k", 0.0, 9, 9)))
    assert joined["label"].to_list() == [1.0]
    assert joined["observed_at"].to_list() == [DAY + timedelta(days=2)]


def test_every_prediction_with_a_key_gets_its_label():
    joined = join_labels(_predictions(("a", "k"), ("b", "k")), _labels((None, "k", 1.0, 2, 2)))
    assert joined["label"].to_list() == [1.0, 1.0]


def test_what_was_observed_later_is_not_known_yet():
    labels = _labels((None, "k", 1.0, 2, 9), (None, "k", 0.0, 5, 9))
    joined = join_labels(_predictions(("a", "k")), labels, as_of=DAY + timedelta(days=3))
    assert joined["label"].to_list() == [1.0]


@pytest.mark.parametrize("labels", [pl.DataFrame(), pl.DataFrame(schema=LABELS)])
def test_without_labels_every_row_waits(labels):
    joined = join_labels(_predictions(("a", "k")), labels)
    assert joined["label"].to_list() == [None]
    assert maturity(joined) == 0.0
    assert math.isnan(maturity(join_labels(_predictions(), labels)))


_ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["k", "l", None])), max_size=6)
_MARKS = st.lists(
    st.tuples(
        st.sampled_from([("a", None), ("b", None), (None, "k"), (None, "l")]), st.integers(0, 9), st.integers(0, 3)
    ),
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(_ROWS, _MARKS)
def test_the_join_agrees_with_a_plain_loop_and_keeps_every_row(rows, marks):
    labels = _labels(*((p, k, float(y), got, got) for (p, k), y, got in marks))
    expected = []
    for identity, key in rows:
        own = [(got, n, y) for n, ((p, _), y, got) in enumerate(marks) if p == identity]
        by_key = [(got, n, y) for n, ((_, k), y, got) in enumerate(marks) if k is not None and k == key]
        chosen = own or by_key
        expected.append(float(max(chosen)[2]) if chosen else None)
    joined = join_labels(_predictions(*rows), labels)
    assert joined["label"].to_list() == expected
    assert joined["_id"].to_list() == [identity for identity, _ in rows]
