import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from daytwo.core.errors import DataError
from daytwo.core.schema import Task
from daytwo.training.challenger import train_challenger


def test_a_challenger_learns_and_its_probabilities_mean_what_they_say(made, data_of, settings_of):
    later = data_of(4_000, seed=5)
    model = train_challenger(made, settings_of(), seed=1)
    p = model.score_many(later.matrix)
    assert roc_auc_score(later.labels, p) > 0.8
    assert abs(p.mean() - later.labels.mean()) < 0.03


def test_it_is_the_same_for_any_number_of_threads_and_another_for_another_seed(made, settings_of):
    one, two, other = (
        train_challenger(made, settings_of(), seed=seed, threads=threads) for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    assert (one.text, one.calibration) == (two.text, two.calibration)
    assert one.text != other.text


def test_a_regression_is_left_uncalibrated(data_of, settings_of):
    data = data_of(2_000, task=Task.REGRESSION)
    model = train_challenger(data, settings_of(Task.REGRESSION), seed=1)
    assert model.calibration.method == "identity"
    assert np.corrcoef(model.score_many(data.matrix), data.labels)[0, 1] > 0.9


def test_too_few_rows_are_refused(made, settings_of):
    with pytest.raises(DataError, match="199 labelled rows"):
        train_challenger(made.take(slice(0, 199)), settings_of(), seed=1)
