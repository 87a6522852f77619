"""Versions as the flows meet them: bundles loaded and kept, who is champion, what its monitoring files say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from daytwo.lifecycle.system import System
from daytwo.monitoring.estimate import Estimator, RawModel
from daytwo.monitoring.performance import Answers
from daytwo.monitoring.reference import Reference
from daytwo.registry.bundle import Bundle, BundleStore
from daytwo.registry.versions import current_route
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Lookup, Payoff

REFERENCE_FILE, ESTIMATOR_FILE, ESTIMATOR_TREES = "reference.json", "estimator.json", "estimator.txt"
# A handful of versions is in use at once: champion, candidate, the first one.
_KEPT = 6
# Batch work of the flows may use both cores of a small machine; a server process uses one.
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Watch:
    """What monitoring needs of one version."""

    reference: Reference
    estimator: Estimator
    raw: RawModel | None


@lru_cache(maxsize=_KEPT)
def load_model(store: BundleStore, digest: str) -> Model:
    """Return the model of a bundle, proved, and kept for the next call."""
    return Model.load(store.get(digest), threads=_THREADS)


@lru_cache(maxsize=_KEPT)
def load_watch(store: BundleStore, digest: str) -> Watch:
    """Return a bundle's reference and estimator, kept for the next call."""
    bundle = store.get(digest)
    estimator = Estimator.from_json(bundle.read(ESTIMATOR_FILE))
    return Watch(Reference.from_json(bundle.read(REFERENCE_FILE)), estimator, _raw(bundle))


def champion(system: System) -> Model | None:
    """Return the model that answers now, or None where nothing is live."""
    route = current_route(system.registry)
    return None if route is None else load_model(system.bundles, route.champion)


def answers(payoff: Payoff, scores: NDArray[np.float64], column: Lookup, clusters: NDArray[np.int64] | None) -> Answers:
    """Return scores with the decisions they lead to and what those bring, for monitoring.

    Where a column that an amount reads is missing, the row's money is unknown and counts as 0.
    """
    amounts = {name: np.nan_to_num(money) for name, money in payoff.amounts_many(len(scores), column).items()}
    if "error_cost" in amounts:
        return Answers(scores=scores, money_per_error=-amounts["error_cost"], clusters=clusters)
    act = payoff.decide_many(scores, column)
    return Answers(
        scores=scores,
        act=act.astype(np.float64),
        money_if_one=np.where(act, amounts["true_positive"], amounts["false_negative"]),
        money_if_zero=np.where(act, amounts["false_positive"], amounts["true_negative"]),
        clusters=clusters,
    )


def _raw(bundle: Bundle) -> RawModel | None:
    if ESTIMATOR_TREES not in bundle.manifest.files:
        return None
    estimator = Estimator.from_json(bundle.read(ESTIMATOR_FILE))
    scorer = LightgbmScorer(bundle.read(ESTIMATOR_TREES), len(estimator.low) + 1, threads=_THREADS)
    return scorer.many
