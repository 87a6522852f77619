"""A model ready to answer: everything a bundle holds of it, put together and proved.

Light: the server loads it, so nothing here or below imports a frame library or LightGBM's Python package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import Decoder, compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml import from_toml
from daytwo.core.errors import DataError, NotFound, Refused
from daytwo.core.schema import Schema, Task
from daytwo.explain.reasons import PLAIN, Reason
from daytwo.explain.references import Explainer
from daytwo.explain.wording import Wording
from daytwo.registry.bundle import Bundle, Manifest
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.cases import CASES_FILE, Cases
from daytwo.scoring.confidence import CONFIDENCE_FILE, Confidence
from daytwo.scoring.engine import Engine
from daytwo.scoring.engines import Opened, open_engine
from daytwo.scoring.novelty import NOVELTY_FILE, Novelty, NoveltyCheck
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.reasoning import Reasoner
from daytwo.scoring.replay import Replay
from daytwo.scoring.trees_c import TreeScorer

# What a bundle must hold to be served, besides one of the model files in `engines.py`.
CONTRACT_FILE = "contract.toml"
CALIBRATION_FILE = "calibration.json"
PAYOFF_FILE = "payoff.json"
REPLAY_FILE = "replay.npy"
# What it may hold: without it, and without trees, there are no reasons.
EXPLAINER_FILE = "explainer.json"
_Held = TypeVar("_Held")
_REASONS_HINT = "Serve it as LightGBM or XGBoost trees, with an explainer, to have reasons"


@dataclass(frozen=True)
class Model:
    """One version of a model. Any number of threads may score with it at once."""

    digest: str
    manifest: Manifest
    contract: Contract
    decoder: Decoder
    encoder: Encoder
    engine: Engine
    calibration: Calibration
    payoff: Payoff
    explainer: Explainer | None
    # Why LightGBM's library scores, where our own engine could; empty otherwise.
    slower: str = ""
    confidence: Confidence | None = None
    novelty: Novelty | None = None
    cases: Cases | None = None
    wording: Wording = PLAIN

    @staticmethod
    def load(bundle: Bundle, *, threads: int = 1, wording: Wording = PLAIN) -> Model:
        """Read a bundle and prove it on its replay set; `wording` is how its reasons speak of columns.

        Raises
        ------
        Refused
            If a file is not what was put in, the contract is not the one the model was made with, the model is code
            that the project does not trust, a replayed row does not get its score, or a probability is none.
        DataError
            If a file is damaged in itself.
        NotFound
            If the bundle lacks a file that serving needs.
        Mistake
            If the package that the model's engine needs is not installed.
        """
        contract = from_toml(bundle.read(CONTRACT_FILE).decode())
        if contract.digest != bundle.manifest.contract:
            raise Refused(
                f"bundle {bundle.digest[:12]} names the contract {bundle.manifest.contract[:12]} "
                f"and holds {contract.digest[:12]}",
                hint="Make the model again",
            )
        replay = Replay.from_bytes(bundle.read(REPLAY_FILE))
        n_features = len(contract.features.features)
        if (width := replay.matrix.shape[1]) != n_features:
            raise DataError(
                f"the replay set has {width} features, the contract has {n_features}", hint="Make the model again"
            )
        model = _put_together(bundle, contract, open_engine(bundle, n_features, threads=threads), wording)
        try:
            model.prove(replay)
        except Refused as err:
            if model.engine.name != TreeScorer.name:
                raise
            # The scores were LightGBM's when the bundle was made: it is asked itself before the model is refused.
            not_ours = f"our own engine is passed over: {err.message}"
            opened = open_engine(bundle, n_features, threads=threads, not_ours=not_ours)
            model = _put_together(bundle, contract, opened, wording)
            model.prove(replay)
        if model.task is Task.BINARY and not ((replay.scores >= 0) & (replay.scores <= 1)).all():
            raise Refused(
                f"the model's scores go from {replay.scores.min():.3g} to {replay.scores.max():.3g}, and a probability "
                "lies in [0, 1]",
                hint="Export the probability of the positive class, not log-odds or a label",
            )
        return model

    def prove(self, replay: Replay) -> None:
        """Score the replay set, in a block and row by row.

        Raises
        ------
        Refused
            If a row does not get its score.
        """
        replay.prove(self.score_many)
        replay.prove(lambda rows: np.array([self.score(row) for row in rows.tolist()]))

    @property
    def schema(self) -> Schema:
        """The model's features, in order."""
        return self.encoder.schema

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return self.manifest.task

    def score(self, features: Sequence[float]) -> float:
        """Return the calibrated probability, or the predicted value, of one encoded row."""
        return self.calibration.one(self.engine.one(features))

    def score_many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return what `score` returns for every row of a feature matrix, shape (n,), to the engine's tolerance.

        LightGBM and XGBoost give the same bits.
        """
        return self.calibration.many(self.engine.many(matrix))

    def agrees(self, score: float, before: float) -> bool:
        """Whether `score` is what this model gave as `before`, one of them perhaps alone and one in a block."""
        return abs(score - before) <= self.engine.tolerance * max(1.0, abs(before))

    def explain(self, features: Sequence[float], row: Mapping[str, object], *, k: int = 3) -> tuple[Reason, ...]:
        """Return why this encoded row is not scored as its reference: up to `k` reasons for and `k` against.

        `row` holds the raw values, for the words. The reference is that of the row's segment, where it has one.

        Raises
        ------
        NotFound
            If the engine has no trees, or the bundle holds no explainer.
        """
        return self._reasoner.reasons(features, row, k=k)

    def compared_with(self, features: Sequence[float]) -> tuple[str, float]:
        """Return the name of the reference that `explain` compares an encoded row with, and the reference's score.

        Raises
        ------
        NotFound
            As `explain` does.
        """
        return self._reasoner.compared_with(features)

    def contributions(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return what each feature adds to the raw scores of rows, against the typical row of all: shape (n, d).

        Raises
        ------
        NotFound
            As `explain` does.
        """
        return self._reasoner.contributions(matrix)

    @property
    def no_reasons(self) -> str:
        """Why there are no reasons, in words; empty where there are."""
        if self.explainer is not None:
            return ""
        if self.engine.trees is None:
            return f"the engine {self.engine.name} has no trees to work them out from"
        return f"its bundle holds no {EXPLAINER_FILE}"

    @cached_property
    def novelty_check(self) -> NoveltyCheck:
        """What is unusual in an encoded row; nothing where the bundle does not say what is usual."""
        return NoveltyCheck(self.novelty or Novelty(0.0, {}), self.schema.names)

    @cached_property
    def typical_score(self) -> float:
        """The score of the reference row that reasons compare with; NaN without an explainer."""
        return self.score(self.explainer.reference) if self.explainer else float("nan")

    @cached_property
    def _reasoner(self) -> Reasoner:
        if self.explainer is None or self.engine.trees is None:
            raise NotFound(f"the model {self.digest[:12]} gives no reasons: {self.no_reasons}", hint=_REASONS_HINT)
        target = self.contract.target
        unit = "" if target is None else self.wording.unit(target.name)
        return Reasoner(self.explainer, self.engine, self.engine.trees, self.calibration.one, self.wording, unit)


def _put_together(bundle: Bundle, contract: Contract, opened: Opened, wording: Wording) -> Model:
    engine = opened.engine
    explained = engine.trees is not None and EXPLAINER_FILE in bundle.manifest.files
    return Model(
        digest=bundle.digest,
        manifest=bundle.manifest,
        contract=contract,
        decoder=compile_decoder(contract),
        encoder=Encoder(contract),
        engine=engine,
        calibration=Calibration.from_json(bundle.read(CALIBRATION_FILE)),
        payoff=Payoff.from_json(bundle.read(PAYOFF_FILE)),
        explainer=Explainer.from_json(bundle.read(EXPLAINER_FILE)) if explained else None,
        slower=opened.slower,
        confidence=_if_held(bundle, CONFIDENCE_FILE, Confidence.from_json),
        novelty=_if_held(bundle, NOVELTY_FILE, Novelty.from_json),
        cases=_if_held(bundle, CASES_FILE, Cases.from_bytes),
        wording=wording,
    )


def _if_held(bundle: Bundle, name: str, read: Callable[[bytes], _Held]) -> _Held | None:
    """Return what an optional file of a bundle holds; bundles of earlier versions do not have it."""
    return read(bundle.read(name)) if name in bundle.manifest.files else None
