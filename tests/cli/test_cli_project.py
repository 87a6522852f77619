"""init, config, doctor, status: a project made, looked at, and checked."""

from __future__ import annotations

import getpass
import sqlite3

import polars as pl
import pytest

from daytwo.core.settings_file import every_key
from daytwo.scoring.trees_c import missing_engine


def test_init_says_what_it_proposes_and_what_it_leaves_out(daytwo, rows_file, tmp_path):
    rows = pl.read_parquet(rows_file)
    leaky = rows.with_columns(
        outcome=pl.when(pl.col("late") == 1).then(pl.lit("arrived late")).otherwise(pl.lit("on time")),
        known=pl.lit("always the same"),
    )
    leaky.write_parquet(tmp_path / "some trips.parquet")
    said = daytwo("init", "some trips.parquet", "--target", "late", "--time", "at", "--exclude", "seats")
    assert said.code == 0, said.err
    assert "binary model for 'late' from 2 columns" in said.out
    assert "LEFT OUT, it looks like the answer: outcome" in said.out
    assert "known: no input: always" in said.out
    assert "seats: no input" in said.out
    assert f"You, {getpass.getuser()}, own the contract" in said.out
    assert "next: daytwo up -C 'some trips'" in said.out
    assert {path.name for path in (tmp_path / "some trips").iterdir()} == {"daytwo.toml", "contract.toml"}
    assert 'name = "some-trips"' in (tmp_path / "some trips" / "daytwo.toml").read_text()


def test_init_for_machines(daytwo, rows_file, tmp_path):
    told = daytwo("init", rows_file, "--target", "seats", "--key", "trip", "--owner", "ana", "--json").json
    assert told["task"] == "regression"
    assert told["folder"] == "trips"
    assert set(told["features"]) >= {"wind", "carrier", "late"}
    assert told["leaks"] == []


def test_config_says_where_each_value_comes_from(daytwo, project):
    told = daytwo("config", "--json", cwd=project, DAYTWO_SERVE__PORT="9999").json
    assert set(told) == set(every_key())
    assert told["serve.port"] == {"value": 9999, "origin": "DAYTWO_SERVE__PORT"}
    assert told["model.target"] == {"value": "late", "origin": "daytwo.toml"}
    said = daytwo("config", cwd=project / ".daytwo")
    assert "daytwo.toml" in said.out
    assert "where predictions are served" in said.out


def test_status_says_the_headline_first(daytwo, live_project):
    said = daytwo("status", "-C", live_project)
    assert said.code == 0
    assert said.out.startswith("trips v1 has given 0 answers")
    told = daytwo("status", "-C", live_project, "--json").json
    assert told["headline"][0] == said.out.splitlines()[0]
    assert [one["role"] for one in told["versions"]] == ["champion"]
    assert told["live"]["approved_by"] == ["ben"]
    assert told["waiting"] == []


def test_status_of_a_project_where_nothing_happened_yet(daytwo, rows_file, tmp_path):
    assert daytwo("init", rows_file, "--target", "late", "--into", "p").code == 0
    said = daytwo("status", "-C", "p")
    assert said.code == 0
    assert "nothing is live yet" in said.out


def test_doctor_finds_a_sound_project_sound(daytwo, project):
    said = daytwo("doctor", cwd=project)
    assert said.code == 0, said.out
    told = daytwo("doctor", "--json", cwd=project).json
    assert told["sound"] is True
    names = [one["name"] for one in told["checks"]]
    assert names == [
        "settings",
        "state",
        "contract",
        "reasons",
        "source",
        "ledger",
        "audit",
        "bundles",
        "engine",
        "tables",
        "journal",
        "rollback",
        "disk",
        "port",
    ]
    assert {one["outcome"] for one in told["checks"] if one["name"] != "port"} == {"ok"}


def test_doctor_says_which_engine_scores_the_live_model_and_what_would_make_it_faster(daytwo, project):
    said = daytwo("doctor", "--json", cwd=project, DAYTWO_SERVE__ENGINE="lightgbm")
    (engine,) = [one for one in said.json["checks"] if one["name"] == "engine"]
    assert engine["words"] == (
        "lightgbm scores the live model; our own engine for trees, several times as fast, does not: "
        "[serve] engine is lightgbm"
    )
    assert "docs/engines.md" in engine["next_step"]
    (engine,) = [one for one in daytwo("doctor", "--json", cwd=project).json["checks"] if one["name"] == "engine"]
    assert engine["words"].startswith("lightgbm" if missing_engine() else "trees scores the live model")


def damage_bundle(project):
    model = next((project / ".daytwo" / "bundles").glob("*/model.txt"))
    model.chmod(0o644)
    model.write_text(model.read_text().replace("=0.", "=1.", 1))


def damage_audit(project):
    with sqlite3.connect(project / ".daytwo" / "ledger.db") as ledger:
        ledger.execute("update audit set actor = 'eve' where number = 2")
    ledger.close()


def damage_contract(project):
    contract = project / "contract.toml"
    contract.write_text(contract.read_text().replace('role = "target"', 'role = "ignored"'))


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (damage_bundle, "bundles"),
        (damage_audit, "audit"),
        (damage_contract, "contract"),
        (lambda project: (project / "contract.toml").unlink(), "contract"),
    ],
)
def test_doctor_names_what_is_broken_and_looks_at_the_rest(daytwo, project, damage, name):
    damage(project)
    said = daytwo("doctor", "--json", cwd=project)
    assert said.code == 1
    checks = {one["name"]: one for one in said.json["checks"]}
    assert len(checks) == 14
    assert [one for one, check in checks.items() if check["outcome"] == "fail" and one != "port"] == [name]
    assert checks[name]["next_step"]


def test_audit_verify_finds_the_first_entry_that_was_changed(daytwo, project):
    assert daytwo("audit", "verify", cwd=project).code == 0
    assert daytwo("audit", "--json", cwd=project).json["log"][0]["entry"]["action"] == "ingest"
    damage_audit(project)
    said = daytwo("audit", "verify", "--json", cwd=project)
    assert said.code == 1
    assert said.json["broken_at"] == 2
    assert "broken at entry 2" in daytwo("audit", "verify", cwd=project).out
