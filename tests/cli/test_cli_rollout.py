"""A rollout is stopped by what live traffic says: labels in shadow and as a canary, estimates before them, and pace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import made_up_rows

from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml import read_contract
from daytwo.lifecycle.delivery.live_evidence import look_at_live
from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.gating.unseen import read_beside
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.rollout import advance_release
from daytwo.lifecycle.rows import history
from daytwo.lifecycle.versions import load_model
from daytwo.registry.route import Route
from daytwo.registry.versions import current_route
from daytwo.scoring.payoff import Payoff
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.wiring import open_system

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)
# A canary's share is a third here, so that ten days hold enough of its rows.
ROWS, CANARY_SHARE = 9_000, 3


@pytest.fixture
def rolling(project):
    """The project with a rollout under way: a candidate as good as the champion, or one that learned from noise."""

    def begin(*, step: int, noise: float = 0.0):
        system = open_system(project, {})
        champion = current_route(system.registry).champion
        contract = read_contract(system.contract_path)
        payoff = Payoff.from_settings(system.settings.value, system.settings.model.task)
        data = history(system, contract, read_beside(system, payoff), BEGIN)
        rng = np.random.default_rng(3)
        lost = rng.random(data.rows) < noise
        learned = replace(data, labels=np.where(lost, rng.random(data.rows) < 0.5, data.labels).astype(float))
        made = train_candidate(TrainingRequest(contract, system.settings, seed=7, threads=1), learned)
        digest = system.bundles.put(made.files, made.manifest).digest
        release = Release("release-2", State.ROLLING, "better", "ana", BEGIN, BEGIN, digest, step, BEGIN)
        system.registry.add(digest, author="ana", reason="better", at=BEGIN)
        shares = {0: Route(2, champion, shadow=digest), 1: Route(2, champion, canary=digest, canary_share=0.05)}
        system.registry.change_route(shares[step], cause="c", at=BEGIN, by="ana", reason="better")
        system.releases.put(release)
        return system, release, champion

    return begin


def answer(system, release, champion, *, labels: bool, days: int = 10, candidate_us: float = 40.0, begin=BEGIN):
    """Let both versions answer `ROWS` rows of ten days as the step has it; `labels` says whether theirs have come."""
    is_canary = release.step > 0
    rows = made_up_rows(ROWS, seed=11).drop("late")
    truth = made_up_rows(ROWS, seed=11)["late"].to_numpy()
    times = [begin + days * DAY * (i / ROWS) for i in range(ROWS)]
    models = {one: load_model(system.bundles, one) for one in (champion, release.digest)}
    contract = models[champion].contract
    matrix = np.array(
        [Encoder(contract).row(row | {"at": row["at"].isoformat()}) for row in rows.to_dicts()], np.float32
    )
    scores = {one: model.score_many(matrix) for one, model in models.items()}
    mine = np.arange(ROWS) % CANARY_SHARE == 0 if is_canary else np.zeros(ROWS, bool)
    ids = pl.Series("_id", [f"id-{i}" for i in range(ROWS)])
    said = np.where(mine, scores[release.digest], scores[champion])
    moments = pl.Series("_time", times, dtype=pl.Datetime("us", "UTC"))
    frame = rows.with_columns(
        ids,
        moments,
        pl.Series("_key", rows["trip"]),
        pl.Series("_score", said),
        pl.Series("_act", said > 0.5),
        pl.Series("_version", np.where(mine, release.digest, champion)),
        pl.Series("_arm", np.where(mine, "canary", "champion")),
        pl.lit(None, dtype=pl.String).alias("_quarantine"),
        *[pl.lit(value=False).alias(one.imputed_name) for one in contract.columns if one.imputed_name],
        pl.Series("_model_us", np.where(mine, candidate_us, 40.0)),
    )
    kinds = system.tables.schema("predictions") if system.tables.version("predictions") is not None else {}
    system.tables.append("predictions", frame.cast({k: v for k, v in kinds.items() if k in frame.columns}), batch="p")
    if not is_canary:
        shadow = pl.DataFrame([ids, moments]).with_columns(
            pl.Series("_score", scores[release.digest]),
            pl.lit(release.digest).alias("_version"),
            pl.lit(candidate_us).alias("_model_us"),
        )
        system.tables.append("shadow", shadow, batch="s")
    come = pl.DataFrame([ids.rename("_prediction"), moments.alias("observed_at"), moments.alias("received_at")])
    come = come.with_columns(pl.lit(None, dtype=pl.String).alias("_key"), pl.Series("label", truth.astype(float)))
    system.tables.append("labels", come if labels else come.clear(), batch="l")


def look(system, release, champion, at=BEGIN + 10 * DAY):
    return look_at_live(system, release, champion, at, is_canary=release.step > 0, ends=False)


def signs(system):
    return {one["name"]: one for one in system.windows.fact("rollout:release-2")["signs"]}


@pytest.mark.parametrize("step", [0, 1])
def test_a_candidate_as_good_as_the_champion_goes_on_and_all_is_told(rolling, step):
    system, release, champion = rolling(step=step)
    answer(system, release, champion, labels=True)
    found = look(system, release, champion)
    assert found.trouble == ""
    assert found.rows == (ROWS // CANARY_SHARE if step else ROWS)
    told = signs(system)
    names = {"labels", "money"} if step else {"labels in shadow", "money in shadow", "agreement"}
    assert set(told) == {"failures", "numbers", "pace", "estimate"} | names
    assert told["labels" if step else "labels in shadow"]["evidence"]["days"] == 10


@pytest.mark.parametrize(("step", "says"), [(0, "early labels in shadow say of its"), (1, "early labels say of its")])
def test_labels_of_a_worse_candidate_stop_it(rolling, daytwo, project, step, says):
    system, release, champion = rolling(step=step, noise=0.85)
    answer(system, release, champion, labels=True)
    assert says in look(system, release, champion).trouble
    waiting = daytwo("status", "-C", project, "--json").json["waiting"][0]
    assert says in next(sign["words"] for sign in waiting["signs"] if not sign["passed"])
    assert "release-2 on live traffic" in daytwo("status", "-C", project).out
    runner = InlineRunner({"advance": lambda run, arguments: advance_release(run, system, arguments)})
    now = (BEGIN + 10 * DAY + timedelta(hours=2)).isoformat()
    told = runner.run("advance", "advance-1", {"release": "release-2", "now": now})
    assert told["state"] == "stopped"
    assert says in told["words"]
    assert current_route(system.registry) == Route(3, champion)


def test_labels_of_four_days_say_nothing_yet(rolling):
    system, release, champion = rolling(step=1, noise=0.85)
    answer(system, release, champion, labels=True, days=4)
    look(system, release, champion)
    assert not {"labels", "money"} & signs(system).keys()


def test_a_canary_that_is_expected_to_be_worse_is_stopped_before_any_label(rolling):
    system, release, champion = rolling(step=1, noise=0.85)
    answer(system, release, champion, labels=False, days=1)
    assert "without labels its" in look(system, release, champion, BEGIN + DAY).trouble
    assert not signs(system)["estimate"]["passed"]


@pytest.mark.parametrize("step", [0, 1])
def test_a_candidate_that_is_late_where_the_champion_is_not_is_stopped(rolling, step):
    system, release, champion = rolling(step=step)
    answer(system, release, champion, labels=False, candidate_us=25_000.0)
    found = look(system, release, champion)
    assert "its model took 25 ms" in found.trouble
    assert "the champion's 0.04 ms" in found.trouble


def test_labels_are_looked_at_once_an_hour_and_when_a_step_ends(rolling, monkeypatch):
    looked = []
    monkeypatch.setattr("daytwo.lifecycle.delivery.live_evidence.quality_on_live", lambda *_: looked.append(1) or ())
    system, release, champion = rolling(step=1)
    answer(system, release, champion, labels=True)
    for minutes, ends in ((0, False), (30, False), (59, False), (59, True), (100, False), (120, False)):
        at = BEGIN + 10 * DAY + timedelta(minutes=minutes)
        look_at_live(system, release, champion, at, is_canary=True, ends=ends)
    assert len(looked) == 3


def test_of_very_many_rows_of_the_champion_a_lot_is_looked_at_and_all_of_the_canarys(rolling, monkeypatch):
    monkeypatch.setattr("daytwo.lifecycle.delivery.live_quality._LOOKED_AT", ROWS // 4)
    seen = {}

    def kept(candidate, beside, **_):
        seen.update(canary=len(candidate.labels), champion=len(beside.labels))

    monkeypatch.setattr("daytwo.lifecycle.delivery.live_quality.canary_quality", kept)
    system, release, champion = rolling(step=1)
    answer(system, release, champion, labels=True)
    look(system, release, champion)
    assert seen["canary"] == ROWS // CANARY_SHARE
    assert 0.2 < seen["champion"] / (ROWS - seen["canary"]) < 0.3


def test_what_the_champion_answered_before_the_canary_is_not_held_against_it(rolling, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        "daytwo.lifecycle.delivery.live_quality.estimated",
        lambda _estimator, matrix, _said, _raw: seen.setdefault("rows", []).append(len(matrix)) or {},
    )
    system, release, champion = rolling(step=1)
    answer(system, release, champion, labels=False)
    late = pl.col("_arm") == "champion"
    rows = system.tables.read("predictions", where=late & (pl.col("_time") < BEGIN + 2 * DAY))
    earlier = rows.with_columns(
        pl.col("_time") - timedelta(hours=60), pl.concat_str(pl.lit("early-"), "_id").alias("_id")
    )
    system.tables.append("predictions", earlier.with_columns(pl.col("_id").alias("_key")), batch="earlier")
    look(system, replace(release, opened_at=BEGIN - 3 * DAY), champion)
    assert seen["rows"] == [ROWS // CANARY_SHARE, ROWS - ROWS // CANARY_SHARE]
