"""Glass boxes: students whose answer is a sum of curves, one a column, that anybody can read.

Trees that may ask for one column each are grown towards what the reference answers, and those of a column are put
together into one: its curve. What pairs of columns do can be added as a few trees that ask a row for two columns at
most. Then all leaves are fitted anew at once, as other students' are (`refit.py`).
"""

from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema, Task
from daytwo.explain.curves import Curve, curve_of
from daytwo.explain.trees import parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.conversion.grown_tree import GrownTree, join_trees, part_trees
from daytwo.training.conversion.tree_text import tree_text
from daytwo.training.curve_tree import curve_tree
from daytwo.training.fit import Binned, Fitted, boosted, model_text
from daytwo.training.recipe import Recipe
from daytwo.training.refit import refit

Floats = NDArray[np.float64]
# Trees of one column, before they are put together. More trees that learn slower follow the reference no better.
_CURVES = Recipe(trees=60, leaves=16, rate=0.4, min_rows=20, penalty=1.0)
# Trees that ask a row for two columns at most, and among how many: those whose curves matter most.
_PAIRS, _PAIRED_COLUMNS = Recipe(trees=10, leaves=63, rate=0.65, min_rows=20, penalty=2.0), 16
# Steps of a curve that matter less than this share of how much the answers differ are one.
_BEARABLE = 1e-5
_OBJECTIVES = {Task.BINARY: "binary sigmoid:1", Task.REGRESSION: "regression"}


def grow_additive(
    binned: Binned, matrix: NDArray[np.float32], answers: Floats, schema: Schema, *, sums: Floats, weights: Floats
) -> tuple[Fitted, Fitted]:
    """Grow two glass boxes: a sum of one curve a column, and the same with what pairs do.

    Parameters
    ----------
    matrix : shape (n, d)
        The rows that `binned` was made of.
    answers, sums, weights : shape (n,)
        What the reference says to them (probabilities or values), what the trees should add up to (log-odds or values),
        and how much a row counts.

    Sources: Y. Lou, R. Caruana & J. Gehrke (2012), Intelligible models for classification and regression, KDD, 150-158
    (boosted trees of one column each); Y. Lou, R. Caruana, J. Gehrke & G. Hooker (2013), Accurate intelligible models
    with pairwise interactions, KDD, 623-631.
    """
    alone = [[place] for place in range(len(schema.features))]
    base = float((weights * sums).sum() / weights.sum())
    grown = parse_trees(model_text(boosted(binned, answers, _CURVES, begin=np.full(len(sums), base), together=alone)))
    columns = enumerate(schema.features)
    curves = [curve_of(grown, place, feature, matrix[:, place], weights) for place, feature in columns]
    curves.sort(key=_weight, reverse=True)
    bearable = _BEARABLE * float((weights * (sums - base) ** 2).sum())
    # Where the reference says the same to all rows, one curve that is flat says so.
    telling = [curve for curve in curves if np.ptp([*curve.values, curve.missing]) > 0] or curves[:1]
    trees = [curve_tree(curve, bearable=bearable) for curve in telling]
    single = _fitted(trees, base, binned, schema, matrix, sums, weights)
    paired = sorted(curve.feature for curve in telling[:_PAIRED_COLUMNS])
    pairs = [[one, other] for i, one in enumerate(paired) for other in paired[i + 1 :]]
    if not pairs:
        return single, single
    scorer = LightgbmScorer(single.text, matrix.shape[1])
    begin = scorer.trees.leaf_value[scorer.leaves(matrix) + scorer.trees.first_leaf].sum(axis=1)
    both = parse_trees(model_text(boosted(binned, answers, _PAIRS, begin=begin, together=pairs)))
    kept = [*part_trees(scorer.trees), *part_trees(both)]
    return single, _fitted(kept, 0.0, binned, schema, matrix, sums, weights)


def _weight(curve: Curve) -> float:
    """Return how much a curve moves the rows' answers: its weighted squares around its mean."""
    middle = float((curve.weights * curve.values).sum() / max(curve.weights.sum(), 1e-12))
    return float((curve.weights * (curve.values - middle) ** 2).sum())


def _fitted(
    trees: list[GrownTree],
    base: float,
    binned: Binned,
    schema: Schema,
    matrix: NDArray[np.float32],
    sums: Floats,
    weights: Floats,
) -> Fitted:
    """Return the trees as a model whose leaves are fitted anew to the sums."""
    objective = _OBJECTIVES[binned.task]
    scorer = LightgbmScorer(tree_text(join_trees(trees), schema, objective=objective, base=base), matrix.shape[1])
    leaves = scorer.leaves(matrix)
    values = refit(scorer.trees, leaves, sums, weights, binned.directions)
    rows = np.bincount((leaves + scorer.trees.first_leaf).ravel(), minlength=len(values))
    text = tree_text(replace(scorer.trees, leaf_value=values), schema, objective=objective, leaf_rows=rows)
    gains = lgb.Booster(model_str=text.decode()).feature_importance("gain")
    return Fitted(text, len(trees), np.asarray(gains, dtype=np.float64))
