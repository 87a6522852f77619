"""estimate(): performance without labels on anybody's frames, against worlds whose truth is known."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from daytwo.core.errors import DataError
from daytwo.monitoring import estimate
from daytwo.monitoring.estimating.calibrating_fit import fit_isotonic, fit_steps

FEATURES = ["a", "b", "kind"]


def world(n, seed, *, shift=0.0, score="probability"):
    """Rows whose label depends on all features, and a score that knows only one of them."""
    rng = np.random.default_rng(seed)
    a, b, kind = rng.normal(shift, 1, n), rng.normal(size=n), rng.choice(["x", "y"], n)
    truth = 1 / (1 + np.exp(-(1.2 * a + b * (kind == "x") - 0.5)))
    margin = 2.5 * a - 1.0 + rng.normal(0, 0.3, n)  # far too sure of itself
    scores = margin if score == "margin" else 1 / (1 + np.exp(-margin))
    frame = pl.DataFrame({"a": a, "b": b, "kind": kind, "score": scores, "label": (rng.random(n) < truth).astype(int)})
    return frame, truth


@pytest.fixture(scope="module")
def reference():
    return world(8_000, 1)[0]


def expected(truth, decisions):
    """The expected accuracy and F1 of decisions, when P(label = 1) is known."""
    right = np.where(decisions, truth, 1 - truth).mean()
    return right, 2 * truth[decisions].sum() / (truth.sum() + decisions.sum())


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_estimates_come_to_what_the_true_probabilities_say(reference, shift):
    window, truth = world(20_000, 2, shift=shift)
    found = estimate(reference, window.drop("label"), features=FEATURES)
    accuracy, f1 = expected(truth, window["score"].to_numpy() >= 0.5)
    auc = roc_auc_score(window["label"], window["score"])
    assert found["accuracy"].value == pytest.approx(accuracy, abs=0.012)
    assert found["f1"].value == pytest.approx(f1, abs=0.02)
    assert found["roc_auc"].value == pytest.approx(auc, abs=0.02)
    for one in found.values():
        assert 0 <= one.low < one.value < one.high <= 1
        assert "boosted CBPE" in one.method


def test_intervals_hold_the_realised_figures_of_later_windows(reference):
    held = asked = 0
    for seed in range(10, 40):
        window, _ = world(1_000, seed)
        y, s = window["label"].to_numpy(), window["score"].to_numpy()
        found = estimate(reference, window, features=FEATURES)
        known = {"roc_auc": roc_auc_score(y, s), "accuracy": accuracy_score(y, s >= 0.5), "f1": f1_score(y, s >= 0.5)}
        held += sum(found[name].low <= value <= found[name].high for name, value in known.items())
        asked += 3
    assert held / asked > 0.85


def test_margins_are_as_good_as_probabilities_once_a_threshold_is_said():
    past, window = world(8_000, 1, score="margin")[0], world(20_000, 2, score="margin")
    found = estimate(past, window[0], features=FEATURES, threshold=0.0)
    accuracy, _ = expected(window[1], window[0]["score"].to_numpy() >= 0)
    assert found["accuracy"].value == pytest.approx(accuracy, abs=0.012)
    assert set(estimate(past, window[0], features=FEATURES, metrics=["roc_auc"])) == {"roc_auc"}
    with pytest.raises(DataError, match="no probabilities"):
        estimate(past, window[0], features=FEATURES)
    with pytest.raises(DataError, match="no probabilities"):
        estimate(past, window[0], features=FEATURES, metrics=["brier"])


def test_a_value_is_estimated_by_its_error():
    rng = np.random.default_rng(3)

    def rows(n):
        x = rng.random(n)
        return pl.DataFrame({"x": x, "score": 5 * x, "label": 5 * x + rng.normal(0, 0.5 + 2 * x, n)})

    past, window = rows(6_000), rows(4_000).filter(pl.col("x") > 0.5)
    found = estimate(past, window.drop("label"), features=["x"])
    truth = float((window["label"] - window["score"]).abs().mean())
    assert set(found) == {"mae", "rmse"}
    assert found["mae"].value == pytest.approx(truth, rel=0.08)
    assert found["mae"].method == "DLE"


def test_frames_of_any_library_give_the_same(reference):
    window = world(500, 5)[0].drop("label")
    here = estimate(reference, window, features=FEATURES)
    there = estimate(
        pd.DataFrame(reference.to_dict(as_series=False)),
        pd.DataFrame(window.to_dict(as_series=False)),
        features=FEATURES,
    )
    assert here == there


def test_a_changed_reference_is_learnt_from_anew():
    frame = pd.DataFrame(world(2_000, 1)[0].to_dict(as_series=False))
    window = world(500, 5)[0]
    before = estimate(frame, window, features=FEATURES)
    assert estimate(frame, window, features=FEATURES) == before
    frame["label"] = 1 - frame["label"]
    assert estimate(frame, window, features=FEATURES)["roc_auc"].value < 0.5 < before["roc_auc"].value


def test_one_row_and_missing_scores_are_no_reason_to_fail(reference):
    window = world(3, 5)[0]
    assert estimate(reference, window.head(1), features=FEATURES, metrics=["accuracy"])["accuracy"].low < 0.3
    gone = window.with_columns(score=pl.Series([None, 0.5, None], dtype=pl.Float64), a=None)
    assert 0 <= estimate(reference, gone, features=FEATURES, metrics=["accuracy"])["accuracy"].value <= 1
    constant = world(300, 6)[0].with_columns(score=pl.lit(0.7))
    found = estimate(reference, constant, features=FEATURES)
    assert found["roc_auc"].value == pytest.approx(0.5)
    with pytest.raises(DataError, match="precision cannot be said of 300 rows"):
        estimate(reference, constant, features=FEATURES, metrics=["recall", "precision"], threshold=0.9)


@pytest.mark.parametrize(
    ("past", "window", "how", "match"),
    [
        (lambda f: f, lambda f: f.with_columns(score=pl.lit(None, pl.Float64)), {}, "no row with a score"),
        (lambda f: f.head(5), lambda f: f, {}, "has 5 rows"),
        (lambda f: f.with_columns(label=pl.lit(0)), lambda f: f, {}, "only 0 of the reference's"),
        (lambda f: f.drop("label"), lambda f: f, {}, "there is no column label"),
        (lambda f: f.with_columns(label=pl.lit("yes")), lambda f: f, {}, "the reference's label"),
        (lambda f: f, lambda f: f, {"metrics": ["mae"]}, "mae cannot be estimated here"),
        (lambda f: f, lambda f: f, {"metrics": []}, "no metric was asked for"),
        (lambda f: f, lambda f: f.drop("score"), {}, "there is no column score"),
    ],
)
def test_mistakes_are_told(reference, past, window, how, match):
    with pytest.raises(DataError, match=match):
        estimate(past(reference.head(1_500)), window(reference.head(100)), features=FEATURES, **how)


def test_steps_are_isotonic_regression_drawn_through_the_middle_of_its_levels():
    rng = np.random.default_rng(8)
    s = rng.random(3_000)
    y = (rng.random(3_000) < s**2).astype(float)
    ours = fit_steps(s, y).many(s)
    theirs = IsotonicRegression().fit(s, y).predict(s)
    assert np.abs(ours - theirs).mean() < 0.02
    assert (np.diff(ours[np.argsort(s)]) >= 0).all()


def test_the_isotonic_map_is_that_of_scikit_learn():
    rng = np.random.default_rng(9)
    s = np.round(rng.random(2_000), 3)
    y = (rng.random(2_000) < s**2).astype(float)
    asked = np.linspace(-0.1, 1.1, 500)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(s, y).predict(asked)
    assert fit_isotonic(s, y).many(asked) == pytest.approx(theirs, abs=2e-6)
