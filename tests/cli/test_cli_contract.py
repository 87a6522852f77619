"""contract propose and check, without a project; ingest, with one."""

from __future__ import annotations

import polars as pl
import pytest


@pytest.fixture
def contract(daytwo, rows_file, tmp_path):
    said = daytwo("contract", "propose", rows_file, "--target", "late", "--time", "at", "-o", "C.toml")
    assert said.code == 0, said.err
    assert "next: daytwo contract check" in said.out
    return tmp_path / "C.toml"


def broken(rows_file):
    rows = pl.read_parquet(rows_file)
    wind = pl.Series([None if i == 3 else value * (1e6 if i in {7, 9} else 1) for i, value in enumerate(rows["wind"])])
    carrier = pl.Series(["ZZ" if i == 5 else value for i, value in enumerate(rows["carrier"])])
    return rows.with_columns(wind=wind, carrier=carrier)


def test_propose_writes_to_stdout_and_never_over_a_file(daytwo, rows_file, contract):
    said = daytwo("contract", "propose", rows_file, "--target", "late", "--time", "at")
    assert said.out == contract.read_text()
    again = daytwo("contract", "propose", rows_file, "--target", "late", "-o", contract)
    assert again.code == 1
    assert "is there already" in again.err
    told = daytwo("contract", "propose", rows_file, "--target", "late", "--json").json
    assert len(told["digest"]) == 64


def test_good_rows_pass(daytwo, rows_file, contract):
    said = daytwo("contract", "check", rows_file, "--contract", contract, "--json")
    assert said.code == 0
    assert {name: said.json[name] for name in ("rows", "accepted", "repaired", "rejected")} == {
        "rows": 3000,
        "accepted": 3000,
        "repaired": 0,
        "rejected": 0,
    }


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_bad_rows_are_counted_by_rule_named_by_number_and_written_out(daytwo, rows_file, contract, tmp_path, kind):
    rows = broken(rows_file)
    path = tmp_path / f"bad.{kind}"
    rows.write_parquet(path) if kind == "parquet" else rows.write_csv(path)
    said = daytwo("contract", "check", path, "--contract", contract, "--json", "--failures", "cells.parquet")
    assert said.code == 1
    told = said.json
    assert (told["rows"], told["accepted"], told["rejected"]) == (3000, 2997, 3)
    by_rule = {(one["column"], one["rule"]): one for one in told["rules"]}
    assert by_rule["wind", "between"]["action"] == "reject"
    assert by_rule["wind", "between"]["rows"] == 2
    assert by_rule["wind", "between"]["examples"] == [7, 9]
    assert by_rule["wind", "not_null"]["examples"] == [3]
    assert by_rule["carrier", "in_set"]["action"] == "warn"
    cells = pl.read_parquet(tmp_path / "cells.parquet")
    assert cells.columns == ["row", "column", "rule", "value"]
    assert cells["row"].to_list() == [3, 7, 9]
    words = daytwo("contract", "check", path, "--contract", contract).out
    assert "2,997 accepted, 3 rejected" in words
    assert "7, 9" in words


def test_rows_to_predict_need_no_target(daytwo, rows_file, contract, tmp_path):
    pl.read_parquet(rows_file).drop("late").write_parquet(tmp_path / "new.parquet")
    assert daytwo("contract", "check", "new.parquet", "--contract", contract).code == 0


def test_ingest_takes_a_content_in_once_and_keeps_bad_rows_aside(daytwo, rows_file, project, tmp_path):
    broken(rows_file).write_parquet(tmp_path / "more.parquet")
    before = daytwo("ingest", "-C", project, "--json").json
    assert [one["again"] for one in before["files"]] == [True]
    first = daytwo("ingest", "more.parquet", "-C", project, "--json").json
    (told,) = first["files"]
    assert (told["file"], told["accepted"], told["rejected"], told["unlabelled"]) == ("more.parquet", 2997, 3, 0)
    assert (told["again"], told["trouble"], told["version"]) == (False, "", first["version"])
    assert {(one["column"], one["rule"], one["rows"]) for one in told["reasons"]} == {
        ("wind", "between", 2),
        ("wind", "not_null", 1),
    }
    assert first["version"] == before["version"] + 1
    again = daytwo("ingest", "more.parquet", "-C", project)
    assert "was taken in before" in again.out
    kept = daytwo("quarantine", "list", "-C", project, "--json").json
    assert kept["rows"] == 3
    assert {(one["column"], one["rule"], one["rows"]) for one in kept["rules"]} == {
        ("wind", "between", 2),
        ("wind", "not_null", 1),
    }
    one = kept["quarantine"][0]["id"]
    shown = daytwo("quarantine", "show", one, "-C", project)
    assert "more.parquet" in shown.out
    dropped = daytwo("quarantine", "drop", one, "--reason", "a test", "--as", "ana", "-C", project, "--json").json
    assert dropped == {"dropped": 1}
    assert daytwo("quarantine", "list", "-C", project, "--json").json["rows"] == 2
    assert daytwo("quarantine", "list", "--state", "dropped", "-C", project, "--json").json["rows"] == 1
    everything = daytwo("quarantine", "drop", "--reason", "r", "--as", "ana", "-C", project)
    assert everything.code == 2
