"""`daytwo init --ci`: the files parse, and their steps run as a script against a real small project in git."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest
import yaml
from tests.lean import DOOR

from daytwo import __version__
from daytwo.lifecycle.checking.ci_files import pipeline_text

INIT = ("--target", "late", "--time", "at", "--key", "trip", "--owner", "ana")
HARM = '\n[[ci.expect]]\ncolumn = "wind"\nchange = "+10"\nexpect = "down"\n'


def git(folder, *words):
    who = ("-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(daytwo, rows_file, tmp_path):
    """Makes a repository that holds a project in models/trips, with what a service needs, and its clone."""

    def make(service):
        origin, clone = tmp_path / "origin", tmp_path / "clone"
        origin.mkdir()
        git(origin, "init", "-q", "-b", "main")
        (origin / "README").write_text("trips\n")
        git(origin, "add", ".")
        git(origin, "commit", "-qm", "nothing yet")
        git(tmp_path, "clone", "-q", str(origin), str(clone))
        git(clone, "checkout", "-qb", "change")
        said = daytwo("init", rows_file, *INIT, "--into", "models/trips", "--ci", service, cwd=clone)
        assert said.code == 0, said
        settings = clone / "models" / "trips" / "daytwo.toml"
        wide = settings.read_text().replace("margin = 0.005", "margin = 0.2")
        settings.write_text(wide.replace(str(rows_file), "/nowhere/trips.parquet"))
        git(clone, "add", ".")
        git(clone, "commit", "-qm", "the project")
        return clone

    return make


@pytest.fixture
def tools(tmp_path):
    """The commands that the steps call: this very daytwo, and a pip that says what it was asked for."""
    folder = tmp_path / "tools"
    folder.mkdir()
    texts = {
        "daytwo": f"#!{sys.executable}\n{DOOR}\n",
        "pip": f'#!/bin/sh\necho "$@" >> {tmp_path / "installed"}\n',
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def shell(steps, folder, env):
    """Run steps as a runner does: each in a shell of its own with these options, until one fails."""
    for step in steps:
        words = ["bash", "-eo", "pipefail", "-c", step]
        done = subprocess.run(words, cwd=folder, env=os.environ | env, capture_output=True, text=True, check=False)
        if done.returncode:
            break
    return done


def merge_project_into_main(clone, base="main"):
    git(clone, "push", "-q", "origin", f"HEAD:refs/heads/{base}-1")
    git(clone.parent / "origin", "merge", "-q", "--ff-only", f"{base}-1")
    git(clone, "fetch", "-q", "origin")


def remove_base(clone, place):
    git(clone, "worktree", "remove", "--force", str(place))


def test_the_steps_for_github_run(repository, tools, tmp_path):
    clone = repository("github")
    workflow = yaml.safe_load((clone / ".github" / "workflows" / "daytwo-trips.yml").read_text())
    assert workflow[True] == {"pull_request": None}  # YAML reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read", "security-events": "write"}
    job = workflow["jobs"]["daytwo"]
    assert job["env"]["PROJECT"] == "models/trips"
    assert f"daytwo=={__version__}" in job["env"]["DAYTWO"]
    steps = {step.get("name", step.get("uses")): step.get("run") for step in job["steps"]}
    install, base, tried, report = (
        steps[name] for name in ("Install daytwo", "The branch to merge into", "Try the change", "The report")
    )
    summary = tmp_path / "summary.md"
    env = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "DAYTWO": "daytwo-1.whl",
        "PROJECT": job["env"]["PROJECT"],
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = shell([install, base, tried, report], clone, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "installed").read_text() == "install daytwo-1.whl pytest\n"
    assert "against the trivial model" in summary.read_text()  # main does not know the project yet
    log = json.loads((clone / "daytwo.sarif").read_text())
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in log["runs"][0]["results"]}
    assert "models/trips/daytwo.toml" in places
    named = {step["with"]["sarif_file"] for step in job["steps"] if "upload-sarif" in step.get("uses", "")}
    assert named == {"daytwo.sarif"}

    merge_project_into_main(clone)
    remove_base(clone, tmp_path / "base")
    with (clone / "models" / "trips" / "daytwo.toml").open("a") as stream:
        stream.write(HARM)
    done = shell([base, tried], clone, env)
    assert done.returncode == 1, done.stdout + done.stderr
    shell([report], clone, env)
    last = summary.read_text().rpartition("## daytwo")[2]
    assert "trips does not pass" in last
    assert "**wind +10: down** (Behaviour)" in last
    assert "what" in last
    assert "makes of the same rows" in last


def test_the_script_for_gitlab_runs(repository, tools, tmp_path):
    clone = repository("gitlab")
    job = yaml.safe_load((clone / ".gitlab-ci.yml").read_text())["daytwo-trips"]
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert all(isinstance(line, str) for line in job["script"])
    merge_project_into_main(clone)
    env = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "CI_PROJECT_DIR": str(clone),
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        **job["variables"],
    }
    script = "\n".join(job["script"])  # one shell for all lines, as GitLab's runner has it
    done = shell([script], clone, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "installed").read_text() == f"install daytwo=={__version__} pytest\n"
    report = (clone / job["artifacts"]["paths"][0]).read_text()
    assert "quality" in report
    assert ET.parse(clone / job["artifacts"]["reports"]["junit"]).findall(".//failure") == []
    again = shell([script], clone, env)  # a runner that keeps its folders
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_project_that_is_there_gets_a_pipeline_and_rows(daytwo, rows_file, tmp_path):
    project = tmp_path / "trips"
    assert daytwo("init", rows_file, *INIT, "--into", project).code == 0
    said = daytwo("init", "--into", project, "--ci", "gitlab", "--json")
    assert said.code == 0, said
    assert said.json["pipeline"] == str(project / ".gitlab-ci.yml")
    assert pl.read_parquet(project / "ci" / "rows.parquet").height == 3_000
    told = daytwo("config", "-C", project, "--json").json
    assert told["ci.rows"] == {"value": "ci/rows.parquet", "origin": "daytwo.toml"}
    again = daytwo("init", "--into", project, "--ci", "gitlab")
    assert again.code == 0, again
    assert "include: {local: /daytwo.gitlab-ci.yml}" in again.out
    third = daytwo("init", "--into", project, "--ci", "gitlab")
    assert third.code == 1
    assert "is there already" in third.err


def test_rows_for_ci_hide_what_is_personal_and_keep_texts(daytwo, rows_file, tmp_path):
    rows = pl.read_parquet(rows_file).with_columns(pilot=pl.concat_str(pl.lit("Ana "), pl.col("seats")))
    rows.write_csv(tmp_path / "trips.csv")
    said = daytwo(
        "init", tmp_path / "trips.csv", *INIT, "--personal", "pilot", "--into", tmp_path / "p", "--ci", "github"
    )
    assert said.code == 0, said
    text = (tmp_path / "p" / "ci" / "rows.csv").read_text()
    assert "Ana " not in text
    assert 'rows = "ci/rows.csv"' in (tmp_path / "p" / "daytwo.toml").read_text()
    (tmp_path / "p" / ".daytwo" / "pseudonym.key").unlink()  # as in a fresh checkout
    tried = daytwo("ci", "-C", tmp_path / "p", "--json")
    assert tried.json["rows"] == 3_000, tried


@pytest.mark.parametrize("args", [(), ("--target", "late"), ("--ci", "jenkins")])
def test_what_is_missing_is_said(daytwo, tmp_path, args):
    said = daytwo("init", *args)
    assert said.code == 2
    assert "Traceback" not in said.err


@pytest.mark.parametrize("service", ["github", "gitlab"])
@pytest.mark.parametrize("project", [".", "models/trips", 'a "b" $(rm) #c'])
def test_a_folder_of_any_name_stays_one_text(service, project):
    tree = yaml.safe_load(pipeline_text(service, "Trips: #1", project))
    job = tree["jobs"]["daytwo"]["env"] if service == "github" else tree["daytwo-trips-1"]["variables"]
    assert job["PROJECT"] == project
    assert Path(project).name in job["PROJECT"]
