"""What a user's `fit(data)` may return, taken over as data: converted once, and held against the original on hard rows.

`user_model.py` above runs the user's function; the readers next door know the libraries, none of which is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import Refused
from daytwo.core.schema import Task
from daytwo.explain.trees import Trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.conversion.boosted import catboost_told, catboost_trees, xgboost_trees
from daytwo.training.conversion.grown_tree import join_trees
from daytwo.training.conversion.hard_rows import hard_rows
from daytwo.training.conversion.scikit import scikit_trees
from daytwo.training.conversion.tree_text import tree_text
from daytwo.training.dataset import TrainingData
from daytwo.training.same_scores import prove_scores

Floats = NDArray[np.float64]
# Rows that tell a model's base score: what it answers beyond the sum of its trees.
_BASE_ROWS = 256
_SEED = 20130401


@dataclass(frozen=True, slots=True)
class Grown:
    """An estimator's trees, what LightGBM makes of their sum, and the estimator's own answers before and after that.

    `answer` gives the probability or the value, `raw` the sum with the base score, both of shape (n,).
    """

    trees: Trees
    objective: str
    raw: Callable[[NDArray[np.float32]], Floats]
    answer: Callable[[NDArray[np.float32]], Floats]


def estimator_text(estimator: Any, data: TrainingData, task: Task) -> bytes:
    """Return an estimator of scikit-learn, XGBoost or CatBoost as model text that gives the same scores.

    Raises
    ------
    Refused
        If it is of no such kind, wants other columns, or a score on hard rows differs by more than 1e-6: the message
        names the rows.
    """
    grown = _grown(estimator, data, task)
    first = tree_text(grown.trees, data.schema, objective="regression")
    some = data.matrix[:_BASE_ROWS]
    plain = LightgbmScorer(first, data.matrix.shape[1])
    base = float(np.median(_asked(grown.raw, _full(some)) - plain.many(_full(some))))
    reached = plain.leaves(data.matrix) + plain.trees.first_leaf
    counts = np.bincount(reached.ravel(), minlength=len(plain.trees.leaf_value))
    text = tree_text(plain.trees, data.schema, objective=grown.objective, base=base, leaf_rows=counts)
    rows = hard_rows(grown.trees, data.schema, data.matrix, seed=_SEED)
    prove_scores(LightgbmScorer(text, data.matrix.shape[1]), rows, _asked(grown.answer, rows))
    return text


def _grown(estimator: Any, data: TrainingData, task: Task) -> Grown:
    library = type(estimator).__module__.partition(".")[0]
    answer = _probability(estimator) if task is Task.BINARY else _raw(estimator.predict)
    if library == "xgboost":
        return _xgboost(estimator, data)
    if library == "catboost":
        trees = catboost_trees(catboost_told(estimator))
        odds = task is Task.BINARY
        raw = _raw(lambda rows: estimator.predict(rows, prediction_type="RawFormulaVal"))
        return Grown(trees, "binary sigmoid:1" if odds else "regression", raw, answer)
    if library == "sklearn":
        width: int = getattr(estimator, "n_features_in_", 0)
        _check_width(width, data)
        if task is Task.BINARY and list(getattr(estimator, "classes_", ())) != [0, 1]:
            raise Refused("the model knows other classes than 0 and 1", hint="Train it on data.labels as they are")
        found, odds = scikit_trees(estimator, data.schema)
        raw = _raw(estimator.decision_function) if odds else answer
        return Grown(join_trees(found), "binary sigmoid:1" if odds else "regression", raw, answer)
    raise Refused(
        f"fit() returned a {type(estimator).__name__}, which daytwo cannot keep as data",
        hint="Return trees of LightGBM, scikit-learn, XGBoost or CatBoost; 'daytwo adopt' takes model files, ONNX "
        "among them (torch.onnx.export)",
    )


def _xgboost(estimator: Any, data: TrainingData) -> Grown:
    booster = estimator.get_booster() if hasattr(estimator, "get_booster") else estimator
    best = booster.attributes().get("best_iteration", "")
    if booster is not estimator and best:
        booster = booster[: int(best) + 1]  # what the estimator itself answers with
    _check_width(int(booster.num_features()), data)
    trees, objective = xgboost_trees(booster, data.matrix.shape[1])

    def scores(rows: NDArray[np.float32], *, margin: bool) -> Floats:
        asked = booster.inplace_predict(
            rows, predict_type="margin" if margin else "value", validate_features=False, missing=np.nan
        )
        return np.asarray(asked, dtype=np.float64)

    return Grown(trees, objective, lambda rows: scores(rows, margin=True), lambda rows: scores(rows, margin=False))


def _check_width(width: int, data: TrainingData) -> None:
    if width != data.matrix.shape[1]:
        raise Refused(
            f"the model reads {width} features; the contract has {data.matrix.shape[1]} features",
            hint="Train it on data.matrix as it is",
        )


def _asked(answer: Callable[[NDArray[np.float32]], Floats], rows: NDArray[np.float32]) -> Floats:
    """Ask the original model.

    Raises
    ------
    Refused
        If it cannot answer such rows: no more could a server.
    """
    try:
        return answer(rows)
    except Exception as err:  # whatever a foreign model may raise
        raise Refused(
            f"the model cannot answer rows with missing or unseen values: {str(err).splitlines()[0]}",
            hint="Put SimpleImputer before it: make_pipeline(SimpleImputer(), model)",
        ) from err


def _full(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows without gaps: the base score is read off rows that every model answers."""
    return np.nan_to_num(rows, nan=0.0)


def _probability(estimator: Any) -> Callable[[NDArray[np.float32]], Floats]:
    return lambda rows: np.asarray(estimator.predict_proba(rows)[:, 1], dtype=np.float64)


def _raw(found: Callable[[NDArray[np.float32]], Any]) -> Callable[[NDArray[np.float32]], Floats]:
    return lambda rows: np.asarray(found(rows), dtype=np.float64).reshape(-1)
