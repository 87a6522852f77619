"""What one version leans on, over real rows that its trees did not learn from: those that stand in its bundle."""

from __future__ import annotations

from daytwo.contracts.toml import read_contract
from daytwo.core.errors import NotFound
from daytwo.explain.importance import Leaning, leaning
from daytwo.explain.wording import Wording
from daytwo.lifecycle.reasoning.asked import asked_version
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model
from daytwo.scoring.spoken import check_reasons


def overall(system: System, version: str) -> tuple[str, Leaning]:
    """Return a version's digest and what it leans on, in the project's groups; no name asks for the one that answers.

    Raises
    ------
    NotFound
        If there is no such version, nothing is live, or the version gives no reasons or holds no rows.
    SettingsError
        If `[reasons]` names what the contract does not have.
    """
    digest = asked_version(system, version, "--global")
    model = load_model(system.bundles, digest)
    if model.cases is None:
        raise NotFound(
            f"the bundle of {digest[:12]} was made before real rows were kept in it",
            hint="Train the model again; its next version tells what it leans on",
        )
    check_reasons(system.settings.reasons, read_contract(system.contract_path))
    groups = Wording(system.settings.reasons).group_of
    return digest, leaning(model.contributions(model.cases.matrix), model.schema.names, groups)
