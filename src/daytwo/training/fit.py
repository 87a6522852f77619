"""Grow tree ensembles with LightGBM: the reference model, its students and the weekly challenger.

`recipe.py` says how, `variants.py` chooses what the students learn. Rows are binned once and shared. The same rows,
recipe and seed give the same model text, whatever the number of threads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.explain.trees import Trees, parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.dataset import TrainingData
from daytwo.training.leaf_order import in_order, leaf_orders
from daytwo.training.progress import Tell, silent
from daytwo.training.recipe import Binning, Recipe
from daytwo.training.refit import refit

_OBJECTIVES = {Task.BINARY: "binary", Task.REGRESSION: "regression"}
# Soft labels between 0 and 1 need the cross entropy; its trees answer with the same sigmoid.
_SOFT_OBJECTIVES = {Task.BINARY: "cross_entropy", Task.REGRESSION: "regression"}
# Where the newest rows are of another world, the first tree may be the best: a model all the same has a few.
_FEWEST_TREES = 25
# An improvement smaller than this is noise of the last digits.
_LEAST_GAIN = 1e-7
# How often it is told how far the growing is.
_TOLD_TREES = 10
# The number of threads is of the machine, not of the model.
_THREADS = re.compile(r"^\[num_threads: -?\d+\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Binned:
    """Rows, binned once. Only labels may be changed afterwards, and only by the functions here that grow.

    `directions` are those of the features (`core/schema.py`), which all models grown on the rows keep.
    """

    dataset: lgb.Dataset
    task: Task
    fixed: dict[str, object]
    directions: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A grown model: its LightGBM `text`, and how many `trees` it kept.

    `gains` is how much each feature lowered the loss, shape (d,), in the objective's unit.
    """

    text: bytes
    trees: int
    gains: NDArray[np.float64]


