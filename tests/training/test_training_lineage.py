import subprocess

import numpy as np
import pytest

from daytwo.registry.bundle import Code
from daytwo.training import lineage
from daytwo.training.lineage import code_of, environment_digest, installed, makers, window_of


def git(folder, *arguments):
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def project(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "model.py").write_text("one = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_project_is_its_commit(project):
    code = code_of(project)
    assert len(code.commit) == 40
    assert (code.dirty, code.diff) == (False, "")


def test_every_uncommitted_change_gives_another_digest_and_the_way_back_the_first(project):
    seen = {code_of(project)}
    (project / "model.py").write_text("one = 2\n")
    seen.add(changed := code_of(project))
    assert changed.dirty
    (project / "new.py").write_text("two = 2\n")
    seen.add(code_of(project))
    (project / "new.py").write_text("two = 3\n")
    seen.add(code_of(project))
    assert len(seen) == 4
    (project / "new.py").unlink()
    assert code_of(project) == changed


def test_what_daytwo_keeps_is_not_code(project):
    before = code_of(project)
    (project / ".daytwo").mkdir()
    (project / ".daytwo" / "ledger.sqlite").write_bytes(b"x")
    assert code_of(project) == before


def test_a_folder_outside_git_or_unknown_to_it_has_no_code(tmp_path, project):
    assert code_of(project / "nowhere") == Code()
    (project / "inner").mkdir()
    assert code_of(project / "inner") == Code()


def test_a_machine_without_git_is_tolerated(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert code_of(project) == Code()


def test_a_hook_of_the_folder_never_runs(project):
    trap = project / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {project}/sprung\n")
    trap.chmod(0o755)
    git(project, "config", "core.fsmonitor", str(trap))
    git(project, "config", "diff.external", str(trap))
    (project / "model.py").write_text("one = 2\n")
    code_of(project)
    assert not (project / "sprung").exists()


def test_the_environment_is_every_distribution_by_name_and_version(monkeypatch):
    assert f"numpy=={np.__version__}" in installed()
    assert list(installed()) == sorted(installed())
    environment_digest.cache_clear()
    before = environment_digest()
    monkeypatch.setattr(lineage, "installed", lambda: ("numpy==0.1",))
    environment_digest.cache_clear()
    assert environment_digest() != before
    environment_digest.cache_clear()
    assert {"daytwo", "python", "lightgbm"} == set(makers())


def test_a_window_is_the_first_and_last_moment(made):
    window = window_of(made)
    assert window.first.startswith("2013-01-01T")
    assert window.last.endswith("Z")
    assert window.rows == made.rows
    assert window_of(type(made)(made.schema, made.matrix, made.labels)).first == ""
