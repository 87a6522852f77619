"""What goes wrong says what, where and the next step, in one line and without a stack, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

START = ("init", "rows.parquet", "--target", "late", "--time", "at", "--owner", "ana", "--into", "p")


def refused(said, code, *words):
    """Hold an answer to its form: the exit code, the words, a next step, no stack, no bug of ours."""
    assert said.code == code, said.err
    for word in words:
        assert word in said.err, said.err
    assert "\n  next: " in said.err
    assert "Traceback" not in said.err
    assert "bug in daytwo" not in said.err
    assert said.out == ""


@pytest.fixture
def rows(rows_file, tmp_path) -> pl.DataFrame:
    shutil.copy(rows_file, tmp_path / "rows.parquet")
    return pl.read_parquet(rows_file)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_missing_target_names_the_nearest_column(fresh, rows, tmp_path):
    refused(fresh("init", "rows.parquet", "--target", "lte", "--into", "p"), 2, "no target column 'lte'", "'late'?")
    assert left(tmp_path) == {"rows.parquet"}


def test_a_missing_column_of_a_later_file_is_named_with_the_file(daytwo, project, rows, tmp_path):
    rows.drop("wind").write_parquet(tmp_path / "later.parquet")
    refused(daytwo("ingest", "later.parquet", "-C", project), 2, "later.parquet", "no column 'wind'", "requires")


@pytest.mark.parametrize(("name", "content"), [("rows.csv", b""), ("rows.csv", b"at,late\n"), ("rows.parquet", b"")])
def test_an_empty_file(daytwo, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(daytwo("init", name, "--target", "late", "--into", "p"), 2, name)
    assert left(tmp_path) == {name}


def test_a_target_with_one_class(daytwo, rows, tmp_path):
    rows.with_columns(late=pl.lit(0)).write_parquet(tmp_path / "rows.parquet")
    refused(daytwo(*START), 2, "'late'", "one value only", "nothing to learn")
    assert left(tmp_path) == {"rows.parquet"}


def test_a_time_column_that_is_no_time(daytwo, rows, tmp_path):
    said = daytwo("init", "rows.parquet", "--target", "late", "--time", "carrier", "--into", "p")
    refused(said, 2, "'carrier' is no time", "ISO 8601")
    assert left(tmp_path) == {"rows.parquet"}


@pytest.mark.parametrize("option", ["--port", "--console-port"])
def test_a_port_in_use(daytwo, project, option):
    before = left(project / ".daytwo")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"--port": 0, "--console-port": 0, option: port}
        said = daytwo("up", "-C", project, *(str(word) for pair in ports.items() for word in pair))
        refused(said, 3, f"{port}", "in use")
        if option == "--port":
            refused(daytwo("serve", "-C", project, "--port", port), 3, f"{port}", "in use")
    assert left(project / ".daytwo") == before
    assert not (project / ".daytwo" / "server.json").exists()


@pytest.mark.parametrize("place", ["/proc/p", "rows.parquet/p"])
def test_a_folder_that_cannot_be_written(daytwo, rows, tmp_path, place):
    refused(daytwo(*START[:-1], place), 3, "cannot write", place)
    assert left(tmp_path) == {"rows.parquet"}


def test_a_state_folder_that_cannot_be_made(daytwo, rows, tmp_path):
    assert daytwo(*START).code == 0
    (tmp_path / "p" / ".daytwo").write_text("a file is in the way")
    refused(daytwo("status", "-C", "p"), 3, ".daytwo")
    said = daytwo("doctor", "-C", "p")
    assert said.code == 1
    assert "fail  state" in said.out


def test_a_broken_settings_file_names_the_line(daytwo, project):
    settings = project / "daytwo.toml"
    settings.write_text(settings.read_text() + "\n[serv\n")
    line = settings.read_text().count("\n")
    refused(daytwo("status", "-C", project), 2, "daytwo.toml", "not valid TOML", f"line {line}")
    said = daytwo("doctor", "-C", project)
    assert said.code == 1
    assert f"line {line}" in said.out
    assert "next: " in said.out


def test_an_unknown_key_names_the_nearest_one(daytwo, project):
    settings = project / "daytwo.toml"
    settings.write_text(settings.read_text().replace("label_delay", "label_dely"))
    refused(daytwo("up", "-C", project, "--once"), 2, "unknown key 'monitor.label_dely'", "'monitor.label_delay'?")


def test_a_folder_without_a_project(fresh, tmp_path):
    refused(fresh("status"), 2, "no daytwo.toml", "daytwo init")
    assert left(tmp_path) == set()


def test_a_second_project_in_the_same_folder(daytwo, project, rows_file):
    before = (project / "daytwo.toml").read_bytes()
    refused(daytwo("init", rows_file, "--target", "late", "--into", project), 1, "holds a project already")
    assert (project / "daytwo.toml").read_bytes() == before


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 500 kB, made large by `grow`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_everything_in_order_and_once_there_is_room_it_goes_on(
    fresh, daytwo, rows, tmp_path, small_disk
):
    assert daytwo(*START[:-1], small_disk / "p").code == 0
    up = ("up", "-C", small_disk / "p", "--once", "--approve-as", "ben", "--port", 0, "--console-port", 0)
    full = fresh(*up)
    assert full.code == 3, full.err
    assert "full" in full.err or "No space left" in full.err, full.err
    assert "next: " in full.err
    assert "Traceback" not in full.err
    assert not (small_disk / "p" / ".daytwo" / "server.json").exists()
    subprocess.run(["mount", "-o", "remount,size=40m", small_disk], check=True)
    assert [path.name for path in small_disk.rglob("*.draft")] == []
    again = daytwo(*up)
    assert again.code == 0, again.err
    checks = {one["name"]: one["outcome"] for one in daytwo("doctor", "-C", small_disk / "p", "--json").json["checks"]}
    assert [name for name, outcome in checks.items() if outcome != "ok"] == ["disk"]


def test_a_disk_that_is_full_from_the_start_leaves_no_half_project(rows, tmp_path):
    """A limit on the size of files is what a full disk looks like to a process."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
    door = limited + "import sys; from daytwo.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", door, *START], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "cannot write" in done.stderr
    assert "next: " in done.stderr
    assert left(tmp_path) == {"rows.parquet"}
