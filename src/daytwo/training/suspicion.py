"""What a person should look at before believing a new model: too good, no better than nothing, or one column's work.

Pure. `contracts/proposing/leaks.py` looks at columns before training; this looks at what training found.
"""

from __future__ import annotations

from collections.abc import Iterator

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


def suspicions(
    parts: Parts, evaluation: Evaluation, gains: NDArray[np.float64], *, owner: str = ""
) -> tuple[Finding, ...]:
    """Return what is strange about a trained model; an empty tuple means nothing is.

    `gains` is how much each feature lowered the reference model's loss, shape (d,).
    """
    return tuple(_found(parts, evaluation, gains, owner))


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
