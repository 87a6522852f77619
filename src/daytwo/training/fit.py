"""Grow tree ensembles with LightGBM: the reference model, its students and the weekly challenger.

`recipe.py` says how, `variants.py` chooses what the students learn. Rows are binned once and shared. The same rows,
recipe and seed give the same model text, whatever the number of threads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.training.dataset import TrainingData
from daytwo.training.recipe import Binning, Recipe

_OBJECTIVES = {Task.BINARY: "binary", Task.REGRESSION: "regression"}
# Soft labels between 0 and 1 need the cross entropy; its trees answer with the same sigmoid.
_SOFT_OBJECTIVES = {Task.BINARY: "cross_entropy", Task.REGRESSION: "regression"}
# Where the newest rows are of another world, the first tree may be the best: a model all the same has a few.
_FEWEST_TREES = 10
# An improvement smaller than this is noise of the last digits.
_LEAST_GAIN = 1e-7
# The number of threads is of the machine, not of the model.
_THREADS = re.compile(r"^\[num_threads: -?\d+\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Binned:
    """Rows of the fit part, binned once. Only labels may be changed afterwards, and only through `grow`."""

    dataset: lgb.Dataset
    task: Task
    fixed: dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A grown model: its LightGBM `text`, how many `trees` it kept, its scores on the rows it learned from.

    `scores` has shape (n,), in the rows' order: probabilities, or values. `gains` is how much each feature lowered
    the loss, shape (d,), in the objective's unit.
    """

    text: bytes
    trees: int
    scores: NDArray[np.float64]
    gains: NDArray[np.float64]


def bin_rows(data: TrainingData, task: Task, binning: Binning, *, seed: int, threads: int) -> Binned:
    """Put the fit part's values into bins: the dearest step before growing, done once for all models."""
    fixed: dict[str, object] = {
        "max_bin": binning.max_bin,
        "bin_construct_sample_cnt": binning.sample_rows,
        "min_data_in_leaf": binning.min_rows,
        "cat_smooth": binning.category_smoothing,
        "max_cat_threshold": binning.max_categories,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return Binned(_dataset(data, fixed), task, fixed)


def fit_reference(binned: Binned, fit: TrainingData, tune: TrainingData, recipe: Recipe) -> Fitted:
    """Grow the reference model on `fit`, and keep as many trees as serve `tune` best.

    Early stopping looks at the log-loss (binary) or the squared error of `tune`.
    """
    binned.dataset.set_label(fit.labels)
    metric = "binary_logloss" if binned.task is Task.BINARY else "l2"
    booster = _booster(binned, recipe, _OBJECTIVES[binned.task], metric)
    booster.add_valid(_dataset(tune, binned.fixed, reference=binned.dataset), "tune")
    best, best_loss = 0, np.inf
    for grown in range(1, recipe.trees + 1):
        finished = booster.update()
        loss = booster.eval_valid()[0][2]
        if loss < best_loss - _LEAST_GAIN:
            best, best_loss = grown, loss
        if finished or (recipe.patience and grown - max(best, _FEWEST_TREES) >= recipe.patience):
            break
    if recipe.patience:
        for _ in range(booster.current_iteration() - max(best, _FEWEST_TREES)):
            booster.rollback_one_iter()
    return _fitted(booster)


def grow(binned: Binned, targets: NDArray[np.float64], recipe: Recipe, *, soft: bool) -> Fitted:
    """Grow exactly `recipe.trees` trees on the binned rows towards `targets`, shape (n,), seeing nothing else.

    `soft` targets of a binary task may be any probabilities; otherwise they are labels.
    """
    binned.dataset.set_label(targets)
    objectives = _SOFT_OBJECTIVES if soft else _OBJECTIVES
    booster = _booster(binned, recipe, objectives[binned.task], "none")
    for _ in range(recipe.trees):
        if booster.update():
            break
    return _fitted(booster)


def model_text(booster: lgb.Booster) -> bytes:
    """Return the model as text without what belongs to the machine it was grown on."""
    text: str = booster.model_to_string(num_iteration=-1)
    return _THREADS.sub("[num_threads: 0]", text).encode()


def _dataset(data: TrainingData, fixed: dict[str, object], *, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        data.matrix,
        data.labels,
        reference=reference,
        categorical_feature=list(data.schema.categories),
        params=dict(fixed),
    ).construct()


def _booster(binned: Binned, recipe: Recipe, objective: str, metric: str) -> lgb.Booster:
    changing = {
        "objective": objective,
        "metric": metric,
        "num_leaves": recipe.leaves,
        "learning_rate": recipe.rate,
        "lambda_l2": recipe.penalty,
        "feature_fraction": recipe.column_share,
    }
    return lgb.Booster({**binned.fixed, **changing}, binned.dataset)


def _fitted(booster: lgb.Booster) -> Fitted:
    caught: list[NDArray[np.float64]] = []

    def catch(scores: NDArray[np.float64], _: lgb.Dataset) -> tuple[str, float, bool]:
        caught.append(np.array(scores, dtype=np.float64))
        return "caught", 0.0, False

    # The booster knows its scores on its own rows already: predicting them again would cost as much as ten trees.
    booster.eval_train(catch)
    gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    return Fitted(model_text(booster), booster.num_trees(), caught[0], gains)
