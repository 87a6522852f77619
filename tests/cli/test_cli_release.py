"""release, approve, refuse, front, rollback: a second version, by two people, and back again."""

from __future__ import annotations

import signal
import subprocess
import sys

from daytwo.lifecycle.releases import State
from daytwo.registry.route import read_route
from daytwo.wiring import open_system

# The real command line, killed for good at the moment when the ledger knows the new route and nothing else does.
KILLED = """
import os, signal, sys
sys.modules |= dict.fromkeys(("sklearn", "pandas", "matplotlib"))
from daytwo.lifecycle import rollback
rollback.write_route = lambda path, route: os.kill(os.getpid(), signal.SIGKILL)
from daytwo.cli.main import main
main()
"""


def release(daytwo, project):
    """Make the second release; the same rows again, so margins are wide."""
    settings = project / "daytwo.toml"
    text = settings.read_text().replace("margin = 0.005", "margin = 0.2")
    text = text.replace('steps = ["shadow 2d", "canary 5% 1d", "canary 25% 1d"]', "steps = []").replace(
        "seed = 20130401", "seed = 7"
    )
    settings.write_text(text)
    return daytwo("release", "-C", project, "--author", "ana", "--reason", "another seed", "--json")


def test_the_way_of_a_second_version(daytwo, project):
    made = release(daytwo, project)
    assert made.code == 0, made
    told = made.json
    assert (told["release"], told["state"]) == ("release-2", "waiting")
    assert {gate["name"] for gate in told["gates"]} >= {"quality", "money", "calibration", "latency", "robustness"}
    again = daytwo("release", "-C", project)
    assert again.code == 1
    assert "release-2 is under way" in again.err

    own = daytwo("approve", "release-2", "--as", "ana", "-C", project)
    assert own.code == 1
    assert "cannot approve it" in own.err
    nobody = daytwo("approve", "release-2", "--as", " ", "-C", project)
    assert nobody.code == 1
    unknown = daytwo("approve", "release-9", "--as", "ben", "-C", project)
    assert unknown.code == 2
    assert "There is release-2" in unknown.err

    status = daytwo("status", "-C", project)
    assert "next: daytwo approve release-2 --as NAME" in status.out
    trial = daytwo("approve", "release-2", "--as", "ben", "--dry-run", "-C", project)
    assert (trial.code, "enough people would have said yes" in trial.out) == (0, True)
    trial = daytwo("refuse", "v2", "--as", "ben", "--reason", "no", "--dry-run", "-C", project, "--json").json
    assert (trial["dry_run"], trial["approved"], trial["stands"]) == (True, False, False)
    assert daytwo("approve", "release-2", "--as", "ana", "--dry-run", "-C", project).code == 1
    assert "next: daytwo approve release-2" in daytwo("status", "-C", project).out
    said = daytwo("approve", told["digest"][:8], "--as", "ben", "--reason", "read", "-C", project)
    assert said.code == 0, said.err
    assert "enough people have said yes" in said.out
    twice = daytwo("approve", "v2", "--as", "ben", "-C", project, "--json").json
    assert twice["stands"] is True
    decided = [
        one for one in daytwo("audit", "--json", "-C", project).json["log"] if one["entry"]["action"] == "approve"
    ]
    assert len([one for one in decided if one["entry"]["subject"] == "release-2"]) == 1

    back = daytwo("rollback", "--as", "ben", "--reason", "too soon", "-C", project)
    assert back.code == 1  # nothing else was ever live
    up = daytwo("up", "--once", "--port", 0, "--console-port", 0, "-C", project)
    assert up.code == 0, up.err
    assert daytwo("status", "-C", project, "--json").json["live"]["name"] == "v2"
    late = daytwo("refuse", "release-2", "--as", "ben", "--reason", "no", "-C", project)
    assert late.code == 1
    assert "does not wait for a decision: it is live" in late.err

    wrong = daytwo("rollback", "v2", "--as", "ben", "--reason", "r", "-C", project)
    assert wrong.code == 1
    assert "is what answers now" in wrong.err
    assert daytwo("rollback", "v9", "--as", "ben", "--reason", "r", "-C", project).code == 2
    asked = ("rollback", "--as", "ben", "--reason", "complaints", "-C", project)
    trial = daytwo(*asked, "--dry-run")
    assert "Nothing is changed. v1 (" in trial.out
    assert "would answer instead of v2 (" in trial.out
    trial = daytwo(*asked, "--dry-run", "--json").json
    assert (trial["version"], trial["instead_of"], trial["stops"]) == ("v1", "v2", [])
    assert daytwo("status", "-C", project, "--json").json["live"]["name"] == "v2"

    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, asked)], check=False, timeout=100)
    assert killed.returncode == -signal.SIGKILL
    system = open_system(project, {})
    route = system.registry.history()[-1].route
    assert read_route(system.route_path) != route
    assert system.releases.get("release-2").state is State.LIVE
    back = daytwo(*asked, "--json").json  # the same again finishes it, and goes no further back
    assert (back["version"], back["generation"]) == ("v1", route.generation)
    assert read_route(system.route_path) == route == system.registry.history()[-1].route
    assert system.releases.get("release-2").state is State.ROLLED_BACK
    system.audit._engine.dispose()
    assert daytwo("status", "-C", project, "--json").json["live"]["name"] == "v1"
    assert daytwo("audit", "verify", "-C", project).code == 0
    assert daytwo(*asked).code == 1  # and never to the version that was just left


