"""What `init` makes of rows, and that it makes all of it or nothing."""

from __future__ import annotations

import polars as pl
import pytest

from daytwo import project
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import DataError, Fault, Mistake
from daytwo.core.settings_file import load_settings
from daytwo.lifecycle.intake.ingest import sources
from daytwo.project import Asked, guess_task, make_project


@pytest.fixture
def rows(tmp_path):
    frame = pl.DataFrame({"x": [float(i % 17) for i in range(400)], "y": [i % 2 for i in range(400)]})
    frame.write_parquet(tmp_path / "some [rows].parquet")
    return tmp_path / "some [rows].parquet"


def test_what_was_assumed_of_a_csv_file_is_told(tmp_path):
    rows = "".join(f"{i % 7},5;0{i:04};{i % 2}\n" for i in range(200))
    (tmp_path / "rows.csv").write_text(f"wind;code;late\n{rows}")
    made = make_project(tmp_path / "project", Asked(tmp_path / "rows.csv", "late"))
    assert made.notes == (
        "cells are parted by semicolons",
        "numbers are written 1234,5 in wind",
        "'code' holds codes such as '00000': texts",
    )
    assert made.contract.column("wind").kind == "number"


def test_the_project_finds_its_rows_whatever_their_name(rows, tmp_path):
    made = make_project(tmp_path / "p", Asked(rows, "y"))
    settings = load_settings(tmp_path / "p", {}).settings
    assert sources(tmp_path / "p", settings.data.source) == (rows,)
    assert settings.model.name == made.contract.name == "some-rows"
    assert read_contract(tmp_path / "p" / "contract.toml") == made.contract


@pytest.mark.parametrize("failing", ["contract.toml", "daytwo.toml"])
@pytest.mark.parametrize("there", [True, False])
def test_what_cannot_be_written_whole_is_not_written_at_all(rows, tmp_path, monkeypatch, failing, there):
    written = project.write_whole

    def fail(path, content, **how):
        if path.name == failing:
            path.parent.mkdir(exist_ok=True)
            raise Fault("no room")
        written(path, content)

    monkeypatch.setattr(project, "write_whole", fail)
    if there:
        (tmp_path / "p").mkdir()
        (tmp_path / "p" / "mine.txt").write_text("kept")
    with pytest.raises(Fault):
        make_project(tmp_path / "p", Asked(rows, "y"))
    left = {path.name for path in (tmp_path / "p").iterdir()} if (tmp_path / "p").exists() else None
    assert left == ({"mine.txt"} if there else None)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1, 1], "binary"),
        (["no", "yes", None], "binary"),
        ([1.5, 2.5, 3.5], "regression"),
        ([True, False], "binary"),
    ],
)
def test_the_task_is_read_off_the_target(values, task):
    assert guess_task(pl.DataFrame({"y": values}), "y") == task


@pytest.mark.parametrize(
    ("values", "words"),
    [([1, 1], "one value only"), ([None, None], "no values"), (["a", "b", "c"], "3 classes")],
)
def test_a_target_that_cannot_be_predicted_is_refused(values, words):
    with pytest.raises(DataError, match=words):
        guess_task(pl.DataFrame({"y": values}), "y")


def test_the_nearest_column_is_named():
    with pytest.raises(DataError) as told:
        guess_task(pl.DataFrame({"churned": [0, 1]}), "churnd")
    assert told.value.hint.startswith("Did you mean 'churned'?")


def test_settings_that_cannot_be_are_refused(rows, tmp_path):
    with pytest.raises(Mistake, match="cannot be"):
        make_project(tmp_path / "p", Asked(rows, "y", settings={"gate": {"margin": "wide"}}))
    assert not (tmp_path / "p").exists()


def test_columns_with_the_names_of_patterns_are_refused_with_a_way_out(tmp_path):
    frame = pl.DataFrame({"^a$": [float(i) for i in range(400)], "y": [i % 2 for i in range(400)]})
    frame.write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="pattern"):
        make_project(tmp_path / "p", Asked(tmp_path / "rows.parquet", "y"))
