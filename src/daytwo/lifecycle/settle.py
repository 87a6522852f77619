"""A window's labels have come: what it was worth, whether a fresh model is better, whether retraining pays.

Compares on the very same rows what was answered, the first version (had nobody retrained), the champion, and the
challenger that was trained before the window. The policy (`retraining/policy.py`) decides; doing nothing is recorded
with its reason too. A new champion that is worse for sure than the one before it is rolled back.
"""

from __future__ import annotations

from dataclasses import asdict

from daytwo.core.durations import duration, rate_per_day
from daytwo.core.finding import Finding, Severity
from daytwo.core.retraining import retrain_policy
from daytwo.core.schema import Task
from daytwo.lifecycle.comparison import compare, finite
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.late import figures_of, inputs_alone
from daytwo.lifecycle.releases import OPEN, State
from daytwo.lifecycle.retraining.alarms import early_alarms
from daytwo.lifecycle.retraining.challengers import challenger_cost, train_next
from daytwo.lifecycle.retraining.evidence import evidence
from daytwo.lifecycle.retraining.policy import judged
from daytwo.lifecycle.retraining.position import standing_of
from daytwo.lifecycle.retraining.purse import BUDGET_KIND, afforded, purse, want_of_money
from daytwo.lifecycle.retraining.retrain import Prices, decide
from daytwo.lifecycle.rollback import roll_back
from daytwo.lifecycle.slicing import realised_slices
from daytwo.lifecycle.system import System
from daytwo.lifecycle.telling import close_quiet, tell_people
from daytwo.lifecycle.versions import load_watch
from daytwo.lifecycle.watch import finding_json, read_span
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.lifecycle.words import share
from daytwo.monitoring.judging.harm import Harm, performance_findings
from daytwo.monitoring.judging.judge import ALARM_SHARE

# After a refusal the rule rests for so many windows: the same rows would be refused again.
_REST_WINDOWS = 2
# So many standard errors of saving before a candidate is made: gates would not believe less, and the rule would rest.
_BELIEVED = 1.0
_DAY_S = 86_400
# Alerts of these are over when a settled window does not repeat them.
_KINDS = ("performance.realised", "performance.concept", "performance.slice.realised", BUDGET_KIND)
# Says of a decision that the budget alone stands against a new version.
_SHORT = "short_of_money"


