"""drill rollback: what must work on a bad day, tried on a good one."""

from __future__ import annotations

import json

from daytwo.registry.route import read_route
from daytwo.wiring import open_system


def second_version(daytwo, project):
    """Make another version champion, and leave the first to be gone back to."""
    settings = project / "daytwo.toml"
    text = settings.read_text().replace("margin = 0.005", "margin = 0.2").replace("seed = 20130401", "seed = 7")
    settings.write_text(text.replace('steps = ["shadow 2d", "canary 5% 1d", "canary 25% 1d"]', "steps = []"))
    made = daytwo("release", "-C", project, "--author", "ana", "--json")
    assert made.code == 0, made
    assert daytwo("approve", "release-2", "--as", "ben", "-C", project).code == 0
    assert daytwo("up", "--once", "--port", 0, "--console-port", 0, "-C", project).code == 0


def check(daytwo, project):
    return {one["name"]: one for one in daytwo("doctor", "-C", project, "--json").json["checks"]}["rollback"]


def test_without_a_version_before_there_is_nothing_to_rehearse(daytwo, project):
    said = daytwo("drill", "rollback", "-C", project)
    assert said.code == 1
    assert "no earlier version to go back to" in said.err
    assert check(daytwo, project)["outcome"] == "ok"


def test_going_back_is_rehearsed_beside_what_is_live_and_kept(daytwo, project):
    second_version(daytwo, project)
    system = open_system(project, {})
    before = system.registry.history()[-1].route
    assert check(daytwo, project)["outcome"] == "warn"
    assert "never rehearsed" in check(daytwo, project)["words"]

    said = daytwo("drill", "rollback", "-C", project, "--json")
    told = said.json
    assert told["failed"] == []
    assert (told["away"], told["back"]) == (before.champion, before.previous)
    assert told["requests"] > 100
    assert told["passed"] == (said.code == 0)

    assert system.registry.history()[-1].route == before == read_route(system.route_path)
    entry = system.audit.read()[-1].entry
    assert (entry.action, entry.subject) == ("rollback rehearsed", before.previous)
    assert json.loads(json.dumps(entry.detail))["requests"] == told["requests"]
    if told["passed"]:
        assert check(daytwo, project)["outcome"] == "ok"
    assert "From" in daytwo("drill", "rollback", "-C", project).out


def test_a_version_that_cannot_be_loaded_makes_the_rehearsal_fail_in_words(daytwo, project):
    second_version(daytwo, project)
    system = open_system(project, {})
    back = system.registry.history()[-1].route.previous
    model = next(path for path in (system.bundles.folder / back).rglob("model.txt"))
    model.chmod(0o600)
    model.write_bytes(b"tree of another kind")
    said = daytwo("drill", "rollback", "-C", project)
    assert said.code != 0
    assert "did not follow its route" in said.err
    assert "Traceback" not in said.err
