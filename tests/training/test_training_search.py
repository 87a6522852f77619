"""A search for a recipe: never worse than the usual one where it looked, the same again, and it ends in time."""

import sys

import msgspec
import numpy as np
import pytest

from daytwo.core.errors import Mistake, SettingsError
from daytwo.core.schema import Task
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.dataset import TrainingData
from daytwo.training.fit import bin_rows, fit_reference
from daytwo.training.recipe import Binning, Recipe, reference_recipe
from daytwo.training.search import Budget, Searched, Trial, search_recipe
from daytwo.training.weights import Weighting, weighting_of

WORST = Recipe(trees=40, leaves=4, rate=0.02, min_rows=300, penalty=90.0, column_share=0.3, patience=10)


TWELVE, EVEN = Budget(12), Weighting()


def search(data, usual=WORST, *, budget=TWELVE, seed=1, weighting=EVEN, task=Task.BINARY, newer=None, **more):
    newer = newer or (data, data)
    return search_recipe(data, newer, task, usual, budget, weighting=weighting, seed=seed, threads=1, **more)


@pytest.fixture(scope="module")
def found(data_of):
    return search(data_of(2_500))


def test_it_begins_with_the_usual_recipe_and_what_it_chooses_is_no_worse(found):
    assert found.trials[0].recipe == WORST
    assert found.best.loss == min(one.loss for one in found.trials)
    # From so bad a recipe there is a long way up, on these rows as on any.
    assert found.best.loss < 0.95 * found.trials[0].loss
    assert len({one.recipe for one in found.trials}) == len(found.trials) == 12


def test_losses_are_those_of_the_model_that_would_be_kept_on_rows_after_those_that_stopped_it(found, data_of):
    data = data_of(2_500)
    recipe = found.best.recipe
    cuts = ((0.45, 0.55, 0.7), (0.6, 0.7, 0.85), (0.75, 0.85, 1.0))
    for (stop, judge, end), loss in zip(cuts, found.best.losses, strict=True):
        before, tune, later = (
            data.take(slice(int(2_500 * first), int(2_500 * last)))
            for first, last in ((0, stop), (stop, judge), (judge, end))
        )
        binned = bin_rows(before, Task.BINARY, Binning(), seed=1, threads=1)
        kept = fit_reference(binned, before, tune, recipe)
        p = LightgbmScorer(kept.text, 4).many(later.matrix)
        assert -np.mean(np.where(later.labels == 1, np.log(p), np.log1p(-p))) == pytest.approx(loss, rel=1e-9)


def test_the_same_seed_finds_the_same_and_another_one_others(found, data_of):
    assert search(data_of(2_500)) == found
    assert search(data_of(2_500), seed=2).trials[1:] != found.trials[1:]


def test_what_cannot_win_is_given_up_early(data_of):
    usual = reference_recipe(2_500, Task.BINARY)
    tried = search(data_of(2_500), usual, budget=Budget(25)).trials
    given_up = [one for one in tried if len(one.losses) < 3]
    assert given_up
    assert all(one.loss == np.inf for one in given_up)
    assert tried[0].recipe == usual
    assert len(tried[0].losses) == 3


def test_minutes_end_it_after_the_span_under_way_and_the_usual_recipe_is_always_tried(data_of):
    moments = iter(range(1_000))
    # One second for each look at the clock: it began at 0, and 3 of 6 seconds are over after two trials of three spans.
    some = search(data_of(1_000), budget=Budget(minutes=0.1), clock=lambda: float(next(moments)))
    assert 1 < len(some.trials) < 6
    assert len(search(data_of(1_000), budget=Budget(trials=3, minutes=1e6)).trials) == 3
    late = iter([0.0, 1e9, 1e9])
    only = search(data_of(1_000), budget=Budget(trials=50, minutes=1.0), clock=lambda: next(late))
    assert [len(one.losses) for one in only.trials] == [3]
    assert only.best.recipe == WORST


