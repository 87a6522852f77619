"""The plan without which nothing goes live: who answers for it, what it is for, what it may cost, what stands in.

Pure but for `plan_of`, which reads a project; `overdue.py` next door looks at the plan of what is live already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from daytwo.contracts.column import Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import Refused
from daytwo.lifecycle.gating.gates import GateResult
from daytwo.lifecycle.system import System
from daytwo.registry.versions import current_route
from daytwo.training.file_names import ESTIMATOR_FILE, REFERENCE_FILE


@dataclass(frozen=True, slots=True)
class Plan:
    """What a project says about a version that is to go live. Empty text, 0 and None say nothing.

    `champion` is what it would replace, None for a first version; `kept` says whether that can be loaded again.
    `monitored` says whether the candidate brings what its monitors compare with. What is None was judged before, with
    the candidate, and is not asked again.
    """

    model_owner: str
    contract_owner: str | None
    features: int | None
    kpi: str
    budget: float
    policy: str
    fallback: str
    review_by: str
    champion: str | None
    kept: bool | None
    monitored: bool | None
    currency: str


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a plan lacks, and what supplies it."""

    what: str
    mend: str


def lacks(plan: Plan, today: date) -> tuple[Lack, ...]:
    """Return everything that the plan lacks on this day, in the order of the issue; nothing where it is whole."""
    no_previous = plan.fallback == "previous" and plan.champion is None
    checked = (
        (plan.model_owner.strip(), "an owner of the model", "owner in [model] of daytwo.toml"),
        (
            plan.contract_owner is None or plan.contract_owner.strip(),
            "an owner of the contract",
            "owner in contract.toml",
        ),
        (
            plan.features is None or plan.features,
            "a contract with inputs",
            "'daytwo contract propose' writes contract.toml",
        ),
        (plan.monitored is not False, "monitors", "train it with daytwo, or adopt it with rows to compare with"),
        (plan.budget > 0, "a budget", "budget in [plan] of daytwo.toml, money per 30 days"),
        (plan.kpi.strip(), "a KPI", "kpi in [plan] of daytwo.toml, the figure it is to move, in words"),
        (plan.policy.strip(), "a retraining policy", "policy in [retrain] of daytwo.toml"),
        (plan.fallback.strip() and not no_previous, "a fallback", _fallback(no_previous=no_previous)),
        (plan.champion is None or plan.kept is not False, "a version to roll back to", _rollback(plan)),
    )
    found = [Lack(what, mend) for there, what, mend in checked if not there]
    return (*found, *_review(plan.review_by, today))


def plan_gate(plan: Plan, today: date) -> GateResult:
    """Refuse a version whose plan lacks anything; the words name all of it and what supplies each.

    A first version has nothing to roll back to: there the fallback answers in its place.
    """
    missing = lacks(plan, today)
    evidence: dict[str, object] = {"lacks": [lack.what for lack in missing], "review_by": plan.review_by}
    if missing:
        return GateResult("plan", False, lacking(missing), evidence)
    back = f"back to {plan.champion[:12]}" if plan.champion else f"first version, so back to {plan.fallback}"
    owners = dict.fromkeys((plan.model_owner, plan.contract_owner or plan.model_owner))
    words = (
        f"owned by {', '.join(owners)}; for {plan.kpi}; may cost"
        f" {plan.budget:,.0f} {plan.currency} in 30 days; retrained {plan.policy}; fallback {plan.fallback};"
        f" {back}; reviewed by {plan.review_by}"
    )
    return GateResult("plan", True, words, evidence)


def lacking(missing: tuple[Lack, ...]) -> str:
    """Return what a plan lacks in words.

    Examples
    --------
    >>> lacking((Lack("a KPI", "kpi in [plan]"),))
    'the plan lacks a KPI (kpi in [plan])'
    """
    return f"the plan lacks {'; '.join(f'{lack.what} ({lack.mend})' for lack in missing)}"


def plan_of(system: System, digest: str = "") -> Plan:
    """Return the plan of a project as its files say it now: for the candidate `digest`, else what settings say."""
    settings = system.settings
    contract = read_contract(system.contract_path) if digest else None
    route = current_route(system.registry)
    champion = None if route is None else route.champion
    return Plan(
        settings.model.owner,
        contract.owner if contract else None,
        _features(contract) if contract else None,
        settings.plan.kpi,
        settings.plan.budget,
        settings.retrain.policy,
        str(settings.serve.fallback),
        settings.plan.review_by,
        champion,
        champion in system.bundles.list() if champion and digest else None,
        _is_monitored(system, digest) if digest else None,
        settings.value.currency,
    )


def must_have_plan(system: System, now: datetime) -> None:
    """Raise Refused where the settings lack anything of the plan now; the rest was judged with the candidate."""
    missing = lacks(plan_of(system), now.date())
    if missing:
        raise Refused(lacking(missing), hint="Supply all of it, then approve again")


def _features(contract: Contract) -> int:
    return sum(column.role is Role.FEATURE for column in contract.columns)


def _is_monitored(system: System, digest: str) -> bool:
    return {ESTIMATOR_FILE, REFERENCE_FILE} <= set(system.bundles.get(digest).manifest.files)


def _fallback(*, no_previous: bool) -> str:
    why = "; 'previous' has nothing to answer with before a second version" if no_previous else ""
    return f"fallback in [serve] of daytwo.toml, such as base_rate{why}"


def _rollback(plan: Plan) -> str:
    return f"the bundle of {str(plan.champion)[:12]} is gone: restore .daytwo/bundles from a backup"


def _review(text: str, today: date) -> tuple[Lack, ...]:
    mend = "review_by in [plan] of daytwo.toml, a day such as 2027-01-31"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return (Lack("a day by which people look at it again", mend),)
    return (Lack(f"a review: it was due by {day}", f"read it anew, then set {mend}"),) if today > day else ()