def test_a_refused_release_is_declined_at_the_next_start(daytwo, project):
    assert release(daytwo, project).code == 0
    said = daytwo("refuse", "release-2", "--as", "ben", "--reason", "the base rate looks wrong", "-C", project)
    assert said.code == 0
    assert "it will not go live" in said.out
    assert daytwo("up", "--once", "--port", 0, "--console-port", 0, "-C", project).code == 0
    told = daytwo("status", "-C", project, "--json").json
    assert told["live"]["name"] == "v1"
    assert told["ended"][0]["state"] == "declined"


def test_front_lays_out_quality_against_work(daytwo, live_project):
    told = daytwo("front", "--json", "-C", live_project).json
    names = [one["name"] for one in told["variants"]]
    assert told["recommended"] in names
    assert told["reference"]["name"] == "reference"
    assert told["cheaper"] >= 1
    assert {"name", "metric", "low", "high", "p50_us", "p99_us", "mb", "cost_per_million", "on_front"} <= set(
        told["variants"][0]
    )
    assert daytwo("front", "v1", "--json", "-C", live_project).json == told
    words = daytwo("front", "release-1", "-C", live_project).out
    assert "Take " in words
    assert daytwo("front", "v7", "-C", live_project).code == 2


def test_a_release_that_a_gate_refuses_ends_with_1_and_says_why(daytwo, project):
    settings = project / "daytwo.toml"
    settings.write_text(settings.read_text().replace("max_p99_ms = 20.0", "max_p99_ms = 0.0001"))
    said = daytwo("train", "-C", project)
    assert said.code == 1
    assert "latency" in said.out
    assert "is over" in said.out


def test_a_release_that_cannot_be_made_ends_and_another_may_begin(daytwo, project):
    (project / "model.py").write_text("def fit(data):\n    raise ValueError('not today')\n")
    said = daytwo("release", "-C", project, "--json")
    assert said.code == 1
    assert said.json["state"] == "refused"
    assert "not today (line 2)" in said.json["words"]
    (project / "model.py").unlink()
    assert release(daytwo, project).json["release"] == "release-3"


def test_there_is_nothing_to_learn_from(daytwo, rows_file, tmp_path):
    assert daytwo("init", rows_file, "--target", "late", "--into", "p").code == 0
    said = daytwo("release", "-C", "p")
    assert said.code == 1
    assert "no rows to learn from" in said.out
    none = daytwo("front", "-C", "p")
    assert none.code == 2
    assert "no variants" in none.err
