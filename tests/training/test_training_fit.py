import lightgbm
import numpy as np
import pytest

from daytwo.core.schema import Task
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.dataset import divide
from daytwo.training.fit import bin_rows, fit_reference, grow
from daytwo.training.recipe import (
    Recipe,
    Shape,
    binning_for,
    challenger_recipe,
    min_rows_for,
    reference_recipe,
    student_shapes,
)
from daytwo.training.variants import grow_students


def binned_of(parts, task=Task.BINARY, threads=1):
    return bin_rows(parts.fit, task, binning_for(parts.fit.rows), seed=3, threads=threads)


@pytest.fixture(scope="module")
def parts(made):
    return divide(made, task=Task.BINARY)


@pytest.fixture(scope="module")
def fitted(parts):
    return fit_reference(binned_of(parts), parts.fit, parts.tune, reference_recipe(parts.fit.rows, Task.BINARY))


def test_early_stopping_keeps_the_trees_that_serve_the_tune_part_best(parts):
    recipe = Recipe(trees=60, leaves=31, rate=0.3, min_rows=5, patience=20)
    stopped = fit_reference(binned_of(parts), parts.fit, parts.tune, recipe)
    longest = grow(binned_of(parts), parts.fit.labels, recipe, soft=False)
    booster = lightgbm.Booster(model_str=longest.text.decode())
    losses = []
    for trees in range(1, 61):
        p = booster.predict(parts.tune.matrix, num_iteration=trees, num_threads=1)
        losses.append(-np.mean(np.where(parts.tune.labels == 1, np.log(p), np.log1p(-p))))
    assert stopped.trees == int(np.argmin(losses)) + 1 < 40


def test_a_model_has_a_few_trees_even_where_the_first_is_the_best(parts):
    turned = type(parts.tune)(parts.tune.schema, parts.tune.matrix, 1 - parts.tune.labels)
    recipe = reference_recipe(parts.fit.rows, Task.BINARY)
    assert fit_reference(binned_of(parts), parts.fit, turned, recipe).trees == 10


def test_what_the_booster_knows_of_its_rows_is_what_the_engine_answers(parts, fitted):
    scorer = LightgbmScorer(fitted.text, 4)
    assert scorer.n_trees == fitted.trees
    assert np.abs(scorer.many(parts.fit.matrix) - fitted.scores).max() < 1e-12


def test_the_strong_columns_are_found(fitted):
    wind, age, noise, carrier = fitted.gains
    assert min(wind, age, carrier) > noise
    assert min(wind, age) > 5 * noise


def test_another_number_of_threads_gives_the_same_bytes(data_of):
    data = data_of(24_000)
    many = divide(data, task=Task.BINARY, tune_share=0.05, select_share=0.05)
    recipe = Recipe(trees=12, leaves=31, rate=0.1, column_share=0.5, patience=5)
    texts = {fit_reference(binned_of(many, threads=n), many.fit, many.tune, recipe).text for n in (1, 2)}
    assert many.fit.rows > 20_000
    assert len(texts) == 1


def test_what_was_grown_before_on_the_same_bins_leaves_no_trace(parts, fitted):
    binned = binned_of(parts)
    grow(binned, 1 - parts.fit.labels, challenger_recipe(parts.fit.rows, Task.BINARY), soft=True)
    recipe = reference_recipe(parts.fit.rows, Task.BINARY)
    assert fit_reference(binned, parts.fit, parts.tune, recipe).text == fitted.text


def test_students_of_a_fixed_reference_do_not_change_when_tune_labels_are_poisoned(parts):
    fixed = Recipe(**{**reference_recipe(parts.fit.rows, Task.BINARY).parameters, "patience": 0, "trees": 30})
    texts = []
    for labels in (parts.tune.labels, 1 - parts.tune.labels):
        poisoned = type(parts.tune)(parts.tune.schema, parts.tune.matrix, labels)
        binned = binned_of(parts)
        reference = fit_reference(binned, parts.fit, poisoned, fixed)
        students = grow_students(binned, parts.fit.labels, reference.scores, student_shapes(parts.fit.rows, 1e9))
        texts.append({name: one.text for name, one in students.items()})
    assert texts[0] == texts[1]


def test_students_learn_from_both_the_label_and_the_reference(parts, fitted):
    shape = [Shape(12, 31, 0.4)]
    one = grow_students(binned_of(parts), parts.fit.labels, fitted.scores, shape)["12x31"]
    other = grow_students(binned_of(parts), parts.fit.labels, parts.fit.labels, shape)["12x31"]
    assert one.text != other.text
    assert np.corrcoef(one.scores, fitted.scores)[0, 1] > np.corrcoef(other.scores, fitted.scores)[0, 1]


def test_a_regression_learns_values(data_of):
    data = data_of(3_000, task=Task.REGRESSION)
    parts = divide(data, task=Task.REGRESSION)
    fitted = fit_reference(
        binned_of(parts, Task.REGRESSION), parts.fit, parts.tune, reference_recipe(parts.fit.rows, Task.REGRESSION)
    )
    error = LightgbmScorer(fitted.text, 4).many(parts.select.matrix) - parts.select.labels
    assert np.abs(error).mean() < 0.3 * np.abs(parts.select.labels - parts.select.labels.mean()).mean()


@pytest.mark.parametrize("rows", [100, 1_000, 20_000, 1_000_000])
def test_recipes_suit_any_number_of_rows(rows):
    assert 5 <= min_rows_for(rows) <= 60
    for task in Task:
        assert reference_recipe(rows, task).leaves >= 7
    shapes = student_shapes(rows, 1e9)
    assert len({shape.name for shape in shapes}) == len(shapes) >= 4
    assert all(7 <= shape.leaves <= max(7, rows // 100) for shape in shapes)


def test_only_students_that_save_work_are_grown():
    assert student_shapes(100_000, 10.0) == ()
    assert [shape.name for shape in student_shapes(100_000, 100.0)] == ["12x63", "6x127"]
