"""Trees of XGBoost and CatBoost, read from what the fitted model writes of itself, without importing the libraries."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import Refused
from daytwo.explain.trees import Trees
from daytwo.scoring.ubjson import read_ubjson
from daytwo.scoring.xgboost_model import read_trees
from daytwo.training.conversion.grown_tree import GrownTree, join_trees

# XGBoost's objectives by what LightGBM makes of the same sum.
_OBJECTIVES = {
    **dict.fromkeys(("binary:logistic", "reg:logistic"), "binary sigmoid:1"),
    **dict.fromkeys(("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"), "regression"),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), "poisson"),
}

# CatBoost's losses likewise.
_CATBOOST_OBJECTIVES = {
    **dict.fromkeys(("Logloss", "CrossEntropy"), "binary sigmoid:1"),
    **dict.fromkeys(("RMSE", "MAE", "Quantile", "Huber", "MAPE", "Expectile", "LogCosh", "Lq"), "regression"),
    **dict.fromkeys(("Poisson", "Tweedie"), "poisson"),
}


def xgboost_trees(booster: Any, n_features: int) -> tuple[Trees, str]:
    """Return the trees of an XGBoost booster, without its base score, and LightGBM's objective for their sum.

    Raises
    ------
    Refused
        If its objective is none that can be taken over.
    """
    content = bytes(booster.save_raw("ubj"))
    learner: Any = read_ubjson(content)["learner"]  # type: ignore[index,call-overload]  # the library has just written it
    objective = str(learner["objective"]["name"])
    if objective not in _OBJECTIVES:
        raise Refused(f"the objective {objective} cannot be taken over", hint=f"Use one of {', '.join(_OBJECTIVES)}")
    return read_trees(content, n_features), _OBJECTIVES[objective]


def catboost_told(model: Any) -> Any:
    """Return what a CatBoost model writes of itself as JSON."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return json.loads(path.read_text(encoding="utf-8"))


def catboost_objective(told: Any) -> str:
    """Return LightGBM's objective for the sum of a CatBoost model's trees.

    Raises
    ------
    Refused
        If the model was trained for a loss whose answers are not such a sum.
    """
    loss = str(told["model_info"]["params"]["loss_function"]["type"])
    if loss not in _CATBOOST_OBJECTIVES:
        known = ", ".join(_CATBOOST_OBJECTIVES)
        raise Refused(f"the loss {loss} cannot be taken over", hint=f"Use one of {known}")
    return _CATBOOST_OBJECTIVES[loss]


def catboost_trees(told: Any) -> Trees:
    """Return the trees of a CatBoost model, read from its JSON, without its bias.

    Raises
    ------
    Refused
        If it reads categories in CatBoost's own way, its trees are not symmetric, or it gives several scores a row.
    """
    kinds = {split["split_type"] for tree in told.get("oblivious_trees", ()) for split in tree.get("splits") or ()}
    if "oblivious_trees" not in told or kinds - {"FloatFeature"}:
        raise Refused(
            "the CatBoost model has trees that are not symmetric, or counts categories in its own way",
            hint="Train it on data.matrix without cat_features, with grow_policy='SymmetricTree'",
        )
    scale = float(told["scale_and_bias"][0])
    columns = {one["feature_index"]: one for one in told["features_info"]["float_features"]}
    return join_trees([_symmetric(tree, columns, scale) for tree in told["oblivious_trees"]])


def _symmetric(tree: Any, columns: dict[int, Any], scale: float) -> GrownTree:
    """Lay a symmetric tree out: all places of a level ask the same, and a leaf's number is its answers as bits."""
    splits, values = tree.get("splits") or [], np.asarray(tree["leaf_values"], dtype=np.float64)
    if len(values) != 1 << len(splits):
        raise Refused("the CatBoost model gives several scores a row", hint="Train it for two classes or for a value")
    inner = len(values) - 1
    level = np.floor(np.log2(np.arange(1, inner + 1))).astype(np.int64)
    asked = [columns[split["float_feature_index"]] for split in splits]
    spread: NDArray[np.int64] = np.arange(len(values))
    # The first question is the lowest bit of a leaf's number, and the highest of its place here.
    order = sum(((spread >> bit & 1) << (len(splits) - 1 - bit) for bit in range(len(splits))), 0 * spread)

    def each(found: list[Any], kind: type) -> NDArray[Any]:
        return np.concatenate([np.array(found, dtype=kind)[level], np.zeros(len(values), dtype=kind)])

    places, none = np.arange(inner), np.full(len(values), -1)
    return GrownTree(
        feature=each([one["flat_feature_index"] for one in asked], np.int64),
        threshold=each([float(np.float32(split["border"])) for split in splits], np.float64),
        default_left=each([one["nan_value_treatment"] != "AsTrue" for one in asked], np.bool_),
        left=np.concatenate([2 * places + 1, none]),
        right=np.concatenate([2 * places + 2, none]),
        value=np.concatenate([np.zeros(inner), values[order] * scale]),
    )
