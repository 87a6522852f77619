"""Moving traffic: what a release's state asks of the routes, and what live traffic says about a candidate.

Each tick, `advance_release` looks at one open release, lets `releases.py` decide, and carries the decision out: the
ledger first, then the projection that servers read. The decision is a step of its own, kept before anything changes:
who is killed while carrying it out carries out the same one, and everything is keyed by the run's id. `rollback.py`
goes the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
import polars as pl

from daytwo.core.errors import Conflict
from daytwo.core.schema import Task
from daytwo.governance.approvals import standing
from daytwo.governance.audit import Entry
from daytwo.lifecycle.delivery.hold import what_waits
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.gating.sequential import cluster_means, confidence_sequence
from daytwo.lifecycle.releases import Known, Release, State, advance, read_steps, route_of, step_of
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import LIVE_SINCE
from daytwo.predictions.labels import join_labels
from daytwo.predictions.record import ANSWERED, CANARY, FALLBACK
from daytwo.registry.route import Route, write_route
from daytwo.registry.versions import current_route
from daytwo.value.costs import APPROVAL, SWITCH, Cost, person_cost

# A candidate that ranks live rows nearly unlike the champion is broken or fed with broken data.
_LEAST_CORRELATION = 0.2
# A model that fails is answered for by the fallback, so nobody is harmed: a few rows may be odd by themselves.
_FEW_FAILURES, _BEARABLE_FAILURES = 5, 0.01
# Fewer scored rows say nothing about agreement.
_FEW_ROWS = 50
ACTOR = "daytwo"


def advance_release(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Take one open release as far as it can go at the moment `now`; return its state and words."""
    now = datetime.fromisoformat(str(arguments["now"]))
    release_id = str(arguments["release"])

    def decide() -> dict[str, Json]:
        before, present = _must(system, release_id), current_route(system.registry)
        after = advance(before, read_steps(system.settings.release.steps), _known(system, before, present, now))
        kept: dict[str, Json] = msgspec.to_builtins(_Decision(before.state, after, present, after != before))
        return kept

    decision = msgspec.convert(run.step("decide", decide), _Decision)
    after = decision.after
    told: dict[str, Json] = {"release": release_id, "state": str(after.state), "words": after.words, "changed": True}
    if not decision.changed:
        return told | {"changed": False}
    return told | run.step("carry out", lambda: _carry_out(system, decision, now, run.id))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a release becomes, decided on `present`, the route of that moment."""

    before: State
    after: Release
    present: Route | None
    changed: bool


def project_route(system: System) -> None:
    """Write the newest route for the servers: after a crash the projection may lag behind the ledger."""
    route = current_route(system.registry)
    if route is not None:
        write_route(system.route_path, route)


def _must(system: System, release_id: str) -> Release:
    release = system.releases.get(release_id)
    if release is None:
        raise ValueError(f"no release {release_id}: flows advance only what they opened")
    return release


def _known(system: System, release: Release, route: Route | None, now: datetime) -> Known:
    request = system.approvals.request(release.id)
    approved = None if request is None else standing(request, system.approvals.decisions(release.id), now)
    champion = None if route is None else route.champion
    step, waits = step_of(release, read_steps(system.settings.release.steps)), what_waits(system, now)
    if release.state is not State.ROLLING or release.step_since is None or champion is None or step is None:
        return Known(now, approved, champion, waits=waits)
    is_canary = step.share > 0
    scored = _canary_rows(system, release) if is_canary else _shadow_rows(system, release)
    failed = _failed_rows(system, release) if is_canary else scored.get_column("_score").null_count()
    scored = scored.filter(pl.col("_score").is_not_null())
    trouble = _failing(failed, scored.height) or _trouble(system.settings.model.task, scored, is_canary=is_canary)
    return Known(now, approved, champion, trouble, scored.height, waits)


def _failing(failed: int, scored: int) -> str:
    """Say that the candidate's model fails on live rows, or nothing."""
    if failed < _FEW_FAILURES or failed <= _BEARABLE_FAILURES * (failed + scored):
        return ""
    return f"its model failed on {failed:,} of {failed + scored:,} rows"


def _failed_rows(system: System, release: Release) -> int:
    """Count the rows that kept the contract and that the fallback answered for the candidate as a canary."""
    if "_quarantine" not in system.tables.schema("predictions"):
        return 0
    mine = (
        (pl.col("_version") == release.digest)
        & (pl.col("_arm") == FALLBACK)
        & pl.col("_quarantine").is_null()
        & (pl.col("_time") >= release.step_since)
    )
    return system.tables.read("predictions", columns=["_arm"], where=mine).height


