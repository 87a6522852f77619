"""The plan of what is live, looked at once a day: an expired plan or an overspent budget is a finding."""

from __future__ import annotations

from datetime import datetime, timedelta

from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.delivery.plan import Plan, lacking, lacks, plan_of
from daytwo.lifecycle.system import System
from daytwo.lifecycle.telling import close_quiet, tell_people
from daytwo.registry.versions import current_route

# The span that a budget is about.
SPAN = timedelta(days=30)
_LOOKED = "plan_looked"


def look_at_plan(system: System, now: datetime) -> tuple[str, ...]:
    """Tell people what the plan of the live version lacks; return what is new. At most once a day."""
    today = now.date().isoformat()
    if current_route(system.registry) is None or system.windows.fact(_LOOKED) == today:
        return ()
    plan = plan_of(system)
    spent = sum(cost.amount for cost in system.costs.costs() if now - SPAN < cost.at <= now)
    findings = plan_findings(plan, spent, now)
    told = tell_people(system, findings, at=now, opened_by=f"plan {today}")
    close_quiet(system, findings, kinds=("plan.",), at=now)
    system.windows.keep_fact(_LOOKED, today)
    return told


def plan_findings(plan: Plan, spent: float, now: datetime) -> list[Finding]:
    """Return what is wrong with the plan of a live version that has cost `spent` money in the last 30 days."""
    found = []
    missing = lacks(plan, now.date())
    if missing:
        found.append(
            Finding(
                "plan.lacks",
                "plan",
                Severity.WARNING,
                f"what is live has no whole plan any more: {lacking(missing)}",
                since=now,
                owner=plan.model_owner,
                evidence={"lacks": [lack.what for lack in missing]},
                next_step="Supply it in daytwo.toml; until then no new version is approved",
            )
        )
    if 0 < plan.budget < spent:
        found.append(
            Finding(
                "plan.budget",
                "budget",
                Severity.WARNING,
                f"the model cost {spent:,.2f} {plan.currency} in 30 days, the plan allows {plan.budget:,.2f}",
                since=now,
                owner=plan.model_owner,
                evidence={"spent": round(spent, 2), "budget": plan.budget},
                next_step="'daytwo value' shows what costs it; retrain less often, or raise budget in [plan]",
            )
        )
    return found
