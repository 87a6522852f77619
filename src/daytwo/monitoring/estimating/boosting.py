"""Small boosted trees that say what a score does not: learnt across folds, then on all rows.

`estimator_fit.py` decides what of it is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema
from daytwo.monitoring.estimating.estimator import RawModel
from daytwo.monitoring.profiles.bins import Floats

_MAX_ROUNDS = 120
# Small and shy: the score already knows nearly everything.
_PARAMETERS = {
    "num_leaves": 7,
    "learning_rate": 0.1,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "feature_fraction": 0.7,
    "cat_smooth": 50.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """What trees learn from: `inputs` shape (n, d), the `target` and the raw outputs to start from, shape (n,)."""

    inputs: NDArray[np.float32]
    target: Floats
    schema: Schema
    start: Floats | None = None

    def data(self, rows: NDArray[np.bool_], parameters: dict[str, object]) -> lgb.Dataset:
        """Return some of the rows as LightGBM wants them."""
        return lgb.Dataset(
            self.inputs[rows],
            self.target[rows],
            init_score=None if self.start is None else self.start[rows],
            categorical_feature=list(self.schema.categories),
            params=parameters,
        )


@dataclass(frozen=True, slots=True)
class Learner:
    """How trees are grown: for 0 and 1 from an offset in logits, or for values."""

    binary: bool
    seed: int
    threads: int

    @property
    def parameters(self) -> dict[str, object]:
        """LightGBM's parameters."""
        objective = "binary" if self.binary else "regression_l2"
        return {**_PARAMETERS, "seed": self.seed, "num_threads": self.threads, "objective": objective}

    def across(self, rows: Rows, parts: NDArray[np.intp], starts: Floats | None = None) -> tuple[int, Floats]:
        """Return the number of rounds that did best on held-out folds together, and their raw outputs there, (n,).

        `starts`, shape (folds, n), is where all rows start from while a fold is held out. It must not know that fold:
        what it knew, the trees would learn with the sign turned.
        """
        losses, grown = np.zeros(_MAX_ROUNDS), []
        for part in range(int(parts.max()) + 1):
            held = parts == part
            told: dict[str, dict[str, list[float]]] = {}
            given = rows if starts is None else replace(rows, start=starts[part])
            learnt, judged = given.data(~held, self.parameters), given.data(held, self.parameters)
            judged.set_reference(learnt)
            watch = [lgb.record_evaluation(told)]
            grown.append(lgb.train(self.parameters, learnt, _MAX_ROUNDS, valid_sets=[judged], callbacks=watch))
            losses += np.array(next(iter(told["valid_0"].values()))) * held.mean()
        rounds = int(np.argmin(losses)) + 1
        raw = np.empty(parts.size)
        for part, trees in enumerate(grown):
            held = parts == part
            raw[held] = trees.predict(rows.inputs[held], raw_score=True, num_iteration=rounds, num_threads=self.threads)
        return rounds, raw

    def grow(self, rows: Rows, rounds: int, part: NDArray[np.bool_] | None = None) -> lgb.Booster:
        """Return trees grown on all rows, or on a part of them."""
        chosen = np.ones(rows.target.size, dtype=bool) if part is None else part
        return lgb.train(self.parameters, rows.data(chosen, self.parameters), rounds)


def used(trees: lgb.Booster) -> tuple[int, ...]:
    """Return the columns that trees split on, the most useful first."""
    gain = trees.feature_importance("gain")
    return tuple(int(i) for i in np.argsort(-gain, kind="stable") if gain[i] > 0)


def outputs(trees: lgb.Booster) -> RawModel:
    """Return the trees as a function from inputs to raw outputs, on one thread."""
    return lambda inputs: np.asarray(trees.predict(inputs, raw_score=True, num_threads=1), dtype=np.float64)


def raw_text(trees: lgb.Booster) -> str:
    """Return the model text with the plain regression objective, so that any scorer answers the raw output."""
    text: str = trees.model_to_string(num_iteration=-1)
    lines = ["objective=regression" if line.startswith("objective=") else line for line in text.split("\n")]
    return "\n".join(lines)
