"""Fairness: known differences are found, chance is not, and what cannot be judged is not passed."""

import json

import numpy as np
import pytest

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.gate_fairness import Outcomes, fairness_gate, groups_by
from daytwo.lifecycle.gating.sequential import cluster_means, confidence_sequence

DAYS, PER_DAY = 30, 200


def made_up(seed, *, rate=0.0, missed=0.0, vain=0.0, shared=0.0):
    """Rows of two groups: faults make the first one's figures higher; days move all by `shared`."""
    rng = np.random.default_rng(seed)
    n = DAYS * PER_DAY
    day = np.repeat(np.arange(DAYS), PER_DAY)
    first = rng.random(n) < 0.4
    came = rng.random(n) < 0.3
    chance = np.where(came, 0.6 - missed * first, 0.2 + vain * first) + rate * first
    chance = chance + np.repeat(rng.normal(0, shared, DAYS), PER_DAY)
    done = (rng.random(n) < chance).astype(float)
    return Outcomes(done, came.astype(float), day, Task.BINARY), {"sex=f": first, "sex=m": ~first}


def figures(result):
    return {(gap["group"], gap["figure"]): gap for gap in result.evidence["gaps"]}


def test_the_differences_are_what_an_independent_count_says():
    outcomes, groups = made_up(1, rate=0.2)
    gaps = figures(fairness_gate(outcomes, groups, max_gap=0.1))
    first, came, done = groups["sex=f"], outcomes.labels == 1, outcomes.done
    for figure, rows, values in (
        ("acted on", np.ones_like(came), done),
        ("missed", came, 1 - done),
        ("acted on in vain", ~came, done),
    ):
        difference = values[first & rows].mean() - values[~first & rows].mean()
        assert gaps["sex=f", figure]["difference"] == pytest.approx(difference, abs=1e-12)
        assert gaps["sex=m", figure]["difference"] == pytest.approx(-difference, abs=1e-12)
        assert gaps["sex=f", figure]["low"] < difference < gaps["sex=f", figure]["high"]


def test_the_interval_of_a_rate_is_as_wide_as_the_bootstrap_over_days_says():
    outcomes, groups = made_up(2, rate=0.1, shared=0.05)
    first, done, day = groups["sex=f"], outcomes.done, outcomes.clusters
    rng = np.random.default_rng(3)
    sums = np.array([[done[(day == d) & g].sum() for d in range(DAYS)] for g in (first, ~first)])
    sizes = np.array([[((day == d) & g).sum() for d in range(DAYS)] for g in (first, ~first)])
    picks = rng.integers(0, DAYS, (2_000, DAYS))
    drawn = sums[0][picks].sum(1) / sizes[0][picks].sum(1) - sums[1][picks].sum(1) / sizes[1][picks].sum(1)
    share, inside, outside = first.mean(), done[first].mean(), done[~first].mean()
    influence = np.where(first, (done - inside) / share, -(done - outside) / (1 - share))
    spread = cluster_means(influence, day).std(ddof=1) / np.sqrt(DAYS)
    assert spread == pytest.approx(drawn.std(), rel=0.1)
    assert confidence_sequence(cluster_means(influence, day)).high > 1.96 * drawn.std()  # holds at every look


@pytest.mark.parametrize("fault", ["rate", "missed", "vain"])
def test_a_known_fault_is_refused_and_named(fault):
    outcomes, groups = made_up(4, **{fault: 0.3})
    refused = fairness_gate(outcomes, groups, max_gap=0.1)
    assert not refused.passed
    assert {"rate": "acted on", "missed": "missed", "vain": "acted on in vain"}[fault] in refused.words
    assert "(bearable: 10.0%)" in refused.words
    assert fairness_gate(outcomes, groups, max_gap=0.5).passed


def test_equal_treatment_passes_at_the_stated_rate_even_where_days_move():
    passed = [fairness_gate(*made_up(seed, shared=0.1), max_gap=1e-9).passed for seed in range(200)]
    assert np.mean(passed) >= 0.95


def test_small_groups_are_left_out_and_no_group_is_no_proof():
    outcomes, groups = made_up(5)
    few = np.zeros(len(outcomes.done), dtype=bool)
    few[:199] = True
    both = fairness_gate(outcomes, groups | {"sex missing": few}, max_gap=0.1)
    assert (both.evidence["groups"], both.evidence["too_small"]) == (2, 1)
    nobody = fairness_gate(outcomes, {"sex missing": few}, max_gap=0.1)
    assert not nobody.passed
    assert "nothing is shown" in nobody.words
    json.dumps([dict(both.evidence), dict(nobody.evidence)], allow_nan=False)


def test_a_regression_is_judged_by_its_mean_error_in_spreads():
    rng = np.random.default_rng(6)
    n = DAYS * PER_DAY
    labels, first, day = rng.normal(100, 20, n), rng.random(n) < 0.5, np.repeat(np.arange(DAYS), PER_DAY)
    answers = labels + rng.normal(0, 5, n) + 10.0 * first
    outcomes = Outcomes(answers, labels, day, Task.REGRESSION)
    refused = fairness_gate(outcomes, {"sex=f": first}, max_gap=0.3)
    assert not refused.passed
    assert figures(refused)["sex=f", "mean error"]["difference"] == pytest.approx(10 / 20, abs=0.03)
    assert fairness_gate(outcomes, {"sex=f": first}, max_gap=0.7).passed


def test_groups_of_a_column():
    ages = np.array([20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, np.nan])
    found = groups_by("age", ages)
    assert list(found) == ["age 20 to 35", "age 35 to 50", "age 50 to 65", "age 65 to 80", "age missing"]
    assert sum(mask.sum() for mask in found.values()) == 8
    assert list(groups_by("adult", np.array([True, False, True]))) == ["adult=False", "adult=True"]
    assert list(groups_by("class", np.array([1.0, 2.0, 1.0]))) == ["class=1.0", "class=2.0"]
