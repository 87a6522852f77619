"""Personal columns from `init` to the tables: nothing that a project keeps tells a value."""

from __future__ import annotations

import json
import stat

import polars as pl

from daytwo.contracts.toml import read_contract
from daytwo.wiring import open_system

MARK = "Zq7x"


def _rows(daytwo_rows: pl.DataFrame) -> pl.DataFrame:
    names = [f"{MARK}-{i % 40:02d}" for i in range(daytwo_rows.height)]
    return daytwo_rows.with_columns(pl.format(MARK + "{}", "trip").alias("trip"), pl.Series("crew", names))


def test_a_project_with_personal_columns_keeps_pseudonyms_only(tmp_path, daytwo, rows_file):
    rows = _rows(pl.read_parquet(rows_file))
    source = tmp_path / "named.csv"
    bad = rows.head(5).with_columns(pl.lit("much").alias("wind"), pl.format("bad{}", "trip").alias("trip"))
    rows.write_csv(source)
    rows.write_csv(tmp_path / "good.csv")
    init = ["init", source, "--target", "late", "--time", "at", "--key", "trip", "--owner", "ana", "--into", "p"]
    said = daytwo(*init, "--personal", "trip", "--personal", "crew")
    assert said.code == 0, said.err
    project = tmp_path / "p"
    assert stat.S_IMODE((project / ".daytwo" / "pseudonym.key").stat().st_mode) == 0o600
    with source.open("a") as file:
        file.write(bad.select(rows.columns).write_csv(include_header=False))
        file.write(f"a broken line about {MARK},,,,,,,,,,,,,\n")
    said = daytwo("ingest", source, "--json", cwd=project)
    assert said.code == 0, said.err
    (told,) = said.json["files"]
    assert (told["accepted"], told["rejected"]) == (rows.height, 6)
    assert MARK not in said.out + said.err
    files = [path for path in project.rglob("*") if path.is_file()]
    assert [path for path in files if MARK.encode() in path.read_bytes()] == []
    system = open_system(project)
    for table in ("dataset", "quarantine", "ingests"):
        assert MARK not in system.tables.read(table).write_ndjson()
    dataset = system.tables.read("dataset")
    assert system.pseudonyms is not None
    assert dataset["crew"].n_unique() == 40
    assert set(dataset["trip"]) == {system.pseudonyms.of(trip) for trip in rows["trip"]}
    checked = daytwo("contract", "check", tmp_path / "good.csv", "--contract", "contract.toml", "--json", cwd=project)
    assert (checked.code, MARK in checked.out) == (0, False), checked.out + checked.err
    proposed = daytwo("contract", "propose", tmp_path / "good.csv", "--target", "late", cwd=project)
    assert (proposed.code, MARK in proposed.out + proposed.err) == (0, False)
    levels = next(one.levels for one in read_contract(project / "contract.toml").columns if one.name == "crew")
    assert set(levels) <= set(dataset["crew"])


def test_what_cannot_be_personal_is_refused_and_nothing_is_left_behind(tmp_path, daytwo, rows_file):
    for column, words in (("late", "cannot be personal"), ("who", "no personal column 'who'")):
        said = daytwo("init", rows_file, "--target", "late", "--personal", column, "--into", "p")
        assert (said.code, words in said.err) == (2, True), said.err
        assert not (tmp_path / "p").exists()


def test_a_contract_that_no_pseudonym_keeps_stops_the_ingest_by_name(project, daytwo, rows_file):
    text = (project / "daytwo.toml").read_text()
    (project / "daytwo.toml").write_text(text.replace("personal = []", 'personal = ["seats"]'))
    said = daytwo("ingest", rows_file, cwd=project)
    assert said.code == 2
    assert "[data] personal names 'seats'" in said.err
    assert "kind 'integer'" in said.err


def test_a_file_that_cannot_be_read_is_told_without_what_stands_in_it(tmp_path, daytwo, rows_file):
    rows = _rows(pl.read_parquet(rows_file)).head(400)
    rows.write_csv(tmp_path / "named.csv")
    init = ["init", tmp_path / "named.csv", "--target", "late", "--key", "trip", "--into", "p", "--personal", "trip"]
    assert daytwo(*init).code == 0
    broken = tmp_path / "broken.csv"
    broken.write_text(rows.head(5).write_csv() + f'{MARK},,,,,,,,,,,,,,"\n' * 9)
    said = daytwo("ingest", broken, cwd=tmp_path / "p")
    assert said.code == 2
    assert MARK not in said.err + said.out
    assert json.loads(daytwo("alerts", "--json", cwd=tmp_path / "p").out) is not None
