"""Reasons of a version: exact against the reference of the row's segment, by the definition, in the score's unit."""

import itertools
import math

import numpy as np
import pytest
from tests.scoring.conftest import make_matrix, train

from daytwo.core.schema import Feature, Schema, Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.references import build_explainer
from daytwo.explain.wording import Wording
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.reasoning import Reasoner

KIND = ("a", "b", "c", "d")
SCHEMA = Schema(
    (*(Feature(f"x{i}") for i in range(4)), Feature("kind", KIND), Feature("place", tuple(map(str, range(41)))))
)
BENT = Calibration("sigmoid", slope=0.7, intercept=0.2)


def made(task, settings, calibration=BENT):
    booster = train("binary" if task is Task.BINARY else "regression")
    scorer = LightgbmScorer(booster.model_to_string().encode(), 6)
    matrix = make_matrix(1500, seed=2)
    explainer = build_explainer(matrix, SCHEMA, task=task, outcome="late", settings=settings)
    reasoner = Reasoner(explainer, scorer, scorer.trees, calibration.one, Wording(settings), "")
    return reasoner, explainer, booster, scorer


def by_definition(booster, row, reference):
    """Return the Shapley values over all subsets of features, by LightGBM's own raw scores."""
    subsets = [subset for size in range(len(row) + 1) for subset in itertools.combinations(range(len(row)), size)]
    mixed = np.array([[row[i] if i in subset else reference[i] for i in range(len(row))] for subset in subsets])
    worth = dict(zip(subsets, booster.predict(mixed, raw_score=True), strict=True))
    values = np.zeros(len(row))
    for i in range(len(row)):
        for subset in subsets:
            if i not in subset:
                share = math.factorial(len(subset)) * math.factorial(len(row) - len(subset) - 1)
                joined = tuple(sorted((*subset, i)))
                values[i] += share / math.factorial(len(row)) * (worth[joined] - worth[subset])
    return values


@pytest.mark.parametrize("segment", ["", "kind"])
def test_reasons_are_the_shapley_values_against_the_reference_of_the_segment(segment):
    reasoner, explainer, booster, _ = made(Task.BINARY, ReasonsSettings(segment=segment))
    own = {one.code: one for one in explainer.segments}
    assert set(own) == ({0.0, 1.0, 2.0, 3.0} if segment else set())
    for row in make_matrix(25, seed=9).tolist():
        reference = own.get(row[4], explainer.common)
        found = {one.feature: one for one in reasoner.reasons(row, {}, k=9)}
        expected = by_definition(booster, row, reference.row)
        got = [found[name].contribution if name in found else 0.0 for name in SCHEMA.names]
        np.testing.assert_allclose(got, expected, atol=1e-9)
        assert {one.reference for one in found.values()} <= {reference.name}
        raw = booster.predict(np.array([row, reference.row]), raw_score=True)
        assert sum(got) == pytest.approx(raw[0] - raw[1], abs=1e-9)


def test_what_reasons_are_worth_adds_up_to_the_difference_of_the_calibrated_scores():
    settings = ReasonsSettings(segment="kind", groups={"the numbers": ("x0", "x1", "x3")})
    reasoner, _, _, scorer = made(Task.BINARY, settings)
    for row in make_matrix(50, seed=11).tolist():
        found = reasoner.reasons(row, {}, k=9)
        _, typical = reasoner.compared_with(row)
        assert sum(one.effect for one in found) == pytest.approx(BENT.one(scorer.one(row)) - typical, abs=1e-9)
        assert len([one for one in found if one.feature == "the numbers"]) <= 1


def test_a_missing_or_unknown_level_is_compared_with_the_typical_row_of_all():
    reasoner, explainer, _, _ = made(Task.BINARY, ReasonsSettings(row="flight", segment="kind"))
    row = make_matrix(1, seed=3)[0].tolist()
    named = {code: reasoner.compared_with([*row[:4], code, row[5]])[0] for code in (math.nan, 4.0, 2.0)}
    assert list(named.values()) == ["the typical flight", "the typical flight", "the typical flight of kind c"]
    assert explainer.reference_name == "the typical flight"


def test_a_value_is_explained_in_its_own_unit():
    reasoner, _, _, scorer = made(Task.REGRESSION, ReasonsSettings(), Calibration())
    row = make_matrix(1, seed=3)[0].tolist()
    found = reasoner.reasons(row, {}, k=9)
    assert [one.effect for one in found] == pytest.approx([one.contribution for one in found])
    assert sum(one.effect for one in found) == pytest.approx(scorer.one(row) - reasoner.compared_with(row)[1])


def test_a_score_that_is_not_made_of_the_sum_of_the_trees_gets_directions_and_no_points():
    booster = train("binary", sigmoid=2.0)
    scorer = LightgbmScorer(booster.model_to_string().encode(), 6)
    explainer = build_explainer(make_matrix(500, seed=2), SCHEMA, task=Task.BINARY, outcome="late")
    reasoner = Reasoner(explainer, scorer, scorer.trees, BENT.one, Wording(ReasonsSettings()), "")
    found = reasoner.reasons(make_matrix(1, seed=3)[0].tolist(), {}, k=9)
    assert found
    assert {one.effect for one in found} == {None}
    assert all(one.words.endswith((": towards late", ": away from late")) for one in found)
