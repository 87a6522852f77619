"""estimate() of several classes, against a world whose probabilities are known and the metrics of scikit-learn."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from daytwo.core.errors import DataError
from daytwo.monitoring import estimate

SCORES = {"red": "p_red", "green": "p_green", "blue": "p_blue"}
METRICS = ("accuracy", "roc_auc", "f1", "precision", "recall")


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def world(n, seed, shift=0.0):
    """Labels that hang on three columns; scores that know two of them, and are too sure."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(shift, 1, n), rng.normal(size=n), rng.normal(shift, 1, n)
    truth = softmax(np.column_stack([1.2 * a, b + 0.8 * c, np.full(n, 0.3)]))
    label = (rng.random(n)[:, None] > np.cumsum(truth, axis=1)).sum(axis=1).clip(0, 2)
    said = softmax(2 * np.column_stack([1.2 * a, b, np.zeros(n)]))
    frame = {"a": a, "b": b, "c": c, "label": np.array(list(SCORES))[label]}
    return pl.DataFrame(frame | {name: said[:, k] for k, name in enumerate(SCORES.values())})


def known(frame):
    y, s = frame["label"].to_numpy(), frame.select(SCORES.values()).to_numpy()
    d = np.array(list(SCORES))[s.argmax(axis=1)]
    auc = np.mean([roc_auc_score(y == name, s[:, k]) for k, name in enumerate(SCORES)])
    macro = {"average": "macro", "zero_division": 0.0}
    scores = (f1_score(y, d, **macro), precision_score(y, d, **macro), recall_score(y, d, **macro))
    return dict(zip(METRICS, (accuracy_score(y, d), auc, *scores), strict=True))


@pytest.fixture(scope="module")
def reference():
    return world(6_000, 1)


def test_estimates_come_to_what_labels_show(reference):
    window = world(20_000, 2)
    found = estimate(reference, window.drop("label"), features=["a", "b", "c"], score=SCORES, metrics=METRICS)
    for name, value in known(window).items():
        assert found[name].value == pytest.approx(value, abs=0.015), name
        assert found[name].method.endswith("one class against the rest")


def test_what_the_scores_do_not_know_is_known_from_the_features(reference):
    window = world(20_000, 2, shift=0.8)
    truth = known(window)["accuracy"]
    ours = estimate(reference, window, features=["a", "b", "c"], score=SCORES)["accuracy"].value
    scores_only = estimate(reference, window, features=["a"], score=SCORES)["accuracy"].value
    assert abs(ours - truth) < 0.03
    assert abs(ours - truth) < 0.8 * abs(scores_only - truth)


def test_intervals_hold_what_labels_show(reference):
    held = []
    for seed in range(20, 40):
        window = world(500, seed)
        found = estimate(reference, window, features=["a", "b", "c"], score=SCORES, metrics=METRICS)
        held += [found[name].low <= value <= found[name].high for name, value in known(window).items()]
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"score": {"red": "p_red", "green": "p_green"}}, "label blue, which has no score"),
        ({"score": {"red": "p_red"}}, "one class is no choice"),
        ({"score": SCORES | {"black": "p_red"}}, "only 0 rows of the reference are black"),
        ({"metrics": ["brier"]}, "brier cannot be estimated of several classes"),
        ({"metrics": []}, "no metric was asked for"),
        ({"threshold": 0.5}, "no threshold"),
        ({"label": "colour"}, "there is no column colour"),
    ],
)
def test_mistakes_are_told(reference, how, match):
    with pytest.raises(DataError, match=match):
        estimate(reference.head(1_500), reference.head(50), **({"features": ["a"], "score": SCORES} | how))


def test_a_window_without_scores_or_without_a_class_is_told(reference):
    past, window = reference.head(1_500), reference.head(40)
    gone = window.with_columns(p_red=pl.lit(None, pl.Float64))
    with pytest.raises(DataError, match="no row with all scores"):
        estimate(past, gone, features=["a"], score=SCORES)
    never = window.with_columns(p_blue=pl.lit(-1.0))
    with pytest.raises(DataError, match="none was decided for"):
        estimate(past, never, features=["a"], score=SCORES, metrics=["precision"])
