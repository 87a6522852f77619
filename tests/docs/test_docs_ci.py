"""What docs/contracts.md tells people to write for pre-commit, GitHub and GitLab is run here as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = Path(sysconfig.get_path("purelib"))
CONTRACT = 'name = "trips"\nversion = 1\nowner = "ana"\n[columns.wind]\nkind = "number"\nminimum = 0.0\n'


def blocks():
    text = (ROOT / "docs" / "contracts.md").read_text()
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def one(key):
    """Return the one snippet that has this key."""
    (found,) = [block for block in blocks() if key in block]
    return found


def run(words, folder, **env):
    return subprocess.run(words, cwd=folder, env=os.environ | env, capture_output=True, text=True, check=False)


def git(folder, *words):
    who = ("-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false")
    done = run(("git", *who, *words), folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with a contract and a day of data, on the branch main."""
    folder = tmp_path / "data"
    (folder / "contracts").mkdir(parents=True)
    (folder / "data" / "trips").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "contracts" / "trips.toml").write_text(CONTRACT)
    pl.DataFrame({"wind": [1.0, 2.0]}).write_parquet(folder / "data" / "trips" / "latest.parquet")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def commands(tmp_path):
    """A folder with the `daytwo` command of this very source."""
    folder = tmp_path / "commands"
    folder.mkdir()
    script = folder / "daytwo"
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT / 'src')!r})\n")
    with script.open("a") as stream:
        stream.write("from daytwo.cli.main import main\nmain()\n")
    script.chmod(0o755)
    return folder


def hooked(repository, commands, config, tmp_path):
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(repository, "add", ".")
    tool = [sys.executable, "-m", "pre_commit", "run", "--color=never"]
    return run(tool, repository, PATH=f"{commands}:{os.environ['PATH']}", PRE_COMMIT_HOME=str(tmp_path / "cache"))


def must_guard(repository, commands, config, tmp_path):
    """Good data may be committed; wrong data and a contract that changed under its version may not."""
    (repository / "data" / "trips" / "new.csv").write_text("wind\n1.5\n")
    good = hooked(repository, commands, config, tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    assert re.search(r"data files keep their contract\.+Passed", good.stdout), good.stdout
    (repository / "data" / "trips" / "new.csv").write_text("wind\n-1.5\n")
    (repository / "contracts" / "trips.toml").write_text(CONTRACT.replace("0.0", "-9.0").replace('"ana"', '""'))
    bad = hooked(repository, commands, config, tmp_path)
    assert bad.returncode == 1
    assert re.search(r"data contracts are sound\.+Failed", bad.stdout), bad.stdout
    (repository / "contracts" / "trips.toml").write_text(CONTRACT)
    bad = hooked(repository, commands, config, tmp_path)
    assert re.search(r"data files keep their contract\.+Failed", bad.stdout), bad.stdout
    assert "1 rows: 0 accepted, 1 rejected" in bad.stdout


def snippets_of_hooks():
    """Return the snippet with local hooks, and the one that fetches daytwo."""
    found = [block for block in blocks() if "repos" in block]
    assert len(found) == 2
    return sorted(found, key=lambda block: block["repos"][0]["repo"] != "local")


def test_the_local_hooks_guard_a_commit(repository, commands, tmp_path):
    must_guard(repository, commands, snippets_of_hooks()[0], tmp_path)


def test_the_hooks_of_a_clone_guard_a_commit(repository, commands, tmp_path):
    clone = tmp_path / "daytwo"
    clone.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", clone)
    git(clone, "init", "-q")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "hooks")
    config = snippets_of_hooks()[1]
    config["repos"][0] |= {"repo": str(clone), "rev": git(clone, "rev-parse", "HEAD")}
    for hook in config["repos"][0]["hooks"]:
        hook["language"] = "system"  # an environment of its own would install hundreds of megabytes anew
    must_guard(repository, commands, config, tmp_path)


@pytest.fixture
def machine(tmp_path):
    """A machine as CI gives it: a Python with pip, where everything is at hand but daytwo, and a wheel of daytwo."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "machine"], check=True)
    near = tmp_path / "near"
    near.mkdir()
    for path in SITE.iterdir():
        if "daytwo" not in path.name and path.suffix != ".pth":
            (near / path.name).symlink_to(path)
    (site,) = (tmp_path / "machine").glob("lib/python3*/site-packages")
    (site / "near.pth").write_text(f"{near}\n")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    return {"PATH": f"{tmp_path / 'machine' / 'bin'}:{os.environ['PATH']}", "DAYTWO": str(wheel), "PIP_NO_INDEX": "1"}


def shell(steps, folder, **env):
    """Run steps as a runner does: in one folder, until one fails."""
    for step in steps:
        done = run(["bash", "-eo", "pipefail", "-c", step], folder, **env)
        if done.returncode:
            return done
    return done


@pytest.mark.slow
def test_the_steps_for_github_and_gitlab_run(repository, machine, tmp_path):
    git(repository, "update-ref", "refs/remotes/origin/main", "HEAD")
    (repository / "contracts" / "trips.toml").write_text(
        CONTRACT.replace("version = 1", "version = 2").replace("0.0", "1.5")
    )
    summary = tmp_path / "summary.md"
    steps = [step["run"] for step in one("jobs")["jobs"]["contract"]["steps"] if "run" in step]
    runner = machine | {"GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(summary)}
    install, lint, check, diff = steps
    done = shell([install, lint], repository, **runner)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell([check], repository, **runner).returncode == 1
    assert shell([diff], repository, **runner).returncode == 0
    assert "Of 2 rows 1 are newly rejected, such as 0." in summary.read_text()
    assert "<html" in (repository / "page.html").read_text()
    assert len(ET.parse(repository / "junit.xml").findall(".//failure")) == 1
    (repository / "contracts" / "trips.toml").write_text(CONTRACT)
    done = shell(one("contract")["contract"]["script"], repository, **machine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rows: 2 accepted, 0 rejected." in done.stdout
