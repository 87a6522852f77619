"""lineage: where a version came from, and which versions some rows went into."""

from __future__ import annotations

import uuid

import numpy as np
import polars as pl
from tests.cli.conftest import ROWS, made_up_rows

from daytwo.registry.bundle import BundleStore


def test_a_version_tells_what_it_was_made_from(daytwo, project):
    told = daytwo("lineage", "-C", project, "--json").json
    assert (told["version"], told["parents"], told["children"], told["trouble"]) == ("v1", [], [], "")
    lineage = told["lineage"]
    assert lineage["dataset"][0]["table"] == "dataset"
    assert lineage["contract"]
    assert lineage["windows"]["fit"]["rows"] > lineage["windows"]["tune"]["rows"] > 0
    words = daytwo("lineage", "v1", "-C", project)
    assert words.code == 0
    assert "none, the first version" in words.out

    unknown = daytwo("lineage", "v9", "-C", project)
    assert unknown.code == 2
    both = daytwo("lineage", "v1", "--dataset", 0, "-C", project)
    assert (both.code, "Ask one at a time" in both.err) == (2, True)


def test_which_versions_saw_a_version_of_the_dataset(daytwo, project):
    told = daytwo("lineage", "--dataset", 0, "-C", project, "--json").json
    assert [one["version"] for one in told["versions"]] == ["v1"]
    beyond = daytwo("lineage", "--dataset", 99, "-C", project)
    assert (beyond.code, "there is no dataset version 99" in beyond.err) == (2, True)


def test_an_openlineage_event_names_the_same_run_each_time(daytwo, project):
    first, second = (daytwo("lineage", "--openlineage", "-C", project).json for _ in range(2))
    assert first == second
    assert (first["eventType"], first["job"]["name"]) == ("COMPLETE", "trips.train")
    assert uuid.UUID(first["run"]["runId"])
    assert first["inputs"][0]["facets"]["version"]["datasetVersion"].isdigit()
    assert len(first["outputs"][0]["facets"]["version"]["datasetVersion"]) == 64


def test_a_subjects_rows_are_found_in_the_spans_that_a_version_learned_from(daytwo, tmp_path):
    rows = made_up_rows().with_columns(tail=pl.Series([f"N{i % 300}" for i in range(ROWS)]))
    rows.write_parquet(tmp_path / "trips.parquet")
    folder = tmp_path / "p"
    asked = ("--target", "late", "--time", "at", "--key", "trip", "--subject", "tail", "--owner", "ana")
    made = daytwo("init", tmp_path / "trips.parquet", *asked, "--into", folder)
    assert made.code == 0, made
    up = ("up", "-C", folder, "--once", "--approve-as", "ben", "--port", 0, "--console-port", 0)
    assert daytwo(*up).code == 0

    told = daytwo("lineage", "--subject", "N7", "-C", folder, "--json").json
    manifest = BundleStore(folder / ".daytwo" / "bundles").get(told["versions"][0]["digest"]).manifest
    last = max(np.datetime64(window.last.removesuffix("Z")) for window in manifest.lineage.windows.values())
    expected = rows.filter((pl.col("tail") == "N7") & (pl.col("at") < last + np.timedelta64(1, "s"))).height
    assert 0 < expected < 10
    assert [(one["version"], one["rows"]) for one in told["versions"]] == [("v1", expected)]
    nobody = daytwo("lineage", "--subject", "N999", "-C", folder)
    assert (nobody.code, "No version learned from rows of N999" in nobody.out) == (0, True)


def test_without_a_subject_column_no_row_is_anybodys(daytwo, project):
    asked = daytwo("lineage", "--subject", "x", "-C", project)
    assert (asked.code, "no subject column" in asked.err) == (2, True)
