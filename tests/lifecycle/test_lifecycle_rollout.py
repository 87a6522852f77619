"""Traffic moves by compare-and-set, once per cause; who is killed while moving it leaves nothing half done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from daytwo.core.errors import Refused
from daytwo.core.ledger import create_tables, open_sqlite
from daytwo.governance.approvals import Decision, Request
from daytwo.governance.audit import first_break
from daytwo.lifecycle.delivery.steering import cancel_flow
from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.rollback import finish_roll_back, roll_back
from daytwo.lifecycle.rollout import advance_release, project_route
from daytwo.registry.route import Route, read_route, write_route
from daytwo.registry.versions import current_route

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, FIRST, SECOND = "0" * 64, "a" * 64, "b" * 64
EVIDENCE = "e" * 64


def waiting(digest: str = SECOND, identity: str = "release-2") -> Release:
    return Release(identity, State.WAITING, "it pays", "daytwo", NOW, NOW, digest, evidence="{}")


def ask(system, release: Release, *, approved: bool | None = True) -> None:
    system.releases.put(release)
    late = NOW + 14 * DAY
    system.approvals.ask(Request(release.id, release.digest, EVIDENCE, "daytwo", 1, NOW, late, "better by 0.02"))
    if approved is not None:
        system.approvals.decide(Decision(release.id, release.digest, EVIDENCE, "ben", approved, "seen", NOW))


def go_live(system, digest: str, at: datetime = NOW - 9 * DAY) -> None:
    """Make `digest` champion, as an earlier release did."""
    present = current_route(system.registry)
    generation = 1 if present is None else present.generation + 1
    system.registry.change_route(Route(generation, digest), cause=f"live {digest[:6]}", at=at, by="x", reason="x")
    system.releases.put(replace(waiting(digest, f"release {digest[:6]}"), state=State.LIVE, opened_at=at))
    project_route(system)


def step(system, now: datetime, release_id: str = "release-2") -> dict:
    runner = InlineRunner({"advance": lambda run, arguments: advance_release(run, system, arguments)})
    return runner.run("advance", f"advance-{release_id}-{now:%d%H%M}", {"release": release_id, "now": now.isoformat()})


def traffic(system, at: datetime, *, n: int = 200, arm: str = "shadow", score=None, label=None) -> None:
    """Answer `n` rows from `at` on, a minute apart; the champion's score is their truth with some noise."""
    random = np.random.default_rng(int(at.timestamp()))
    truth = random.uniform(size=n)
    mine = truth if score is None else score(truth)
    times = [at + timedelta(minutes=i) for i in range(n)]
    ids = [f"{arm}-{at:%d%H}-{i}" for i in range(n)]
    schema = {"_time": pl.Datetime("us", "UTC"), "_score": pl.Float64, "_key": pl.String}
    answered = pl.DataFrame({"_id": ids, "_key": ids, "_time": times}, schema_overrides=schema)
    by, shown = (SECOND, mine) if arm == "canary" else (FIRST, truth)
    rows = answered.with_columns(
        pl.Series("_score", shown),
        pl.lit(by).alias("_version"),
        pl.lit("canary" if by == SECOND else "champion").alias("_arm"),
    )
    system.tables.append("predictions", rows, batch=f"p {arm} {at}")
    if arm == "shadow":
        scored = answered.select("_id", "_time").with_columns(
            pl.Series("_score", mine), pl.lit(SECOND).alias("_version")
        )
        system.tables.append("shadow", scored, batch=f"s {at}")
    if label is not None:
        labels = pl.DataFrame(
            {
                "_prediction": ids,
                "_key": [None] * n,
                "label": label(truth, random),
                "observed_at": times,
                "received_at": times,
            },
            schema_overrides={"_key": pl.String, "observed_at": schema["_time"], "received_at": schema["_time"]},
        )
        system.tables.append("labels", labels, batch=f"l {arm} {at}")


