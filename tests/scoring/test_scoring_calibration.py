import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from daytwo.core.errors import DataError
from daytwo.scoring.calibration import (
    Calibration,
    fit_calibration,
    fit_isotonic,
    fit_sigmoid,
    pool_adjacent_violators,
)


def log_odds(p):
    return np.log(p) - np.log1p(-p)


def expit(z):
    return 1 / (1 + np.exp(-z))


def drawn(n, share, seed=0):
    """Scores, and labels whose true share at a score is `share(score)`."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.01, 0.99, n)
    return scores, (rng.random(n) < share(scores)).astype(float)


def test_pooling_equals_sklearns_isotonic_regression_ties_included():
    scores, labels = drawn(5000, lambda s: s**2)
    scores = scores.round(2)
    centres, shares, rows = pool_adjacent_violators(scores, labels)
    expected = IsotonicRegression().fit(scores, labels).predict(np.unique(scores))
    assert np.unique(expected) == pytest.approx(shares)
    assert rows.sum() == len(scores)
    assert (np.diff(centres) > 0).all()
    assert (np.diff(shares) > 0).all()


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_pooling_minimises_squared_error_as_sklearn_does(rows):
    scores, labels = np.array([s / 30 for s, _ in rows]), np.array([float(y) for _, y in rows])
    _, shares, weights = pool_adjacent_violators(scores, labels)
    expected = IsotonicRegression().fit(scores, labels).predict(scores)
    fitted = np.repeat(shares, weights.astype(int))
    assert np.sort(expected) == pytest.approx(fitted, abs=1e-6)


def test_the_sigmoid_equals_a_logistic_regression_on_platts_targets():
    scores, labels = drawn(3000, lambda s: expit(0.6 * log_odds(s) - 0.7))
    fitted = fit_sigmoid(scores, labels)
    positives, negatives = labels.sum(), (1 - labels).sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    z = log_odds(scores)[:, None]
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.concatenate([z, z]), np.repeat([1, 0], len(z)), sample_weight=np.concatenate([target, 1 - target])
    )
    assert fitted.slope == pytest.approx(model.coef_[0, 0], abs=1e-5)
    assert fitted.intercept == pytest.approx(model.intercept_[0], abs=1e-5)


@pytest.mark.parametrize(
    ("share", "methods"),
    [
        (lambda s: s, {"identity", "sigmoid"}),
        (lambda s: expit(0.5 * log_odds(s) - 1), {"sigmoid"}),
        (lambda s: 0.1 + 0.5 * (s > 0.3) + 0.3 * (s > 0.8), {"isotonic"}),
    ],
)
def test_the_best_way_is_chosen_and_lowers_the_loss_on_new_rows(share, methods):
    chosen = fit_calibration(*drawn(20_000, share))
    assert chosen.method in methods
    scores, labels = drawn(20_000, share, seed=1)
    assert log_loss(labels, chosen.many(scores)) <= log_loss(labels, scores) + 1e-4


def test_calibrated_probabilities_equal_the_frequencies_of_new_rows():
    chosen = fit_calibration(*drawn(50_000, lambda s: s**2))
    scores, labels = drawn(50_000, lambda s: s**2, seed=1)
    p = chosen.many(scores)
    for low in np.arange(0, 1, 0.1):
        inside = (p >= low) & (p < low + 0.1)
        deviation = (labels[inside] - p[inside]).sum() / np.sqrt((p[inside] * (1 - p[inside])).sum())
        assert abs(deviation) < 4


CALIBRATIONS = [
    Calibration(),
    Calibration("sigmoid", slope=1.3, intercept=-0.4),
    fit_isotonic(*drawn(3000, lambda s: s**2)),
    Calibration("isotonic", scores=(0.5,), shares=(0.25,)),
]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_one_row_and_many_agree_to_the_last_bit_and_never_fall(scores):
    for calibration in CALIBRATIONS:
        at = np.sort(np.array([*scores, *calibration.scores[:50]]))
        many = calibration.many(at)
        assert [calibration.one(float(score)) for score in at] == many.tolist()
        assert (np.diff(many) >= 0).all()
        assert ((many >= 0) & (many <= 1)).all()


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_json_keeps_every_bit(calibration):
    assert Calibration.from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_a_missing_score_stays_missing(calibration):
    assert np.isnan(calibration.one(np.nan))
    assert np.isnan(calibration.many([np.nan])).all()


def test_different_scores_mostly_stay_different():
    scores, labels = drawn(5000, lambda s: s**2)
    calibrated = fit_isotonic(scores, labels).many(np.unique(scores))
    assert len(np.unique(calibrated)) > 0.95 * len(np.unique(scores))


def test_a_step_of_one_class_only_keeps_the_loss_finite():
    fitted = fit_isotonic(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert 0 < min(fitted.shares) < max(fitted.shares) < 1


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ([0.3] * 1000, [0] * 1000),
        ([0.3] * 1000, [1] * 1000),
        ([0.3] * 1000, [0, 1] * 500),
        ([0.0, 1.0] * 500, [0, 1] * 500),
        (np.linspace(0, 1, 1000), [1] * 500 + [0] * 500),
        (np.linspace(0, 1, 1000), [0] * 900 + [1] * 100),
    ],
)
def test_degenerate_rows_give_a_calibration_that_never_falls(scores, labels):
    calibrated = fit_calibration(scores, labels).many(np.linspace(0, 1, 50))
    assert (np.diff(calibrated) >= 0).all()
    assert np.isfinite(calibrated).all()


def test_a_sigmoid_that_would_turn_the_order_round_is_not_used():
    scores, labels = drawn(2000, lambda s: 1 - s)
    assert fit_sigmoid(scores, labels) == Calibration()


def test_wrong_input_is_a_bug_of_the_caller():
    with pytest.raises(ValueError, match="0 or 1"):
        fit_calibration([0.1, 0.2], [0, 2])
    with pytest.raises(ValueError, match="one length"):
        fit_calibration([0.1, 0.2], [0])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"method": "magic"}',
        b'{"method": "isotonic"}',
        b'{"method": "isotonic", "scores": [0.2, 0.1], "shares": [0.1, 0.2]}',
        b'{"method": "sigmoid", "slope": -1}',
    ],
)
def test_damaged_json_is_refused(text):
    with pytest.raises(DataError, match="no calibration"):
        Calibration.from_json(text)


def test_later_rows_choose_the_calibration_where_they_are_given():
    chance = np.random.default_rng(5)
    scores = chance.random(20_000)
    passing = (chance.random(20_000) < scores**2).astype(float)
    after = chance.random(20_000)
    truth = (chance.random(20_000) < after).astype(float)
    assert fit_calibration(scores, passing).method != "identity"
    assert fit_calibration(scores, passing, later=(after, truth)).method == "identity"
    again = (chance.random(20_000) < after**2).astype(float)
    chosen = fit_calibration(scores, passing, later=(after, again))
    assert np.abs(chosen.many([0.2, 0.5, 0.8]) - [0.04, 0.25, 0.64]).max() < 0.03


@pytest.mark.parametrize("ratio", [0.2, 7.0])
def test_a_known_shift_is_taken_back_exactly_where_rows_are_too_few_and_nearly_where_they_tell(ratio):
    scores, labels = drawn(20_000, lambda s: s)
    shifted = expit(log_odds(scores) + np.log(ratio))
    few = fit_calibration(shifted[:30], labels[:30], shift=np.log(ratio))
    assert few.many(shifted) == pytest.approx(scores, abs=1e-12)
    many = fit_calibration(shifted, labels, shift=np.log(ratio))
    assert np.abs(many.many(shifted) - scores).max() < 0.02
    turned = fit_sigmoid(shifted, 1 - labels, shift=np.log(ratio))
    assert turned.many(shifted) == pytest.approx(scores, abs=1e-12)