def settle_window(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Settle one window: realised figures, the decision on retraining, the next challenger."""
    span = read_span(arguments)
    figures = run.step("compare", lambda: compare(system, span))
    if figures is None:
        return {"retrain": False, "words": "no labelled rows in this window"}
    decision = run.step("decide", lambda: _decide(system, span, figures))
    run.step("challenger", lambda: train_next(run.id, system, span, decision))

    def record() -> dict[str, Json]:
        watched = {one.span.index: one.watched for one in system.windows.windows()}.get(span.index)
        found = losses(system, span, figures, watched)
        if decision.get(_SHORT):
            owner = system.settings.retrain.owner or system.settings.model.owner
            gain = decision.get("expected_gain")
            found.append(want_of_money(str(decision["words"]), gain, owner=owner, since=span.start))
        told_so: dict[str, Json] = {
            "decision": decision,
            "findings": [finding_json(one) for one in found],
            "verdict": "worse" if any(one.kind == "performance.realised" for one in found) else "",
        }
        system.windows.put(WindowRecord(span, watched, figures | told_so))
        alerts = tell_people(system, found, at=span.end, opened_by=f"settle {span.name}")
        close_quiet(system, found, kinds=_KINDS, at=span.end)
        told = in_words(figures, watched, system.settings.value.currency)
        return {"rolled_back": _guard(system, span, figures, run.id), "alerts": list(alerts), "told": told}

    guarded = run.step("record", record)
    return decision | guarded


def in_words(figures: dict[str, Json], watched: dict[str, Json] | None, currency: str) -> str:
    """Say in one sentence how the window went: estimated before the labels, realised with them, in metric and money."""
    live, static = figures_of(figures["live"]), figures_of(figures["static"])
    guess = {} if watched is None else figures_of(watched["estimated"])
    name = next((name for name in ("roc_auc", "mae") if name in live), "")
    if not name:
        return "too few outcomes for a figure"
    metric = "ROC AUC" if name == "roc_auc" else "mean absolute error"
    words = f"{metric} {live[name].value:.3f} realised"
    if name in guess:
        words = f"{metric} {guess[name].value:.3f} estimated, {live[name].value:.3f} realised"
    words += f" ({static[name].value:.3f} had nobody retrained)"
    if "money" in live:
        words += f"; {live['money'].value:,.0f} {currency}"
    rows, labelled = int(str(figures["rows"])), int(str(figures["labelled"]))
    return f"{words}; {share(labelled / rows)} of the labels in"


def losses(system: System, span: Span, figures: dict[str, Json], watched: dict[str, Json] | None) -> list[Finding]:
    """Return what the labels show to be worse than usual, within the budget of false alarms that is left for it."""
    usual = load_watch(system.bundles, str(figures["champion_digest"])).reference.performance
    days = (span.end - span.start).total_seconds() / _DAY_S
    chance = (1 - ALARM_SHARE) * rate_per_day(system.settings.monitor.false_alarms) * days
    harm = Harm(
        headline="roc_auc" if system.settings.model.task is Task.BINARY else "mae",
        usual=usual,
        estimated=inputs_alone(watched),
        realised=figures_of(figures["champion"]),
        rows=int(str(figures["rows"])),
        labelled=int(str(figures["labelled"])),
        days=days,
        chance=min(chance, 0.5),
        currency=system.settings.value.currency,
    )
    # What was estimated to be worse was told when the window ended.
    found = [one for one in performance_findings(harm, span.start) if one.kind != "performance.estimated"]
    return [*found, *realised_slices(system, span, str(figures["champion_digest"]), chance=chance)]


def _decide(system: System, span: Span, figures: dict[str, Json]) -> dict[str, Json]:
    """Ask the policy, unless something stands against asking it."""
    settings = system.settings.retrain
    if any(release.state in OPEN for release in system.releases.releases()):
        return _no("a release is under way already")
    digest = figures["champion_digest"]
    lives = [one for one in system.windows.windows() if one.settled and one.settled["champion_digest"] == digest]
    if settings.policy == "never":
        return _no("leave it: the policy is never to retrain")
    refused = [r for r in system.releases.releases() if r.state in {State.REFUSED, State.DECLINED, State.STOPPED}]
    length = span.end - span.start
    if refused and span.end - refused[-1].opened_at < (_REST_WINDOWS + 1) * length:
        return _no(f"the last candidate was turned down on {refused[-1].changed_at:%d %B}; the rule rests")
    seen = evidence(system, span, figures)
    pays = decide(
        seen,
        age=max(1, seen.now - min([span.index, *(one.span.index for one in lives)])),
        prices=Prices(settings.switch_cost, challenger_cost(system)),
        surely=_BELIEVED,
        currency=system.settings.value.currency,
    )
    policy = retrain_policy(settings.policy)
    found = _found(system, span, figures) if policy.kind == "alarm" else ()
    standing = standing_of(system, str(digest), span.end, findings=found)
    stale_after = duration(settings.stale_after) if settings.stale_after else None
    wanted = judged(policy, pays, standing, stale_after=stale_after)
    held = purse(system.costs.costs(), span.end, budget=settings.budget)
    said = afforded(wanted, held, price=settings.switch_cost, currency=system.settings.value.currency)
    told: dict[str, Json] = finite(asdict(said))
    return told | {"policy": settings.policy, _SHORT: wanted.retrain and not said.retrain}


def _found(system: System, span: Span, figures: dict[str, Json]) -> tuple[str, ...]:
    """Return what was found of this window: that something moved or that it went worse, before its labels or with."""
    watched = {one.span.index: one.watched for one in system.windows.windows()}.get(span.index)
    return (*early_alarms(watched), *(one.summary for one in losses(system, span, figures, watched)))


def _guard(system: System, span: Span, figures: dict[str, Json], cause: str) -> bool:
    """Roll back a new champion that labels show to be worse than the one before it."""
    against = figures["against_earlier"]
    changes = system.registry.history()
    since = next(c.at for c in changes if c.route.champion == figures["champion_digest"])
    fresh = span.end - since <= 3 * (span.end - span.start)
    if not fresh or not isinstance(against, dict) or against["high"] is None:
        return False
    if float(str(against["high"])) >= -system.settings.gate.margin:
        return False
    reason = f"realised quality is worse than the version before by {-float(str(against['difference'])):.4f}, for sure"
    roll_back(system, to=str(against["digest"]), by="daytwo", reason=reason, now=span.end, cause=cause)
    finding = Finding("release.rolled_back", "champion", Severity.CRITICAL, reason, since=since)
    tell_people(system, [finding], at=span.end, opened_by=f"settle {span.name}")
    return True


def _no(words: str) -> dict[str, Json]:
    return {"retrain": False, "words": words}