def failures(system, at: datetime, *, n: int, bad: int = 0) -> None:
    """Let SECOND's model fail on `n` rows as a canary, and `bad` rows break the contract beside them."""
    time = pl.Datetime("us", "UTC")
    rows = pl.DataFrame(
        {
            "_id": [f"f-{at:%d%H}-{i}" for i in range(n + bad)],
            "_key": [None] * (n + bad),
            "_time": [at] * (n + bad),
            "_score": [0.2] * (n + bad),
            "_version": [SECOND] * (n + bad),
            "_arm": ["fallback"] * (n + bad),
            "_quarantine": [None] * n + ["q"] * bad,
        },
        schema_overrides={"_time": time, "_key": pl.String, "_quarantine": pl.String},
    )
    system.tables.append("predictions", rows, batch=f"f {at} {n} {bad}")


def at_canary(system) -> datetime:
    """Take SECOND to its first canary step and return when that began."""
    traffic(system, NOW + timedelta(hours=1))
    assert step(system, NOW + 2 * DAY)["changed"]
    return NOW + 2 * DAY


@pytest.fixture(autouse=True)
def _no_models(monkeypatch):
    """The versions here are digests without a bundle; what needs their models is tested in `test_cli_rollout.py`."""
    monkeypatch.setattr("daytwo.lifecycle.delivery.live_evidence.quality_on_live", lambda *_: ())


@pytest.fixture
def rolling(system):
    """A system where FIRST answers and SECOND has just begun its shadow."""
    go_live(system, FIRST)
    ask(system, waiting())
    assert step(system, NOW)["state"] == "rolling"
    return system


def test_the_first_version_is_live_as_soon_as_it_is_approved(system):
    ask(system, waiting())
    told = step(system, NOW)
    assert (told["state"], told["changed"]) == ("live", True)
    assert current_route(system.registry) == read_route(system.route_path) == Route(1, SECOND)
    assert system.windows.fact("live_since") == NOW.isoformat()
    assert [cost.cause for cost in system.costs.costs()] == ["approval:release-2"]


@pytest.mark.parametrize(("approved", "state"), [(None, "waiting"), (False, "declined")])
def test_without_a_yes_nothing_moves(system, approved, state):
    go_live(system, FIRST)
    ask(system, waiting(), approved=approved)
    assert step(system, NOW)["state"] == state
    assert current_route(system.registry) == Route(1, FIRST)
    assert system.costs.costs() == ()


def test_a_good_candidate_goes_step_by_step_until_it_answers_everybody(rolling):
    routes, now = [current_route(rolling.registry)], NOW
    for arm, days in (("shadow", 2), ("canary", 1), ("canary", 1)):
        traffic(rolling, now + timedelta(hours=1), arm=arm)
        assert not step(rolling, now + days * DAY - timedelta(minutes=1))["changed"]
        now += days * DAY
        assert step(rolling, now)["changed"]
        routes.append(current_route(rolling.registry))
    assert routes == [
        Route(2, FIRST, shadow=SECOND),
        Route(3, FIRST, canary=SECOND, canary_share=0.05),
        Route(4, FIRST, canary=SECOND, canary_share=0.25),
        Route(5, SECOND, previous=FIRST),
    ]
    assert read_route(rolling.route_path) == routes[-1]
    assert {cost.cause: cost.amount for cost in rolling.costs.costs()} == {
        "approval:release-2": 20.0,
        "switch:release-2": 400.0,
    }
    assert [entry.entry.action for entry in rolling.audit.read()] == ["release rolling"] * 3 + ["release live"]
    assert first_break(rolling.audit.read()) is None


def test_a_step_that_saw_no_traffic_proves_nothing(rolling):
    assert not step(rolling, NOW + 30 * DAY)["changed"]


def test_scores_that_have_nothing_to_do_with_the_champions_stop_it(rolling):
    traffic(rolling, NOW, score=lambda truth: np.random.default_rng(1).permutation(truth))
    told = step(rolling, NOW + DAY)
    assert told["state"] == "stopped"
    assert "hardly agree" in told["words"]
    assert current_route(rolling.registry) == Route(3, FIRST)


