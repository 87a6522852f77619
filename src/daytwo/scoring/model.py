"""A model ready to answer: everything a bundle holds of it, put together and proved.

Light: the server loads it, so nothing here or below imports a frame library or LightGBM's Python package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import Decoder, compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml import from_toml
from daytwo.core.errors import NotFound, Refused
from daytwo.core.schema import Schema, Task
from daytwo.explain.reasons import Explainer, Reason, reasons
from daytwo.explain.shapley import ReferenceShapley
from daytwo.registry.bundle import Bundle, Manifest
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay

# What a bundle must hold to be served.
MODEL_FILE = "model.txt"
CONTRACT_FILE = "contract.toml"
CALIBRATION_FILE = "calibration.json"
PAYOFF_FILE = "payoff.json"
REPLAY_FILE = "replay.npy"
# What it may hold: without it there are no reasons.
EXPLAINER_FILE = "explainer.json"


@dataclass(frozen=True)
class Model:
    """One version of a model. Any number of threads may score with it at once."""

    digest: str
    manifest: Manifest
    contract: Contract
    decoder: Decoder
    encoder: Encoder
    scorer: LightgbmScorer
    calibration: Calibration
    payoff: Payoff
    explainer: Explainer | None

    @staticmethod
    def load(bundle: Bundle, *, threads: int = 1) -> Model:
        """Read a bundle and prove it on its replay set.

        Raises
        ------
        Refused
            If a file is not what was put in, the contract is not the one the model was made with, or a replayed
            row does not get its score.
        DataError
            If a file is damaged in itself.
        NotFound
            If the bundle lacks a file that serving needs.
        """
        contract = from_toml(bundle.read(CONTRACT_FILE).decode())
        if contract.digest != bundle.manifest.contract:
            raise Refused(
                f"bundle {bundle.digest[:12]} names the contract {bundle.manifest.contract[:12]} "
                f"and holds {contract.digest[:12]}",
                hint="Make the model again",
            )
        explainer = EXPLAINER_FILE in bundle.manifest.files
        model = Model(
            digest=bundle.digest,
            manifest=bundle.manifest,
            contract=contract,
            decoder=compile_decoder(contract),
            encoder=Encoder(contract),
            scorer=LightgbmScorer(bundle.read(MODEL_FILE), len(contract.features.features), threads=threads),
            calibration=Calibration.from_json(bundle.read(CALIBRATION_FILE)),
            payoff=Payoff.from_json(bundle.read(PAYOFF_FILE)),
            explainer=Explainer.from_json(bundle.read(EXPLAINER_FILE)) if explainer else None,
        )
        replay = Replay.from_bytes(bundle.read(REPLAY_FILE))
        replay.prove(model.score_many)
        replay.prove(lambda rows: np.array([model.score(row) for row in rows.tolist()]))
        return model

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
        return self.calibration.one(self.scorer.one(features))

    def score_many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return what `score` returns for every row of a feature matrix, shape (n,), to the last bit."""
        return self.calibration.many(self.scorer.many(matrix))

    def explain(self, features: Sequence[float], row: Mapping[str, object], *, k: int = 3) -> tuple[Reason, ...]:
        """Return why this encoded row is not scored as the typical one: up to `k` reasons for and `k` against.

        `row` holds the raw values, for the words.

        Raises
        ------
        NotFound
            If the bundle holds no explainer.
        """
        if self.explainer is None:
            raise NotFound(f"the model {self.digest[:12]} holds no explainer", hint="Make the model again")
        return reasons(self._shapley.contributions(features), row, self.explainer, k=k)

    @cached_property
    def typical_score(self) -> float:
        """The score of the reference row that reasons compare with; NaN without an explainer."""
        return self.score(self.explainer.reference) if self.explainer else float("nan")

    @cached_property
    def _shapley(self) -> ReferenceShapley:
        assert self.explainer is not None
        return ReferenceShapley(self.scorer.trees, self.explainer.reference)