def bin_rows(
    data: TrainingData,
    task: Task,
    binning: Binning,
    *,
    seed: int,
    threads: int,
    weights: NDArray[np.float64] | None = None,
) -> Binned:
    """Put the fit part's values into bins: the dearest step before growing, done once for all models.

    `weights` are how much each row counts, shape (n,) (`weights.py`); None where all count alike.
    """
    fixed: dict[str, object] = {
        "max_bin": binning.max_bin,
        "bin_construct_sample_cnt": binning.sample_rows,
        # Recipes differ in the rows of a leaf, so columns that some could not use are kept for the others.
        "feature_pre_filter": False,
        "cat_smooth": binning.category_smoothing,
        "max_cat_threshold": binning.max_categories,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if any(data.schema.directions):
        # "basic" binds leaves that no change of one value parts, and costs up to 6 % of the error; "advanced" lets some
        # trees of telco churn break the order.
        fixed |= {"monotone_constraints": list(data.schema.directions), "monotone_constraints_method": "intermediate"}
    return Binned(_dataset(data, fixed, weights), task, fixed, data.schema.directions)


def bin_alike(binned: Binned, matrix: NDArray[np.float32]) -> Binned:
    """Put other rows into the same bins, whose edges are where a model grown on `binned` splits.

    Trees grow on them with one thread: sums over so many rows differ in the last bit with the number of threads, and
    answers without noise bring splits that are equally good.
    """
    fixed = {**binned.fixed, "num_threads": 1}
    dataset = lgb.Dataset(matrix, np.zeros(len(matrix)), reference=binned.dataset, params=dict(fixed))
    return Binned(dataset.construct(), binned.task, fixed, binned.directions)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Binned rows to grow on, rows in the same bins that tell when to `stop`, and later ones that `judge`."""

    binned: Binned
    stop: lgb.Dataset
    judge: lgb.Dataset


def held_out(binned: Binned, data: TrainingData, weights: NDArray[np.float64] | None) -> lgb.Dataset:
    """Put other rows, with their labels and weights, into the bins of the rows to grow on."""
    return _dataset(data, binned.fixed, weights, reference=binned.dataset)


def rehearsed_loss(rehearsal: Rehearsal, recipe: Recipe) -> float:
    """Return what the model that would be kept loses on the later rows: log-loss (binary) or squared error."""
    found = _grown_to_the_best(rehearsal.binned, rehearsal.stop, recipe, silent, judge=rehearsal.judge)
    return found.judged[min(max(found.best, _FEWEST_TREES), len(found.judged)) - 1]


def fit_reference(
    binned: Binned,
    fit: TrainingData,
    tune: TrainingData,
    recipe: Recipe,
    *,
    tune_weights: NDArray[np.float64] | None = None,
    tell: Tell = silent,
) -> Fitted:
    """Grow the reference model on `fit`, and keep as many trees as serve `tune` best.

    Early stopping looks at the log-loss (binary) or the squared error of `tune`, its rows weighted like those of `fit`.
    """
    binned.dataset.set_label(fit.labels)
    found = _grown_to_the_best(binned, held_out(binned, tune, tune_weights), recipe, tell)
    if recipe.patience:
        for _ in range(found.booster.current_iteration() - max(found.best, _FEWEST_TREES)):
            found.booster.rollback_one_iter()
    _put_in_order(found.booster, binned)
    return _fitted(found.booster)


@dataclass(frozen=True, slots=True)
class _Grown:
    """A booster, after how many trees it was `best`, and what rows that judge lost after each tree."""

    booster: lgb.Booster
    best: int
    judged: tuple[float, ...]


def _grown_to_the_best(
    binned: Binned, stop: lgb.Dataset, recipe: Recipe, tell: Tell, *, judge: lgb.Dataset | None = None
) -> _Grown:
    """Grow until the rows that stop it have gained nothing for long."""
    metric = "binary_logloss" if binned.task is Task.BINARY else "l2"
    booster = _booster(binned, recipe, _OBJECTIVES[binned.task], metric)
    for name, rows in (("stop", stop), ("judge", judge)):
        if rows is not None:
            booster.add_valid(rows, name)
    best, best_loss, judged = 0, np.inf, []
    for grown in range(1, recipe.trees + 1):
        finished = booster.update()
        losses = [float(one[2]) for one in booster.eval_valid()]
        judged.append(losses[-1])
        if losses[0] < best_loss - _LEAST_GAIN:
            best, best_loss = grown, losses[0]
        if finished or (recipe.patience and grown - max(best, _FEWEST_TREES) >= recipe.patience):
            break
        if not grown % _TOLD_TREES:
            tell(f"reference: {grown} of at most {recipe.trees} trees")
    return _Grown(booster, best, tuple(judged))


def grow(binned: Binned, targets: NDArray[np.float64], recipe: Recipe, *, soft: bool) -> Fitted:
    """Grow exactly `recipe.trees` trees on the binned rows towards `targets`, shape (n,), seeing nothing else.

    `soft` targets of a binary task may be any probabilities; otherwise they are labels.
    """
    booster = boosted(binned, targets, recipe, soft=soft)
    _put_in_order(booster, binned)
    return _fitted(booster)


def grow_refitted(
    binned: Binned,
    matrix: NDArray[np.float32],
    targets: NDArray[np.float64],
    recipe: Recipe,
    *,
    sums: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Fitted:
    """Grow `recipe.trees` trees towards soft `targets`, then fit all their leaves anew towards `sums`.

    `matrix` holds the binned rows, shape (n, d); `sums` what the trees should add up to (log-odds, or the value) and
    `weights` how much each row counts, both of shape (n,).
    """
    booster = boosted(binned, targets, recipe)
    scorer = LightgbmScorer(model_text(booster), matrix.shape[1], threads=cast("int", binned.fixed["num_threads"]))
    _answer(booster, scorer.trees, refit(scorer.trees, scorer.leaves(matrix), sums, weights, binned.directions))
    return _fitted(booster)


def model_text(booster: lgb.Booster) -> bytes:
    """Return the model as text without what belongs to the machine it was grown on."""
    text: str = booster.model_to_string(num_iteration=-1)
    return _THREADS.sub("[num_threads: 0]", text).encode()


def boosted(
    binned: Binned,
    targets: NDArray[np.float64],
    recipe: Recipe,
    *,
    soft: bool = True,
    begin: NDArray[np.float64] | None = None,
    together: list[list[int]] | None = None,
) -> lgb.Booster:
    """Grow `recipe.trees` trees towards `targets`, shape (n,), seeing nothing else; none where nothing can be gained.

    They add to `begin`, shape (n,), in log-odds or values, which is no part of what is returned. Only columns that
    stand in one list of `together` may meet in a tree. `soft` targets may be any probabilities.
    """
    binned.dataset.set_label(targets)
    binned.dataset.set_field("init_score", begin)
    allowed = {} if together is None else {"interaction_constraints": together}
    booster = _booster(binned, recipe, (_SOFT_OBJECTIVES if soft else _OBJECTIVES)[binned.task], "none", **allowed)
    for _ in range(recipe.trees):
        if booster.update():
            break
    binned.dataset.set_field("init_score", None)
    return booster


def _put_in_order(booster: lgb.Booster, binned: Binned) -> None:
    """Mend what LightGBM may have left out of order; it promises an order of its own, and this one is exact."""
    if any(binned.directions):
        trees = parse_trees(model_text(booster))
        parts = np.split(trees.leaf_value, trees.first_leaf[1:])
        kept = list(map(in_order, parts, leaf_orders(trees, binned.directions)))
        _answer(booster, trees, np.concatenate(kept))


def _answer(booster: lgb.Booster, trees: Trees, values: NDArray[np.float64]) -> None:
    """Let the leaves, those of all trees in a row, answer with new values."""
    places = zip(trees.first_leaf.tolist(), [*trees.first_leaf.tolist()[1:], len(values)], strict=True)
    for tree, (first, end) in enumerate(places):
        for leaf in range(first, end):
            if values[leaf] != trees.leaf_value[leaf]:
                booster.set_leaf_output(tree, leaf - first, float(values[leaf]))


def _dataset(
    data: TrainingData,
    fixed: dict[str, object],
    weights: NDArray[np.float64] | None,
    *,
    reference: lgb.Dataset | None = None,
) -> lgb.Dataset:
    return lgb.Dataset(
        data.matrix,
        data.labels,
        weight=weights,
        reference=reference,
        categorical_feature=list(data.schema.categories),
        params=dict(fixed),
    ).construct()


def _booster(binned: Binned, recipe: Recipe, objective: str, metric: str, **allowed: object) -> lgb.Booster:
    changing = {
        "objective": objective,
        "metric": metric,
        "num_leaves": recipe.leaves,
        "min_data_in_leaf": recipe.min_rows,
        "learning_rate": recipe.rate,
        "lambda_l2": recipe.penalty,
        "feature_fraction": recipe.column_share,
    }
    return lgb.Booster({**binned.fixed, **changing, **allowed}, binned.dataset)


def _fitted(booster: lgb.Booster) -> Fitted:
    gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    return Fitted(model_text(booster), booster.num_trees(), gains)