def test_answers_that_are_no_numbers_stop_it(rolling):
    traffic(rolling, NOW, n=60, score=lambda truth: np.where(truth > 0.5, np.nan, truth))
    assert "are no numbers" in step(rolling, NOW + DAY)["words"]


def test_the_same_tick_again_does_nothing_twice(rolling):
    traffic(rolling, NOW + timedelta(hours=1))
    first = step(rolling, NOW + 2 * DAY)
    route, audit = current_route(rolling.registry), rolling.audit.read()
    again = step(rolling, NOW + 2 * DAY)
    assert (first["changed"], again["changed"]) == (True, False)
    assert current_route(rolling.registry) == route
    assert rolling.audit.read() == audit


class Killed(BaseException):
    """Stands for a process that ended; no `except Exception` sees it."""


class Ledger:
    """A port of the ledger that is cut off before or after its n-th write, counted over all ports."""

    WRITES = frozenset({"put", "change_route", "add", "append", "keep_fact"})

    def __init__(self, port, writes: list[str], at: int | None) -> None:
        self._port, self._writes, self._at = port, writes, at

    def __getattr__(self, name):
        found = getattr(self._port, name)
        return found if name not in self.WRITES else lambda *a, **k: self._write(name, found, a, k)

    def _write(self, name, write, arguments, options):
        self._writes.append(name)
        if self._at == 2 * len(self._writes) - 1:
            raise Killed
        done = write(*arguments, **options)
        if self._at == 2 * len(self._writes):
            raise Killed
        return done


def cut_off(system, at: int | None):
    writes: list[str] = []
    ports = ("registry", "costs", "windows", "audit", "releases")
    return replace(system, **{name: Ledger(getattr(system, name), writes, at) for name in ports}), writes


def everything(system):
    """All that is kept, and the file that servers read."""
    return (
        system.registry.history(),
        system.releases.releases(),
        system.costs.costs(),
        [one.entry for one in system.audit.read()],
        system.windows.fact("live_since"),
        read_route(system.route_path),
    )


def first_version(system):
    ask(system, waiting())
    return lambda on, run: advance_release(run, on, {"release": "release-2", "now": NOW.isoformat()})


def begin_of_shadow(system):
    go_live(system, FIRST)
    return first_version(system)


def promotion(system):
    go_live(system, FIRST)
    ask(system, replace(waiting(), state=State.ROLLING, step=2, step_since=NOW))
    traffic(system, NOW + timedelta(hours=1), arm="canary")
    then = (NOW + DAY).isoformat()
    return lambda on, run: advance_release(run, on, {"release": "release-2", "now": then})


def decline(system):
    go_live(system, FIRST)
    ask(system, waiting(), approved=False)
    return lambda on, run: advance_release(run, on, {"release": "release-2", "now": NOW.isoformat()})


def rollback(system):
    for digest in (OLD, FIRST):
        go_live(system, digest)
    system.releases.put(replace(waiting(), state=State.ROLLING, step_since=NOW))
    return lambda on, run: roll_back(on, to=None, by="ana", reason="it is worse", now=NOW, cause=run.id)


@pytest.mark.parametrize("story", [first_version, begin_of_shadow, promotion, decline, rollback])
def test_whoever_is_killed_at_any_write_ends_as_if_nothing_had_happened(make_system, kept_run, tmp_path, story):
    def project(name):
        engine = open_sqlite(tmp_path / name / "ledger.db")
        create_tables(engine)
        system = make_system(engine, tmp_path / name)
        return engine, system, story(system)

    engine, system, act = project("whole")
    counted, writes = cut_off(system, None)
    act(counted, kept_run("run-1", {}))
    wanted = everything(system)
    engine.dispose()
    assert writes
    for at in range(1, 2 * len(writes) + 1):
        engine, system, act = project(f"killed-{at}")
        kept = {}
        with pytest.raises(Killed):
            act(cut_off(system, at)[0], kept_run("run-1", kept))
        act(system, kept_run("run-1", kept))
        assert everything(system) == wanted, f"killed at {at} of {writes}"
        engine.dispose()


