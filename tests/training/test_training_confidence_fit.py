"""How sure a score is said to be, and how often it is right; against SciPy and by simulation."""

import numpy as np
import pytest
from scipy.stats import beta

from daytwo.core.errors import DataError
from daytwo.core.schema import Task
from daytwo.scoring.confidence import Confidence
from daytwo.training.confidence_fit import fit_confidence


def test_the_interval_of_a_bin_is_jeffreys():
    scores = np.repeat([0.1, 0.9], 100)
    labels = np.concatenate([np.ones(7), np.zeros(93), np.ones(100)])
    found = fit_confidence(scores, labels, Task.BINARY)
    low, high = found.interval(0.1)
    assert (low, high) == pytest.approx(beta(7.5, 93.5).ppf([0.025, 0.975]))
    assert found.interval(0.9) == pytest.approx((0.9, 1.0))  # all came true: the score is at the edge
    assert found.rows == (100, 100)


def test_the_interval_of_a_probability_holds_the_true_share_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held, asked = 0, 0
    for _ in range(40):
        truth = rng.random(4000)
        found = fit_confidence(truth, (rng.random(4000) < truth).astype(float), Task.BINARY)
        ends = np.concatenate([[0.0], found.edges, [1.0]])
        middles = (ends[1:] + ends[:-1]) / 2
        intervals = [found.interval(one) for one in middles.tolist()]
        held += sum(low <= p <= high for p, (low, high) in zip(middles, intervals, strict=True))
        asked += len(middles)
    # 800 intervals of 95 %: a share below 92.5 % would come about once in a thousand times.
    assert held / asked > 0.925


def test_the_interval_of_a_value_holds_four_of_five_rows_whatever_their_noise():
    rng = np.random.default_rng(6)
    held, asked = 0, 0
    for _ in range(20):
        score = rng.random(2000) * 10
        # Noise that grows with the score, and leans to one side.
        truth = score + rng.gamma(2.0, 1.0, 2000) * score / 5
        found = fit_confidence(score[:1000], truth[:1000], Task.REGRESSION)
        ends = [found.interval(one) for one in score[1000:].tolist()]
        held += sum(low <= one <= high for one, (low, high) in zip(truth[1000:].tolist(), ends, strict=True))
        asked += 1000
    # Of 50 rows a bin 46 / 51 - 5 / 51 = 80.4 % lie within; the standard error of the 400 bins' mean is 0.4 %.
    assert 0.79 < held / asked < 0.82


def test_few_rows_have_one_wide_interval_and_a_word_of_doubt():
    found = fit_confidence(np.array([0.2, 0.4]), np.array([0.0, np.nan]), Task.BINARY)
    low, high = found.interval(0.2)
    assert low == 0.0
    assert high == pytest.approx(beta(0.5, 1.5).ppf(0.975))
    assert "only 1 rows like it" in found.words(0.4)


def test_it_comes_back_from_json_and_damage_is_told():
    found = fit_confidence(np.linspace(0, 1, 500), np.linspace(0, 1, 500).round(), Task.BINARY)
    assert Confidence.from_json(found.to_json()) == found
    with pytest.raises(DataError, match=r"confidence\.json is damaged"):
        Confidence.from_json(found.to_json().replace(b'"rows":[', b'"rows":[1,'))
