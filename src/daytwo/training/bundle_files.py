"""The files of a bundle: what serving needs of the chosen model, and what monitoring holds later windows against.

`scoring/model.py` reads the first, `monitoring/` the second. Nothing in them is timed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daytwo.contracts.contract import Contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.durations import duration
from daytwo.core.errors import DataError
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.importance import Leaning, leaning
from daytwo.explain.references import Explainer, build_explainer
from daytwo.explain.wording import Wording
from daytwo.explain.words import outcome_words
from daytwo.monitoring.alarming.attribution import Reasons
from daytwo.monitoring.estimating.estimator import Estimator
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
from daytwo.monitoring.judging.reference_fit import build_reference
from daytwo.monitoring.judging.slice_losses import expected_losses, known_losses
from daytwo.monitoring.judging.slice_table import build_slice_table
from daytwo.scoring.cases import CASES_FILE, Cases
from daytwo.scoring.confidence import CONFIDENCE_FILE
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.model import CALIBRATION_FILE, CONTRACT_FILE, EXPLAINER_FILE, PAYOFF_FILE, REPLAY_FILE
from daytwo.scoring.novelty import NOVELTY_FILE
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay, hard_rows
from daytwo.scoring.shapley_c import shapley_of
from daytwo.scoring.spoken import check_reasons
from daytwo.training.confidence_fit import fit_confidence
from daytwo.training.dataset import Parts, TrainingData, join
from daytwo.training.evaluate import answers
from daytwo.training.file_names import ESTIMATOR_FILE, ESTIMATOR_TREES, REFERENCE_FILE, SLICES_FILE
from daytwo.training.novelty_fit import fit_novelty
from daytwo.training.regret import against_the_best
from daytwo.training.trained import Trained

# The estimator learns a small correction; more of the held-out rows than the newest of these do not change it.
_ESTIMATOR_ROWS = 20_000


def explainer_of(contract: Contract, fit: TrainingData, payoff: Payoff, settings: ReasonsSettings) -> Explainer:
    """Return what the model's reasons compare with: typical rows of those it learned from.

    Raises
    ------
    DataError
        If the contract has no target.
    SettingsError
        If `settings` name what the contract does not have.
    """
    target = contract.target
    if target is None:
        raise DataError(f"the contract {contract.name!r} has no target", hint="Give one column the role 'target'")
    check_reasons(settings, contract)
    outcome = settings.names.get(target.name) or outcome_words(target.name, target.levels)
    return build_explainer(
        fit.matrix, fit.schema, task=payoff.task, outcome=outcome, labels=fit.labels, settings=settings
    )


def model_files(
    contract: Contract, chosen: Trained, parts: Parts, payoff: Payoff, explainer: Explainer
) -> dict[str, bytes]:
    """Return the files that serving needs, the replay set that proves them among them."""
    rows = hard_rows(parts.select.matrix, chosen.scorer.trees, parts.fit.schema)
    replay = Replay(rows, chosen.calibration.many(chosen.scorer.many(rows)))
    held, scores = join(parts.held_out), np.concatenate(chosen.held_scores(parts))
    return {
        **chosen.files,
        CALIBRATION_FILE: chosen.calibration.to_json(),
        CONTRACT_FILE: to_toml(contract).encode(),
        PAYOFF_FILE: payoff.to_json(),
        REPLAY_FILE: replay.to_bytes(),
        EXPLAINER_FILE: explainer.to_json(),
        CONFIDENCE_FILE: fit_confidence(scores, held.labels, payoff.task).to_json(),
        CASES_FILE: Cases.chosen(held.matrix, held.labels).to_bytes(),
        NOVELTY_FILE: fit_novelty(parts.fit.matrix, held.matrix, parts.fit.schema).to_json(),
    }


def leaning_of(chosen: Trained, parts: Parts, explainer: Explainer, settings: ReasonsSettings) -> Leaning | None:
    """Return what the model leans on, over the rows that travel with it; None where its engine has no trees."""
    explained = _reasons(chosen, explainer)
    if explained is None:
        return None
    held = join(parts.held_out)
    rows = Cases.chosen(held.matrix, held.labels).matrix
    return leaning(explained(rows), held.schema.names, Wording(settings).group_of)


def monitoring_files(
    chosen: Trained, parts: Parts, payoff: Payoff, explainer: Explainer, window: str, seed: int
) -> dict[str, bytes]:
    """Return the files that later windows, each as long as `window`, are held against."""
    rows = join((parts.fit, *parts.held_out))
    scores = np.concatenate([chosen.calibration.many(chosen.scorer.many(parts.fit.matrix)), *chosen.held_scores(parts)])
    held_out = np.arange(rows.rows) >= parts.fit.rows
    said = answers(payoff, scores, rows.column, rows.days)
    reference = build_reference(
        rows.matrix,
        said,
        rows.schema,
        task=payoff.task,
        labels=rows.labels,
        times=rows.times,
        held_out=held_out,
        window=duration(window),
        reasons=_reasons(chosen, explainer),
    )
    newest = np.flatnonzero(held_out)[-_ESTIMATOR_ROWS:]
    trees, estimator = fit_estimator(
        rows.matrix[newest],
        scores[newest],
        rows.labels[newest],
        schema=rows.schema,
        task=payoff.task,
        seed=seed,
        threads=1,
        act=None if said.act is None else said.act[newest],
    )
    files = {REFERENCE_FILE: reference.to_json(), ESTIMATOR_FILE: estimator.to_json()}
    files[SLICES_FILE] = _slices(join(parts.held_out), scores[held_out], payoff, estimator, trees)
    return files if trees is None else {**files, ESTIMATOR_TREES: trees.encode()}


def _reasons(chosen: Trained, explainer: Explainer) -> Reasons | None:
    """Return what tells the model's reasons, as its bundle will; None where the engine has no trees."""
    if chosen.scorer.trees is None:
        return None
    return shapley_of(chosen.scorer.trees, explainer.reference).many


def _slices(
    rows: TrainingData, scores: NDArray[np.float64], payoff: Payoff, estimator: Estimator, trees: str | None
) -> bytes:
    """Return what rows that the model did not learn from cost, slice by slice."""
    said = against_the_best(payoff, answers(payoff, scores, rows.column, rows.days), rows.column)
    raw = None if trees is None else LightgbmScorer(trees.encode(), rows.matrix.shape[1] + 1).many
    expected = expected_losses(estimator, rows.matrix, said, raw)
    known = known_losses(said, rows.labels, payoff.task)
    there = np.isfinite(expected) & np.isfinite(known)
    days = None if rows.days is None else rows.days[there]
    return build_slice_table(rows.matrix[there], expected[there], known[there], rows.schema, days).to_bytes()