@pytest.mark.parametrize("rows", [250, 400])
@pytest.mark.parametrize("task", list(Task))
def test_few_rows_are_no_hindrance(data_of, rows, task):
    usual = reference_recipe(rows, task)
    assert len(search(data_of(rows, task=task), usual, budget=Budget(10), task=task).trials) == 10


def test_weights_count_in_the_search(data_of):
    data = data_of(1_500)
    weighting = weighting_of(data, 9.0, Task.BINARY)
    assert search(data, weighting=weighting).trials[0].loss != search(data).trials[0].loss


def settings_with(settings_of, **train):
    plain = settings_of()
    return msgspec.structs.replace(plain, train=msgspec.structs.replace(plain.train, **train))


def test_lineage_and_card_tell_what_was_tried_and_the_bytes_are_the_same_again(data_of, settings_of, contract_of):
    settings = settings_with(settings_of, trials=10)
    told = []
    made = [
        train_candidate(TrainingRequest(contract_of(), settings, seed=5, tell=told.append), data_of(1_500))
        for _ in range(2)
    ]
    assert made[0].files == made[1].files
    assert made[0].manifest == made[1].manifest
    parameters = made[0].manifest.lineage.parameters
    trials = parameters["search"]["trials"]
    assert [one["number"] for one in trials] == list(range(10))
    assert parameters["reference"] == trials[parameters["search"]["chosen"]]["recipe"]
    assert trials[0]["recipe"] == reference_recipe(1_200, Task.BINARY).parameters
    assert "10 were tried on later rows of the fit part" in made[0].files["card.md"].decode()
    assert sum(words.startswith("search: 10 of 10 recipes") for words in told) == 2
    plain = train_candidate(TrainingRequest(contract_of(), settings_of(), seed=5), data_of(1_500))
    assert "search" not in plain.manifest.lineage.parameters


def test_without_optuna_the_way_to_it_is_told(monkeypatch, data_of):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr("daytwo.training.search.importlib.util.find_spec", lambda name: None)
    with pytest.raises(Mistake, match="needs Optuna") as caught:
        search(data_of(300))
    assert "pip install 'daytwo[search]'" in caught.value.hint


def test_a_model_of_ones_own_is_not_searched(made, settings_of, contract_of, tmp_path):
    (tmp_path / "model.py").write_text("def fit(data): ...\n")
    for train, words in (({"trials": 3}, "asks for a search"), ({"class_weight": 2.0}, "asks for class_weight")):
        request = TrainingRequest(contract_of(), settings_with(settings_of, **train), seed=1, folder=tmp_path)
        with pytest.raises(SettingsError, match=words):
            train_candidate(request, made)


def test_rows_after_the_fit_part_change_nothing(data_of):
    data = data_of(2_000)
    head = data.take(slice(0, 1_500))
    spoilt = TrainingData(data.schema, data.matrix, np.where(np.arange(2_000) < 1_500, data.labels, 0), data.times)
    assert search(head) == search(spoilt.take(slice(0, 1_500)))


def test_the_best_of_the_past_is_taken_only_where_it_wins_on_newer_rows_too(data_of):
    data = data_of(3_000)
    past, tune, newer = (data.take(slice(*ends)) for ends in ((0, 2_000), (2_000, 2_500), (2_500, 3_000)))
    found = search(past, newer=(tune, newer))
    before, after = found.newer
    assert after < before
    assert found.chosen == found.best != found.trials[0]
    # In a world that has turned round, what fits the past better is worse.
    turned = TrainingData(newer.schema, newer.matrix, 1 - newer.labels, newer.times)
    late = search(past, newer=(tune, turned))
    assert late.best == found.best
    assert late.newer[1] > late.newer[0]
    assert late.chosen == late.trials[0]
    assert late.told["chosen"] == 0


def test_a_recipe_that_wins_on_average_and_loses_once_is_not_taken():
    usual, best = Trial(0, WORST, (1.0, 1.0, 1.0)), Trial(1, WORST, (0.5, 0.5, 1.1))
    assert Searched((usual, best)).best == best
    assert Searched((usual, best)).chosen == usual
