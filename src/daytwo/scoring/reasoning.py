"""Why a row of one version got its score: exact, against the reference of its segment, and in words.

`shapley_c.py` works the contributions out, `explain/reasons.py` puts them into words; `model.py` holds one of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Task
from daytwo.explain.reasons import Reason, Scale, reasons
from daytwo.explain.references import Explainer, Reference
from daytwo.explain.trees import Trees
from daytwo.explain.wording import Wording
from daytwo.scoring.engine import Engine
from daytwo.scoring.shapley_c import Shapley, shapley_of

# An engine that adds trees up in float32 is this far from their sum.
_NEAR = 1e-5


@dataclass(frozen=True, slots=True)
class _Against:
    """One reference with what explains against it; `scale` is None where its score is not made of the trees' sum."""

    reference: Reference
    shapley: Shapley
    scale: Scale | None
    score: float


class Reasoner:
    """Explains the rows of one version. Any number of threads may ask at once.

    `calibrated` makes the score of what the engine says; `unit` is that of a regression's target.
    """

    def __init__(
        self,
        explainer: Explainer,
        engine: Engine,
        trees: Trees,
        calibrated: Callable[[float], float],
        wording: Wording,
        unit: str,
    ) -> None:
        self._explainer, self._engine, self._trees, self._calibrated = explainer, engine, trees, calibrated
        self._wording, self._unit = wording, unit
        self._common = self._against(explainer.common)
        self._own = {one.code: one for one in explainer.segments}
        # What explains a segment is made when the first row of it asks.
        self._made: dict[float, _Against] = {}

    def reasons(self, features: Sequence[float], row: Mapping[str, object], *, k: int) -> tuple[Reason, ...]:
        """Return up to `k` reasons for a higher score than the reference's, and `k` against."""
        against = self._for(features)
        return reasons(
            against.shapley.contributions(features),
            row,
            self._explainer,
            k=k,
            reference=against.reference,
            wording=self._wording,
            base=against.shapley.reference_score,
            scale=against.scale,
            unit=self._unit,
        )

    def compared_with(self, features: Sequence[float]) -> tuple[str, float]:
        """Return the name of the row's reference, and the reference's score."""
        against = self._for(features)
        return against.reference.name, against.score

    def contributions(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the contributions of rows against the common reference, shape (n, d) as `matrix`."""
        return self._common.shapley.many(matrix)

    def _for(self, features: Sequence[float]) -> _Against:
        place = self._explainer.segment
        if place is None:
            return self._common
        code = features[place]
        made = self._made.get(code)
        if made is None:
            own = self._own.get(code)
            if own is None:
                return self._common
            made = self._made[code] = self._against(own)
        return made

    def _against(self, reference: Reference) -> _Against:
        shapley = shapley_of(self._trees, reference.row)
        said = self._engine.one(reference.row)
        link = _sigmoid if self._explainer.task is Task.BINARY else float
        fits = abs(link(shapley.reference_score) - said) <= _NEAR * max(1.0, abs(said))
        scale = (lambda raw: self._calibrated(link(raw))) if fits else None
        return _Against(reference, shapley, scale, self._calibrated(said))


def _sigmoid(raw: float) -> float:
    return 1 / (1 + math.exp(-raw)) if raw >= 0 else (grown := math.exp(raw)) / (1 + grown)
