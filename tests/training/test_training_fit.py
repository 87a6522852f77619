import lightgbm
import numpy as np
import pytest

from daytwo.core.schema import Task
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.dataset import divide
from daytwo.training.fit import bin_alike, bin_rows, fit_reference, grow
from daytwo.training.front import GLASS_BOXES
from daytwo.training.recipe import (
    Binning,
    Recipe,
    Shape,
    challenger_recipe,
    min_rows_for,
    reference_recipe,
    student_recipe,
    student_shapes,
)
from daytwo.training.trained import work_of
from daytwo.training.variants import grow_students, teaching_rows


def binned_of(parts, task=Task.BINARY, threads=1):
    return bin_rows(parts.fit, task, Binning(), seed=3, threads=threads)


@pytest.fixture(scope="module")
def parts(made):
    return divide(made, task=Task.BINARY)


@pytest.fixture(scope="module")
def fitted(parts):
    return fit_reference(binned_of(parts), parts.fit, parts.tune, reference_recipe(parts.fit.rows, Task.BINARY))


def test_early_stopping_keeps_the_trees_that_serve_the_tune_part_best(parts):
    recipe = Recipe(trees=120, leaves=31, rate=0.1, min_rows=5, patience=20)
    stopped = fit_reference(binned_of(parts), parts.fit, parts.tune, recipe)
    longest = grow(binned_of(parts), parts.fit.labels, recipe, soft=False)
    booster = lightgbm.Booster(model_str=longest.text.decode())
    losses = []
    for trees in range(1, 121):
        p = booster.predict(parts.tune.matrix, num_iteration=trees, num_threads=1)
        losses.append(-np.mean(np.where(parts.tune.labels == 1, np.log(p), np.log1p(-p))))
    assert stopped.trees == int(np.argmin(losses)) + 1 < 100


def test_a_model_has_a_few_trees_even_where_the_first_is_the_best(parts):
    turned = type(parts.tune)(parts.tune.schema, parts.tune.matrix, 1 - parts.tune.labels)
    recipe = reference_recipe(parts.fit.rows, Task.BINARY)
    assert fit_reference(binned_of(parts), parts.fit, turned, recipe).trees == 25


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


def students_of(parts, fitted, shapes, seed=3):
    teacher = LightgbmScorer(fitted.text, 4).many
    matrices = parts.fit.matrix, parts.tune.matrix
    return grow_students(binned_of(parts), *matrices, teacher, shapes, schema=parts.fit.schema, seed=seed)


def test_students_of_a_fixed_reference_do_not_change_when_tune_labels_are_poisoned(parts):
    fixed = Recipe(**{**reference_recipe(parts.fit.rows, Task.BINARY).parameters, "patience": 0, "trees": 30})
    texts = []
    for labels in (parts.tune.labels, 1 - parts.tune.labels):
        poisoned = type(parts.tune)(parts.tune.schema, parts.tune.matrix, labels)
        reference = fit_reference(binned_of(parts), parts.fit, poisoned, fixed)
        students = students_of(parts, reference, [Shape(5, 31, 0.5), Shape(9, 31, 0.5)])
        texts.append({name: one.text for name, one in students.items()})
    assert texts[0] == texts[1]


def test_a_student_says_on_new_rows_what_the_reference_says(parts, fitted):
    work = work_of(fitted, parts.fit.matrix)
    students = students_of(parts, fitted, student_shapes(parts.fit.rows, work))
    students = {name: one for name, one in students.items() if name not in GLASS_BOXES}
    taught = LightgbmScorer(fitted.text, 4).raw(parts.select.matrix)
    off = {
        name: np.std(LightgbmScorer(one.text, 4).raw(parts.select.matrix) - taught) / taught.std()
        for name, one in students.items()
    }
    works = [work_of(one, parts.fit.matrix) / work for one in students.values()]
    assert works == sorted(works, reverse=True)
    assert works[0] < 0.4
    assert works[-1] < 0.1
    assert max(off.values()) < 0.2
    assert min(off.values()) < 0.06


def test_fitting_the_leaves_anew_brings_a_student_nearer_to_the_reference(parts, fitted):
    shape = Shape(9, 31, 0.5)
    refitted = students_of(parts, fitted, [shape])[shape.name]
    rows = teaching_rows(parts.fit.matrix, parts.tune.matrix, seed=3)
    taught = LightgbmScorer(fitted.text, 4)
    recipe = student_recipe(shape, parts.fit.rows, Task.BINARY)
    plain = grow(bin_alike(binned_of(parts), rows), taught.many(rows), recipe, soft=True)
    off = [
        np.std(LightgbmScorer(one.text, 4).raw(parts.select.matrix) - taught.raw(parts.select.matrix))
        for one in (refitted, plain)
    ]
    assert off[0] < 0.8 * off[1]


def test_students_of_the_same_seed_are_the_same_bytes_whatever_the_threads(parts, fitted):
    teacher = LightgbmScorer(fitted.text, 4).many
    texts = {
        grow_students(
            binned_of(parts, threads=n),
            parts.fit.matrix,
            parts.tune.matrix,
            teacher,
            [Shape(5, 31, 0.5)],
            schema=parts.fit.schema,
            seed=3,
        )["5x31"].text
        for n in (1, 2)
    }
    assert len(texts) == 1
    assert students_of(parts, fitted, [Shape(5, 31, 0.5)], seed=4)["5x31"].text not in texts


def test_mixed_rows_are_made_of_values_that_their_columns_have(parts):
    rows = teaching_rows(parts.fit.matrix, parts.tune.matrix, seed=1)
    assert np.array_equal(rows[: parts.fit.rows], parts.fit.matrix, equal_nan=True)
    mixed = rows[parts.fit.rows :]
    assert len(mixed) == 5 * parts.fit.rows
    known = np.concatenate([parts.fit.matrix, parts.tune.matrix])
    for place in range(rows.shape[1]):
        assert np.isin(mixed[:, place], known[:, place]).all() or np.isnan(mixed[:, place]).any()
    whole = {row.tobytes() for row in known}
    assert 0.2 < np.mean([row.tobytes() in whole for row in mixed]) < 0.5


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
    shapes = student_shapes(rows, 1e4)
    assert len({shape.name for shape in shapes}) == len(shapes) == 5
    assert all(7 <= shape.leaves <= max(7, rows // 80) and 0 < shape.rate < 1 for shape in shapes)


def test_only_students_that_save_work_are_grown():
    assert student_shapes(100_000, 20.0) == ()
    assert [shape.name for shape in student_shapes(100_000, 100.0)] == ["3x127", "2x127"]
