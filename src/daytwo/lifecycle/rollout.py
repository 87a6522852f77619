"""Moving traffic: what a release's state asks of the routes, and what live traffic says about a candidate.

Each tick, `advance_release` looks at one open release, lets `releases.py` decide, and carries the decision out: the
ledger first, then the projection that servers read. Everything is keyed by the run's id, so a tick that was cut short
is simply done again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from daytwo.core.errors import Refused
from daytwo.core.schema import Task
from daytwo.governance.approvals import standing
from daytwo.governance.audit import Entry
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.releases import Known, Release, State, advance, read_steps, route_of
from daytwo.lifecycle.sequential import cluster_means, confidence_sequence
from daytwo.lifecycle.system import System
from daytwo.predictions.labels import join_labels
from daytwo.registry.route import Route, write_route
from daytwo.registry.versions import current_route
from daytwo.value.costs import APPROVAL, SWITCH, Cost, person_cost

# A candidate that ranks live rows nearly unlike the champion is broken or fed with broken data.
_LEAST_CORRELATION = 0.2
# Fewer scored rows say nothing about agreement.
_FEW_ROWS = 50
ACTOR = "daytwo"


def advance_release(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Take one open release as far as it can go at the moment `now`; return its state and words."""
    now = datetime.fromisoformat(str(arguments["now"]))
    release_id = str(arguments["release"])

    def work() -> dict[str, Json]:
        before = _must(system, release_id)
        steps = read_steps(system.settings.release.steps)
        after = advance(before, steps, _known(system, before, now))
        if after != before:
            _carry_out(system, before, after, now, run.id)
        return {"release": release_id, "state": str(after.state), "words": after.words, "changed": after != before}

    return run.step("advance", work)


def roll_back(system: System, *, to: str | None, by: str, reason: str, now: datetime, cause: str) -> Route:
    """Make an earlier version champion again: the one before the present champion, or the digest `to`.

    Raises
    ------
    Refused
        If nothing else was ever live.
    """
    history = system.registry.history()
    champions = list(dict.fromkeys(change.route.champion for change in history))
    if not history or (to is None and len(champions) < 2):
        raise Refused("there is no earlier version to go back to", hint="'daytwo status' lists what was live")
    present = history[-1].route.champion
    earlier = to or next(change.route.champion for change in reversed(history) if change.route.champion != present)
    change = system.registry.change_route(
        Route(history[-1].route.generation + 1, earlier), cause=cause, at=now, by=by, reason=reason
    )
    write_route(system.route_path, change.route)
    for release in system.releases.releases():
        if release.digest == present and release.state is State.LIVE:
            system.releases.put(replace(release, state=State.ROLLED_BACK, changed_at=now, words=reason))
    system.audit.append(Entry(now, by, "roll back", earlier, f"audit:{cause}", {"from": present, "reason": reason}))
    return change.route


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


def _known(system: System, release: Release, now: datetime) -> Known:
    request = system.approvals.request(release.id)
    approved = None if request is None else standing(request, system.approvals.decisions(release.id), now)
    route = current_route(system.registry)
    champion = None if route is None else route.champion
    if release.state is not State.ROLLING or release.step_since is None or champion is None:
        return Known(now, approved, champion)
    share = read_steps(system.settings.release.steps)[release.step].share
    scored = _canary_rows(system, release) if share else _shadow_rows(system, release)
    trouble = _trouble(system.settings.model.task, scored, is_canary=share > 0)
    return Known(now, approved, champion, trouble, scored.height)


def _shadow_rows(system: System, release: Release) -> pl.DataFrame:
    """Rows the candidate scored unseen, beside what was answered: `_score`, `answered`, `label`, `_time`."""
    mine = (pl.col("_version") == release.digest) & (pl.col("_time") >= release.step_since)
    shadow = system.tables.read("shadow", where=mine) if system.tables.version("shadow") is not None else pl.DataFrame()
    if not shadow.height:
        return pl.DataFrame({"_score": [], "answered": [], "label": [], "_time": []})
    answered = system.tables.read(
        "predictions",
        columns=["_id", "_key", "_score"],
        where=(pl.col("_time") >= release.step_since) & (pl.col("_arm") != "fallback"),
    )
    labelled = join_labels(answered, system.tables.read("labels"))
    return shadow.select("_id", "_score", "_time").join(
        labelled.select("_id", pl.col("_score").alias("answered"), "label"), on="_id", how="inner"
    )


def _canary_rows(system: System, release: Release) -> pl.DataFrame:
    """Rows the candidate answered for its share of subjects; nothing else was answered beside it."""
    mine = (
        (pl.col("_version") == release.digest) & (pl.col("_arm") == "canary") & (pl.col("_time") >= release.step_since)
    )
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


def _carry_out(system: System, before: Release, after: Release, now: datetime, cause: str) -> None:
    present = current_route(system.registry)
    champion = None if present is None else present.champion
    steps = read_steps(system.settings.release.steps)
    route = route_of(after, steps, champion, (0 if present is None else present.generation) + 1)
    if route is not None and (present is None or _differs(present, route)):
        change = system.registry.change_route(route, cause=cause, at=now, by=ACTOR, reason=after.words)
        write_route(system.route_path, change.route)
    if before.state is State.WAITING and after.state in {State.ROLLING, State.LIVE}:
        minutes = system.settings.cost.approval_minutes * len(system.approvals.decisions(after.id))
        system.costs.add(person_cost(f"approval:{after.id}", now, APPROVAL, minutes, system.settings.cost))
    if after.state is State.LIVE:
        if champion is not None:
            amount = system.settings.retrain.switch_cost
            system.costs.add(Cost(f"switch:{after.id}", now, SWITCH, 1.0, "switch", amount))
        if system.windows.fact("live_since") is None:
            system.windows.keep_fact("live_since", now.isoformat())
    detail: dict[str, object] = {"digest": after.digest, "words": after.words}
    system.audit.append(Entry(now, ACTOR, f"release {after.state}", after.id, f"audit:{cause}", detail))
    system.releases.put(after)


def _differs(present: Route, route: Route) -> bool:
    return (present.champion, present.canary, present.canary_share, present.shadow) != (
        route.champion,
        route.canary,
        route.canary_share,
        route.shadow,
    )
