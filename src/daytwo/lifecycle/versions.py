"""Versions as the flows meet them: bundles loaded and kept, who is champion, what its monitoring files say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from daytwo.lifecycle.system import System
from daytwo.monitoring.estimating.estimator import Estimator, RawModel
from daytwo.monitoring.estimating.performance import Answers
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.judging.slice_table import SliceTable
from daytwo.registry.bundle import Bundle, BundleStore
from daytwo.registry.versions import current_route
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Lookup, Payoff
from daytwo.training.evaluate import answers
from daytwo.training.file_names import ESTIMATOR_FILE, ESTIMATOR_TREES, REFERENCE_FILE, SLICES_FILE

# A handful of versions is in use at once: champion, candidate, the first one.
_KEPT = 6
# Batch work of the flows may use both cores of a small machine; a server process uses one.
_THREADS = 2
_LAST_COLUMN = b"max_feature_idx="


@dataclass(frozen=True, slots=True)
class Watch:
    """What monitoring needs of one version. One of before slices were searched has no table of them."""

    reference: Reference
    estimator: Estimator
    raw: RawModel | None
    slices: SliceTable | None


@lru_cache(maxsize=_KEPT)
def load_model(store: BundleStore, digest: str) -> Model:
    """Return the model of a bundle, proved, and kept for the next call."""
    return Model.load(store.get(digest), threads=_THREADS)


@lru_cache(maxsize=_KEPT)
def load_watch(store: BundleStore, digest: str) -> Watch:
    """Return a bundle's reference and estimator, kept for the next call."""
    bundle = store.get(digest)
    estimator = Estimator.from_json(bundle.read(ESTIMATOR_FILE))
    reference = Reference.from_json(bundle.read(REFERENCE_FILE))
    has_slices = SLICES_FILE in bundle.manifest.files
    slices = SliceTable.from_bytes(bundle.read(SLICES_FILE)) if has_slices else None
    return Watch(reference, estimator, _raw(bundle), slices)


def champion(system: System) -> Model | None:
    """Return the model that answers now, or None where nothing is live."""
    route = current_route(system.registry)
    return None if route is None else load_model(system.bundles, route.champion)


def money_answers(
    payoff: Payoff, scores: NDArray[np.float64], column: Lookup, clusters: NDArray[np.int64] | None
) -> Answers:
    """Return scores with the decisions they lead to and what those bring; a row whose money is unknown counts as 0."""
    given = answers(payoff, scores, column, clusters)

    def known(money: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        return None if money is None else np.nan_to_num(money)

    return replace(
        given,
        money_if_one=known(given.money_if_one),
        money_if_zero=known(given.money_if_zero),
        money_per_error=known(given.money_per_error),
    )


def _raw(bundle: Bundle) -> RawModel | None:
    if ESTIMATOR_TREES not in bundle.manifest.files:
        return None
    estimator, trees = Estimator.from_json(bundle.read(ESTIMATOR_FILE)), bundle.read(ESTIMATOR_TREES)
    if estimator.kind == "plain":
        return None
    return LightgbmScorer(trees, estimator.columns or _columns(trees), threads=_THREADS).many


def _columns(trees: bytes) -> int:
    """Return how many columns LightGBM's text reads: older bundles do not say it elsewhere."""
    last = next(line for line in trees.splitlines() if line.startswith(_LAST_COLUMN))
    return int(last.removeprefix(_LAST_COLUMN)) + 1