def test_a_route_that_somebody_else_changed_since_the_decision_is_decided_anew(rolling, kept_run):
    traffic(rolling, NOW + timedelta(hours=1))
    arguments = {"release": "release-2", "now": (NOW + 2 * DAY).isoformat()}
    kept = {}
    with pytest.raises(Killed):
        advance_release(kept_run("run-1", kept), cut_off(rolling, 3)[0], arguments)
    go_live(rolling, OLD)
    told = advance_release(kept_run("run-1", kept), rolling, arguments)
    assert (told["changed"], told["state"]) == (False, "rolling")
    assert current_route(rolling.registry).champion == OLD
    assert step(rolling, NOW + 2 * DAY + timedelta(minutes=1))["changed"]
    assert current_route(rolling.registry) == Route(4, OLD, canary=SECOND, canary_share=0.05, previous=FIRST)


def test_going_back_takes_the_version_before_and_stops_what_was_rolling(rolling):
    with pytest.raises(Refused, match="no earlier version"):
        roll_back(rolling, to=None, by="ana", reason="x", now=NOW, cause="c0")
    rolling.registry.change_route(Route(3, OLD), cause="other", at=NOW, by="x", reason="x")
    route = roll_back(rolling, to=None, by="ana", reason="late labels", now=NOW, cause="c1")
    assert route == current_route(rolling.registry) == read_route(rolling.route_path) == Route(4, FIRST)
    assert rolling.releases.get("release-2").state is State.STOPPED
    assert rolling.audit.read()[-1].entry.detail == {"from": OLD, "reason": "late labels"}


def test_going_back_twice_goes_back_two_versions_and_never_to_the_one_just_left(system):
    for digest in (OLD, FIRST, SECOND):
        go_live(system, digest)
    assert roll_back(system, to=None, by="ana", reason="x", now=NOW, cause="c1").champion == FIRST
    assert roll_back(system, to=None, by="ana", reason="x", now=NOW, cause="c2").champion == OLD
    with pytest.raises(Refused, match="no earlier version"):
        roll_back(system, to=None, by="ana", reason="x", now=NOW, cause="c3")
    assert {one.digest: str(one.state) for one in system.releases.releases()} == {
        OLD: "live",
        FIRST: "rolled_back",
        SECOND: "rolled_back",
    }


def test_whoever_comes_next_finishes_a_going_back_that_was_cut_short(make_system, tmp_path):
    def project(name):
        engine = open_sqlite(tmp_path / name / "ledger.db")
        create_tables(engine)
        system = make_system(engine, tmp_path / name)
        return engine, system, rollback(system)

    def go(on):
        return roll_back(on, to=None, by="ana", reason="it is worse", now=NOW, cause="run-1")

    engine, system, _ = project("whole")
    counted, writes = cut_off(system, None)
    go(counted)
    wanted = everything(system)
    assert finish_roll_back(system) is None
    engine.dispose()
    assert writes == ["change_route", "put", "put", "append"]
    for at in range(2, 2 * len(writes) + 1):  # before the first write nothing was begun
        engine, system, _ = project(f"killed-{at}")
        with pytest.raises(Killed):
            go(cut_off(system, at)[0])
        finished = finish_roll_back(system)
        assert (finished is None) == (at == 2 * len(writes))
        assert everything(system) == wanted, f"killed at {at} of {writes}"
        assert finish_roll_back(system) is None
        engine.dispose()


def test_a_projection_that_lags_behind_the_ledger_is_written_again(rolling):
    rolling.route_path.unlink()
    project_route(rolling)
    assert read_route(rolling.route_path) == current_route(rolling.registry)


def test_before_anything_is_live_there_is_no_projection(system):
    project_route(system)
    assert not system.route_path.exists()


