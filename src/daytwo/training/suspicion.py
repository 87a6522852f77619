"""What a person should look at before believing a new model: too good, no better than nothing, or one column's work.

Pure. `contracts/proposing/leaks.py` looks at columns before training; this looks at what training found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.training.dataset import Parts
from daytwo.training.evaluate import Evaluation

# Decisions worth predicting are hardly ever ranked this well by honest columns.
_TOO_GOOD_AUC = 0.99
# One column that does this share of the work is the model.
_ONE_COLUMN_SHARE = 0.9
# How many rows, and how many of a column's values in each of them, a promised direction is tried on.
_TRIED_ROWS, _TRIED_VALUES = 200, 25
# A step the wrong way below this, in the score's own size, is the last digits of a sum.
_LEAST_STEP = 1e-9


def suspicions(
    parts: Parts,
    evaluation: Evaluation,
    gains: NDArray[np.float64],
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    *,
    owner: str = "",
) -> tuple[Finding, ...]:
    """Return what is strange about a trained model; an empty tuple means nothing is.

    `gains` is how much each feature lowered the reference model's loss, shape (d,); `score` answers a feature matrix.
    """
    return (*_found(parts, evaluation, gains, owner), *_broken_directions(parts, score, owner))


def _broken_directions(
    parts: Parts, score: Callable[[NDArray[np.float32]], NDArray[np.float64]], owner: str
) -> Iterator[Finding]:
    """Try what the contract says of a column's score on real rows: models from elsewhere are not bound by it."""
    rows = parts.select.matrix[:: max(parts.select.rows // _TRIED_ROWS, 1)][:_TRIED_ROWS]
    for place, feature in enumerate(parts.fit.schema.features):
        known = parts.fit.matrix[:, place]
        known = known[~np.isnan(known)]
        if not feature.direction or not known.size:
            continue
        values = np.unique(np.quantile(known, np.linspace(0, 1, _TRIED_VALUES), method="nearest"))
        asked = np.repeat(rows, len(values), axis=0)
        asked[:, place] = np.tile(values, len(rows))
        scores = score(asked).reshape(len(rows), len(values))
        wrong = (np.diff(scores) * feature.direction < -_LEAST_STEP * np.abs(scores[:, 1:])).any(axis=1)
        if wrong.any():
            word = "rises" if feature.direction > 0 else "falls"
            yield Finding(
                "training.direction",
                feature.name,
                Severity.WARNING,
                f"the contract says that the score {word} with {feature.name}, and in {wrong.mean():.0%} of rows it "
                "does not throughout",
                evidence={"share": float(wrong.mean()), "rows": len(rows)},
                owner=owner,
                next_step=f"Bind the model where it is trained, or take score = '{word}' out of contract.toml",
            )


def _found(parts: Parts, evaluation: Evaluation, gains: NDArray[np.float64], owner: str) -> Iterator[Finding]:
    total = float(gains.sum())
    top = int(gains.argmax()) if gains.size else 0
    share = float(gains[top]) / total if total else 0.0
    name = parts.fit.schema.names[top] if gains.size else ""
    auc = evaluation.figures.get("roc_auc")
    if auc is not None and auc.value > _TOO_GOOD_AUC:
        yield Finding(
            "training.leak",
            name,
            Severity.CRITICAL,
            f"the model ranks almost perfectly (ROC AUC {auc.value:.4f}); {name} does {share:.0%} of the work",
            evidence={"roc_auc": auc.value, "gain_share": share},
            owner=owner,
            next_step=f"Check that {name} is known when the prediction is made; else add it to [data] exclude",
        )
    elif share > _ONE_COLUMN_SHARE:
        yield Finding(
            "training.one_column",
            name,
            Severity.WARNING,
            f"{name} does {share:.0%} of the model's work",
            evidence={"gain_share": share},
            owner=owner,
            next_step=f"Check that {name} is known when the prediction is made, and what happens when it is missing",
        )
    figure = evaluation.figures.get(evaluation.metric)
    trivial = evaluation.trivial.get(evaluation.metric)
    if figure is not None and trivial is not None:
        better = figure.low > trivial if evaluation.metric in HIGHER_IS_BETTER else figure.high < trivial
        if not better:
            yield Finding(
                "training.no_signal",
                evaluation.metric,
                Severity.WARNING,
                f"not shown to beat the same answer for every row: {evaluation.metric} {figure.value:.4f} "
                f"[{figure.low:.4f}, {figure.high:.4f}] against {trivial:.4f}",
                evidence={"value": figure.value, "low": figure.low, "high": figure.high, "trivial": trivial},
                owner=owner,
                next_step="Add columns that are known when the prediction is made, or more rows",
            )
