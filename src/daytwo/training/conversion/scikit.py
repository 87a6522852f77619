"""Trees of scikit-learn, read from the fitted estimator without importing the library.

Decision trees, forests, gradient boosting and histogram gradient boosting; before them a pipeline may fill gaps with
`SimpleImputer`. Its numbers are compared as in LightGBM: `x <= threshold`, in float64, of a float32 x.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import Refused
from daytwo.core.schema import Schema
from daytwo.training.conversion.grown_tree import GrownTree

# Shares of 1 that are added up again may come to a little more, which would be no probability.
_WITHIN_ONE = 1 - 2.0**-46
_WAY_OUT = "Export it as ONNX (skl2onnx) and run 'daytwo adopt', or return a model of trees"


def scikit_trees(estimator: Any, schema: Schema) -> tuple[list[GrownTree], bool]:
    """Return the trees of an estimator, and whether their sum is of log-odds rather than of the answer itself.

    `schema` tells the codes that a category may have, those that were not there in training among them.

    Raises
    ------
    Refused
        If the estimator is none of trees, or a step before it does more than fill gaps.
    """
    names = {one.__name__ for one in type(estimator).__mro__}
    if "Pipeline" in names:
        *before, last = [step for _, step in estimator.steps if step not in {None, "passthrough"}]
        trees, odds = scikit_trees(last, schema)
        return _filled(trees, before), odds
    classifier = hasattr(estimator, "classes_")
    if "BaseHistGradientBoosting" in names:
        return _histogram(estimator, schema), classifier
    if "BaseGradientBoosting" in names:
        _one_score(estimator.estimators_.shape[1])
        rate = float(estimator.learning_rate)
        return [_tree(one.tree_, rate, classifier=False) for one in estimator.estimators_[:, 0]], classifier
    if "BaseForest" in names:
        grown = estimator.estimators_
        return [_tree(one.tree_, _WITHIN_ONE / len(grown), classifier=classifier) for one in grown], False
    if "BaseDecisionTree" in names:
        return [_tree(estimator.tree_, 1.0, classifier=classifier)], False
    raise Refused(f"a {type(estimator).__name__} has no trees that daytwo could take over", hint=_WAY_OUT)


def _one_score(count: int) -> None:
    if count != 1:
        raise Refused(f"the model gives {count} scores a row", hint="Train it for two classes or for a value")


def _tree(tree: Any, scale: float, *, classifier: bool) -> GrownTree:
    _one_score(int(tree.n_outputs))
    values = np.asarray(tree.value, dtype=np.float64)[:, 0, :]
    if classifier:
        _one_score(values.shape[1] - 1)
        values = values[:, 1] / values.sum(axis=1)
    else:
        values = values[:, 0]
    return GrownTree(
        feature=np.asarray(tree.feature, dtype=np.int64),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        default_left=np.asarray(tree.missing_go_to_left).astype(bool),
        left=np.asarray(tree.children_left, dtype=np.int64),
        right=np.asarray(tree.children_right, dtype=np.int64),
        value=values * scale,
    )


def _histogram(estimator: Any, schema: Schema) -> list[GrownTree]:
    """Read histogram gradient boosting, which moves its categories to the front and gives them codes of its own."""
    is_category = np.zeros(int(estimator.n_features_in_), dtype=bool)
    if estimator.is_categorical_ is not None:
        is_category |= np.asarray(estimator.is_categorical_)
    columns = np.concatenate([np.flatnonzero(is_category), np.flatnonzero(~is_category)])
    known: list[NDArray[Any]] = []
    if is_category.any():
        known = list(estimator._preprocessor.named_transformers_["encoder"].categories_)  # noqa: SLF001  # no other way in
    found = []
    for predictors in estimator._predictors:  # noqa: SLF001  # nothing public holds the trees
        _one_score(len(predictors))
        found.append(_histogram_tree(predictors[0], columns, known, schema))
    return found


def _histogram_tree(
    predictor: Any, columns: NDArray[np.int64], known: Sequence[NDArray[Any]], schema: Schema
) -> GrownTree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    sets: dict[int, NDArray[np.int64]] = {}
    for place in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf).tolist():
        words = np.ascontiguousarray(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][place]]).astype("<u4")
        chosen = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
        feature = int(nodes["feature_idx"][place])
        named = np.asarray(known[feature], dtype=np.float64)
        codes: NDArray[np.int64] = named[~np.isnan(named)].astype(np.int64)
        left: NDArray[np.int64] = codes[chosen[chosen < len(codes)]]
        if nodes["missing_go_to_left"][place]:
            # A category that was not there in training, be it the contract's last, goes the way of a missing one.
            highest = max(len(schema.features[columns[feature]].levels), int(codes.max(initial=0)) + 1)
            new = np.setdiff1d(np.arange(highest + 1), codes)
            left = np.concatenate([left, new, [-1]])
        sets[place] = left
    return GrownTree(
        feature=columns[nodes["feature_idx"].astype(np.int64)],
        threshold=np.where(is_leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        default_left=nodes["missing_go_to_left"].astype(bool),
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        value=nodes["value"].astype(np.float64),
        sets=sets,
    )


def _filled(trees: list[GrownTree], before: Iterable[Any]) -> list[GrownTree]:
    """Send missing values where the value that a pipeline fills in for them goes."""
    for step in reversed(list(before)):
        if type(step).__name__ != "SimpleImputer" or step.add_indicator or not np.isnan(step.missing_values):
            raise Refused(
                f"the pipeline's {type(step).__name__} does more than fill gaps, and that cannot be taken over exactly",
                hint=_WAY_OUT + "; trees need no scaling, and data.matrix holds categories as codes",
            )
        values = np.asarray(step.statistics_, dtype=np.float64).astype(np.float32)
        if np.isnan(values).any():
            raise Refused(
                "SimpleImputer drops columns that are always missing", hint="Give those columns the role 'ignored'"
            )
        trees = [replace(tree, default_left=values[tree.feature] <= tree.threshold) for tree in trees]
    return trees
