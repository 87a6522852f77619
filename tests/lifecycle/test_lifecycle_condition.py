"""What is told of the champion's condition, from what is known of its windows."""

from datetime import UTC, datetime, timedelta

from daytwo.lifecycle.condition import degraded_words
from daytwo.lifecycle.windows import Span, WindowRecord

START = datetime(2013, 5, 1, tzinfo=UTC)


def record(index, watched=None, settled=None):
    span = Span(index, START + timedelta(days=index), START + timedelta(days=index + 1))
    return WindowRecord(span, watched, settled)


def test_the_newest_judged_window_of_the_champion_counts():
    worse = {"version": "a", "verdict": "worse", "findings": [{"summary": "ROC AUC fell"}]}
    fine = {"version": "a", "verdict": "ok", "findings": []}
    assert degraded_words((), "a") == ""
    assert degraded_words((record(0, fine), record(1, worse)), "a") == (
        "worse than usual in the window from 2013-05-02 00:00 on: ROC AUC fell"
    )
    assert degraded_words((record(0, worse), record(1, fine)), "a") == ""
    assert degraded_words((record(0, worse),), "b") == ""
    assert degraded_words((record(0, worse), record(1, {**fine, "version": "b"})), "a") != ""


def test_labels_have_the_last_word():
    worse = {"version": "a", "verdict": "worse", "findings": []}
    settled = {"champion_digest": "a", "verdict": "better", "findings": []}
    assert degraded_words((record(0, worse, settled),), "a") == ""
    assert "figures are worse" in degraded_words((record(0, worse),), "a")
