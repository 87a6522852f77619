"""Windows of the past: nothing after a window is ever learned, and figures are those of the plain way."""

from datetime import timedelta

import numpy as np
import pytest

from daytwo.core.errors import DataError
from daytwo.core.schema import Task
from daytwo.training.backtest import Rival, backtest
from daytwo.training.challenger import train_challenger

WEEK, DAY = timedelta(days=7), timedelta(days=1)


def test_each_window_is_predicted_from_rows_whose_labels_were_known_before_it(made, settings_of):
    past = backtest(made, settings_of(), windows=3, length=WEEK, delay=2 * DAY)
    assert [one.end - one.start for one in past.windows] == [np.timedelta64(WEEK)] * 3
    assert [a.end == b.start for a, b in zip(past.windows, past.windows[1:], strict=False)] == [True, True]
    for one in past.windows:
        assert one.start - one.known == np.timedelta64(2 * DAY)
        assert one.learned == (made.times < one.known).sum()
        assert one.evaluation.rows == ((made.times >= one.start) & (made.times < one.end)).sum()
    assert made.times[-1] < past.windows[-1].end
    assert past.together.evaluation.rows == sum(one.evaluation.rows for one in past.windows)


def test_figures_are_those_of_a_model_trained_by_hand(made, settings_of):
    (only,) = backtest(made, settings_of(), windows=1, length=WEEK, delay=DAY).windows
    model = train_challenger(made.take(made.times < only.known), settings_of(), seed=settings_of().seed)
    rows = made.take(made.times >= only.start)
    scores = model.score_many(rows.matrix)
    ones, zeros = scores[rows.labels == 1], scores[rows.labels == 0]
    wins = (ones[:, None] > zeros).mean() + 0.5 * (ones[:, None] == zeros).mean()
    assert only.evaluation.figures["roc_auc"].value == pytest.approx(wins)
    figure = only.evaluation.figures["brier"]
    assert figure.value == pytest.approx(np.mean((scores - rows.labels) ** 2))
    assert figure.low < figure.value < figure.high
    assert only.evaluation.trivial_answer == pytest.approx(made.labels[made.times < only.known].mean())


def test_labels_of_the_window_and_after_change_no_score(made, settings_of):
    def older(data):
        return backtest(data, settings_of(), windows=2, length=WEEK, delay=DAY).windows[0]

    turned = made.take(np.arange(made.rows))  # a copy: the rows belong to every test
    late = turned.times >= older(made).end
    turned.labels[late] = 1 - turned.labels[late]
    assert older(turned) == older(made)


def test_a_version_is_compared_only_where_it_has_not_seen_the_rows(made, settings_of):
    windows = backtest(made, settings_of(), windows=3, length=WEEK, delay=DAY).windows
    rival = Rival(lambda matrix: np.full(len(matrix), 0.5), seen=windows[1].start)
    past = backtest(made, settings_of(), windows=3, length=WEEK, delay=DAY, rival=rival)
    assert [one.rival is None for one in past.windows] == [True, True, False]
    assert past.windows[2].loss.high < 0, "a fresh model is better than a coin"
    assert past.together.rival.rows == past.windows[2].evaluation.rows


def test_a_version_that_says_not_what_it_has_seen_is_compared_nowhere(made, settings_of):
    rival = Rival(lambda matrix: np.full(len(matrix), 0.5), seen=None)
    past = backtest(made, settings_of(), windows=1, length=WEEK, delay=DAY, rival=rival)
    assert past.together.rival is None


def test_numbers_are_predicted_too(data_of, settings_of):
    data = data_of(task=Task.REGRESSION)
    past = backtest(data, settings_of(Task.REGRESSION), windows=2, length=WEEK, delay=DAY)
    assert past.together.evaluation.figures["mae"].value < past.together.evaluation.trivial["mae"]


def test_windows_without_a_past_are_left_out_with_the_reason(made, settings_of):
    past = backtest(made, settings_of(), windows=12, length=WEEK, delay=DAY)
    assert len(past.windows) + len(past.left_out) == 12
    assert all("labelled" in words for words in past.left_out)
    with pytest.raises(DataError, match="none of the last 1 windows"):
        backtest(made, settings_of(), windows=1, length=timedelta(days=100), delay=DAY)


def test_rows_without_a_time_are_refused(data_of, settings_of):
    with pytest.raises(DataError, match="bear no time"):
        backtest(data_of(timed=False), settings_of(), windows=1, length=WEEK, delay=DAY)