def _shadow_rows(system: System, release: Release) -> pl.DataFrame:
    """Rows the candidate scored unseen, beside what was answered: `_score`, `answered`, `label`, `_time`.

    A score is null where its model failed.
    """
    mine = (pl.col("_version") == release.digest) & (pl.col("_time") >= release.step_since)
    shadow = system.tables.read("shadow", where=mine) if system.tables.version("shadow") is not None else pl.DataFrame()
    if not shadow.height:
        return pl.DataFrame({"_score": [], "answered": [], "label": [], "_time": []})
    answered = system.tables.read(
        "predictions",
        columns=["_id", "_key", "_score"],
        where=(pl.col("_time") >= release.step_since) & pl.col("_arm").is_in(ANSWERED),
    )
    labelled = join_labels(answered, system.tables.read("labels"))
    return shadow.select("_id", "_score", "_time").join(
        labelled.select("_id", pl.col("_score").alias("answered"), "label"), on="_id", how="inner"
    )


def _canary_rows(system: System, release: Release) -> pl.DataFrame:
    """Rows the candidate answered for its share of subjects; nothing else was answered beside it."""
    mine = (pl.col("_version") == release.digest) & (pl.col("_arm") == CANARY) & (pl.col("_time") >= release.step_since)
    rows = system.tables.read("predictions", columns=["_id", "_key", "_score", "_time"], where=mine)
    labelled = join_labels(rows, system.tables.read("labels"))
    return labelled.select("_score", pl.lit(None, dtype=pl.Float64).alias("answered"), "label", "_time")


def _trouble(task: Task, rows: pl.DataFrame, *, is_canary: bool) -> str:
    """Say what is wrong with the candidate on these rows, or nothing."""
    if not rows.height:
        return ""
    scores = rows["_score"].to_numpy()
    if not np.isfinite(scores).all():
        return f"{int((~np.isfinite(scores)).sum())} of {rows.height} answers are no numbers"
    if rows.height >= _FEW_ROWS and not is_canary:
        agreement = float(np.corrcoef(scores, rows["answered"].to_numpy())[0, 1])
        if not agreement > _LEAST_CORRELATION:
            return f"its scores hardly agree with the champion's (correlation {agreement:.2f} on {rows.height:,} rows)"
    known = rows.filter(pl.col("label").is_not_null())
    if is_canary or task is not Task.BINARY or known.height < _FEW_ROWS:
        return ""
    label = known["label"].to_numpy()
    gain = (label - known["answered"].to_numpy()) ** 2 - (label - known["_score"].to_numpy()) ** 2
    days = known["_time"].dt.date().cast(pl.Int32).to_numpy()
    interval = confidence_sequence(cluster_means(gain, days))
    return f"early labels say its squared error is worse by {-interval.mean:.4f} for sure" if interval.high < 0 else ""


def _carry_out(system: System, decision: _Decision, now: datetime, cause: str) -> dict[str, Json]:
    before, after, present = decision.before, decision.after, decision.present
    champion = None if present is None else present.champion
    steps = read_steps(system.settings.release.steps)
    route = route_of(after, steps, champion, (0 if present is None else present.generation) + 1)
    if _must(system, after.id).state not in {before, after.state}:
        return _give_way(system, decision, now, cause)
    if route is not None and (present is None or _differs(present, route)):
        try:
            change = system.registry.change_route(route, cause=cause, at=now, by=ACTOR, reason=after.words)
        except Conflict as err:  # somebody changed the route since: the next tick decides anew
            return {"changed": False, "state": str(before), "words": err.message}
        write_route(system.route_path, change.route)
    if not system.releases.move(after, out_of=before):
        return _give_way(system, decision, now, cause)
    if before is State.WAITING and after.state in {State.ROLLING, State.LIVE}:
        minutes = system.settings.cost.approval_minutes * len(system.approvals.decisions(after.id))
        system.costs.add(person_cost(f"approval:{after.id}", now, APPROVAL, minutes, system.settings.cost))
    if after.state is State.LIVE:
        if champion is not None:
            amount = system.settings.retrain.switch_cost
            system.costs.add(Cost(f"switch:{after.id}", now, SWITCH, 1.0, "switch", amount))
        if system.windows.fact(LIVE_SINCE) is None:
            system.windows.keep_fact(LIVE_SINCE, now.isoformat())
    detail: dict[str, object] = {"digest": after.digest, "words": after.words}
    system.audit.append(Entry(now, ACTOR, f"release {after.state}", after.id, f"audit:{cause}", detail))
    return {}


def _give_way(system: System, decision: _Decision, now: datetime, cause: str) -> dict[str, Json]:
    """Take back what this run did to the route: since it decided, somebody has ended the release."""
    standing, present = _must(system, decision.after.id), decision.present
    newest = system.registry.history()[-1:]
    if present is not None and newest and newest[0].cause == cause:
        back = Route(newest[0].route.generation + 1, present.champion)
        change = system.registry.change_route(back, cause=f"{cause}:back", at=now, by=ACTOR, reason=standing.words)
        write_route(system.route_path, change.route)
    return {"changed": False, "state": str(standing.state), "words": standing.words}


def _differs(present: Route, route: Route) -> bool:
    return (present.champion, present.canary, present.canary_share, present.shadow) != (
        route.champion,
        route.canary,
        route.canary_share,
        route.shadow,
    )