@pytest.mark.parametrize("beside", [0, 200])
def test_a_canary_whose_model_fails_is_stopped(rolling, beside):
    now = at_canary(rolling)
    if beside:
        traffic(rolling, now + timedelta(minutes=1), arm="canary", n=beside)
    failures(rolling, now + timedelta(minutes=2), n=6)
    told = step(rolling, now + timedelta(hours=4))
    assert told["state"] == "stopped"
    assert f"its model failed on 6 of {6 + beside} rows" in told["words"]
    assert current_route(rolling.registry).canary is None


def test_rows_that_break_the_contract_are_no_fault_of_the_canarys_model(rolling):
    now = at_canary(rolling)
    traffic(rolling, now + timedelta(minutes=1), arm="canary")
    failures(rolling, now + timedelta(minutes=2), n=2, bad=100)
    assert not step(rolling, now + timedelta(hours=4))["changed"]


def test_a_shadow_whose_model_fails_is_stopped(rolling):
    failed = {
        "_id": [f"x{i}" for i in range(6)],
        "_version": [SECOND] * 6,
        "_score": [None] * 6,
        "_time": [NOW + timedelta(hours=1)] * 6,
    }
    traffic(rolling, NOW + timedelta(hours=1))
    shown = pl.DataFrame(failed | {"_key": failed["_id"], "_arm": ["champion"] * 6, "_score": [0.5] * 6})
    kinds = {"_score": pl.Float64, "_time": pl.Datetime("us", "UTC")}
    rolling.tables.append("predictions", shown.cast({"_time": kinds["_time"]}), batch="x")
    rolling.tables.append("shadow", pl.DataFrame(failed, schema_overrides=kinds), batch="y")
    assert "its model failed on 6 of 206 rows" in step(rolling, NOW + DAY)["words"]


class Between:
    """A run in which something happens between deciding and carrying out."""

    id = "advance-between"

    def __init__(self, act):
        self.act = act

    def step(self, name, work):
        if name == "carry out":
            self.act()
        return work()


def test_who_is_cancelled_after_it_was_decided_gets_no_traffic(system):
    go_live(system, FIRST)
    ask(system, waiting())

    def cancel():
        cancel_flow(system, None, "release-2", person="ben", reason="no", now=NOW)

    told = advance_release(Between(cancel), system, {"release": "release-2", "now": NOW.isoformat()})
    assert (told["changed"], told["state"]) == (False, "declined")
    assert system.releases.get("release-2").state is State.DECLINED
    route = current_route(system.registry)
    assert (route.champion, route.shadow, route.canary) == (FIRST, None, None)


@pytest.mark.parametrize("last", [False, True])
def test_who_is_cancelled_while_traffic_moves_is_taken_back(rolling, monkeypatch, last):
    at = at_canary(rolling)
    if last:
        traffic(rolling, at + timedelta(hours=1), arm="canary")
        at += DAY
        assert step(rolling, at)["changed"]
    traffic(rolling, at + timedelta(hours=1), arm="canary")
    now, cancelled = at + 2 * DAY, []

    def moved(path, route):
        write_route(path, route)
        if not cancelled:
            cancelled.append(route)
            rolling.releases.put(replace(rolling.releases.get("release-2"), state=State.STOPPED, words="cancelled"))

    monkeypatch.setattr("daytwo.lifecycle.rollout.write_route", moved)
    told = step(rolling, now)
    assert (cancelled[0].champion == SECOND) is last
    assert (told["changed"], told["state"]) == (False, "stopped")
    assert rolling.releases.get("release-2").words == "cancelled"
    route = current_route(rolling.registry)
    assert (route.champion, route.shadow, route.canary) == (FIRST, None, None)
    assert read_route(rolling.route_path) == route


def test_what_has_moved_on_cannot_be_cancelled_any_more(rolling, monkeypatch):
    release = rolling.releases.get("release-2")
    monkeypatch.setattr(
        "daytwo.lifecycle.delivery.steering.must_find",
        lambda *_: (release, None),
    )
    rolling.releases.put(replace(release, state=State.LIVE))
    with pytest.raises(Refused, match="has moved on"):
        cancel_flow(rolling, None, "release-2", person="ben", reason="no", now=NOW)
    assert rolling.releases.get("release-2").state is State.LIVE
