"""The whole of a glass box: what each value of each column adds, in the project's words."""

from __future__ import annotations

from daytwo.contracts.toml import read_contract
from daytwo.core.errors import NotFound
from daytwo.explain.curves import Read, read_curves
from daytwo.explain.wording import Wording
from daytwo.lifecycle.reasoning.asked import asked_version
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model
from daytwo.scoring.spoken import check_reasons


def curves(system: System, version: str) -> tuple[str, Read]:
    """Return a version's digest and its curves, beside its typical row; no name asks for the one that answers.

    Raises
    ------
    NotFound
        If there is no such version, nothing is live, or the version is no glass box.
    SettingsError
        If `[reasons]` names what the contract does not have.
    """
    digest = asked_version(system, version, "--curves")
    model = load_model(system.bundles, digest)
    if model.engine.trees is None or model.explainer is None:
        raise NotFound(
            f"{version or digest[:12]} has no trees to read curves from",
            hint="Train a version here: one that was adopted as ONNX, or is code, is read by nobody",
        )
    check_reasons(system.settings.reasons, read_contract(system.contract_path))
    wording = Wording(system.settings.reasons)
    return digest, read_curves(model.engine.trees, model.schema, model.explainer.common.row, wording)
