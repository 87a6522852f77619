"""contract propose, check, diff, lint, import and export, without a project; ingest, with one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

SUITES = Path(__file__).parents[1] / "contracts" / "exchange" / "suites"
CARRIERS = """
name = "trips"
version = 1
owner = "ana"
[columns.wind]
kind = "number"
minimum = 0.0
maximum = 100.0
repair = ["clip"]
[columns.carrier]
kind = "text"
role = "checked"
pattern = "[A-Z0-9]+"
warn = ["match_regex"]
[columns.at]
kind = "time"
role = "time"
[rules.calm]
expression = "wind < 90 or carrier != 'AA'"
[unique.at]
columns = ["at", "carrier"]
[references.known]
columns = ["carrier"]
table = "carriers"
key = ["code"]
[batch]
max_age = "2d"
action = "reject"
"""


@pytest.fixture
def contract(daytwo, rows_file, tmp_path):
    said = daytwo("contract", "propose", rows_file, "--target", "late", "--time", "at", "-o", "C.toml")
    assert said.code == 0, said.err
    assert "next: daytwo contract check" in said.out
    return tmp_path / "C.toml"


@pytest.fixture
def soft(contract, tmp_path):
    """The contract with levels that only warn."""
    lines = contract.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("other =", "typo =", "pattern ="))]
    (tmp_path / "S.toml").write_text("\n".join(kept))
    return tmp_path / "S.toml"


def broken(rows_file, *, stranger=True):
    """Four wrong cells: a missing time, two storms and, unless told otherwise, a carrier that nobody knows."""
    rows = pl.read_parquet(rows_file)
    wind = pl.Series([value * (1e6 if i in {7, 9} else 1) for i, value in enumerate(rows["wind"])])
    carrier = pl.Series(["ZZ" if i == 5 and stranger else value for i, value in enumerate(rows["carrier"])])
    at = pl.when(pl.int_range(pl.len()) != 3).then("at")
    return rows.with_columns(wind=wind, carrier=carrier, at=at)


def test_propose_writes_to_stdout_and_never_over_a_file(daytwo, rows_file, contract):
    said = daytwo("contract", "propose", rows_file, "--target", "late", "--time", "at")
    assert said.out == contract.read_text()
    again = daytwo("contract", "propose", rows_file, "--target", "late", "-o", contract)
    assert again.code == 1
    assert "is there already" in again.err
    told = daytwo("contract", "propose", rows_file, "--target", "late", "--json").json
    assert len(told["digest"]) == 64


def test_rows_without_a_target_have_a_contract_too(daytwo, rows_file, tmp_path):
    assert daytwo("contract", "propose", rows_file, "-o", "plain.toml").code == 0
    assert 'role = "target"' not in (tmp_path / "plain.toml").read_text()
    assert daytwo("contract", "check", rows_file, "--contract", "plain.toml").code == 0


def test_good_rows_pass(daytwo, rows_file, contract):
    said = daytwo("contract", "check", rows_file, "--contract", contract, "--json")
    assert said.code == 0
    assert {name: said.json[name] for name in ("rows", "accepted", "repaired", "rejected")} == {
        "rows": 3000,
        "accepted": 3000,
        "repaired": 0,
        "rejected": 0,
    }


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_bad_rows_are_counted_by_rule_named_by_number_and_written_out(daytwo, rows_file, soft, tmp_path, kind):
    rows = broken(rows_file)
    path = tmp_path / f"bad.{kind}"
    {"parquet": rows.write_parquet, "csv": rows.write_csv, "jsonl": rows.write_ndjson}[kind](path)
    said = daytwo("contract", "check", path, "--contract", soft, "--json", "--failures", "cells.parquet")
    assert said.code == 1
    told = said.json
    assert (told["rows"], told["accepted"], told["rejected"]) == (3000, 2997, 3)
    by_rule = {(one["column"], one["rule"]): one for one in told["rules"] if one["rows"]}
    assert by_rule["wind", "between"]["action"] == "reject"
    assert by_rule["wind", "between"]["rows"] == 2
    assert by_rule["wind", "between"]["examples"] == [7, 9]
    assert by_rule["at", "not_null"]["examples"] == [3]
    assert by_rule["carrier", "in_set"]["action"] == "warn"
    cells = pl.read_parquet(tmp_path / "cells.parquet")
    assert cells.schema == {
        "row": pl.Int64,
        "column": pl.String,
        "rule": pl.String,
        "value": pl.String,
        "action": pl.String,
    }
    assert cells["row"].to_list() == [3, 7, 9]
    assert len(told["digest"]) == len(told["contract"]["digest"]) == 64
    words = daytwo("contract", "check", path, "--contract", soft).out
    assert "2,997 accepted, 3 rejected" in words
    assert "7, 9" in words
    assert "--page page.html" in words


def test_rows_to_predict_need_no_target(daytwo, rows_file, contract, tmp_path):
    pl.read_parquet(rows_file).drop("late").write_parquet(tmp_path / "new.parquet")
    assert daytwo("contract", "check", "new.parquet", "--contract", contract).code == 0


def test_everything_that_a_check_finds_can_be_written_out(daytwo, tmp_path):
    (tmp_path / "C.toml").write_text(CARRIERS)
    (tmp_path / "carriers.csv").write_text("code\nAA\nB6\n=x\n")
    rows = [
        (1, "AA", "2020-01-01T00:00:00Z"),
        (500, "B6", "2020-01-02T00:00:00Z"),
        (95, "AA", "2020-01-03T00:00:00Z"),
        (2, "AA", "2020-01-01T00:00:00Z"),
        (2, "ZZ", "2020-01-01T00:00:00Z"),
        (2, "=x", "2020-01-01T00:00:00Z"),
    ]
    lines = ["wind,carrier,at", *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    files = {name: f"{name}.csv" for name in ("failures", "warnings", "accepted", "rejected")}
    options = [word for name, file in files.items() for word in (f"--{name}", file)]
    check = ["contract", "check", "rows.csv", "--contract", "C.toml", "--table", "carriers=carriers.csv"]
    said = daytwo(*check, *options, "--now", "2020-01-03", "--page", "p.html", "--junit", "j.xml", "--json")
    assert said.code == 1, said.err
    told = said.json
    assert (told["accepted"], told["repaired"], told["rejected"], told["batch"]) == (3, 1, 3, [])
    cells = pl.read_csv(tmp_path / "failures.csv").rows()
    assert [(row, column, rule, action) for row, column, rule, _, action in cells] == [
        (1, "wind", "between", "repair"),
        (2, "wind, carrier", "expression:calm", "reject"),
        (3, "at, carrier", "unique:at", "reject"),
        (4, "carrier", "reference:known", "reject"),
    ]
    assert cells[0][3] == "500"
    assert "'=x" in (tmp_path / "warnings.csv").read_text(), "no spreadsheet runs it"
    assert "'=x" in (tmp_path / "accepted.csv").read_text()
    assert pl.read_csv(tmp_path / "rejected.csv")["_row"].to_list() == [2, 3, 4]
    assert pl.read_csv(tmp_path / "accepted.csv")["wind"].to_list() == [1.0, 100.0, 2.0]
    suite = ET.fromstring((tmp_path / "j.xml").read_bytes())[0]
    assert (suite.get("tests"), suite.get("failures")) == ("7", "3")
    assert "3 of 6 rows pass" in (tmp_path / "p.html").read_text()
    late = daytwo(*check, "--now", "2020-02-01", "--json")
    assert late.code == 1
    assert [(one["rule"], one["action"]) for one in late.json["batch"]] == [("freshness", "reject")]
    assert not late.json["passed"]


def test_a_stale_batch_is_refused_though_every_row_passes(daytwo, tmp_path):
    (tmp_path / "C.toml").write_text(CARRIERS)
    (tmp_path / "carriers.csv").write_text("code\nAA\n")
    (tmp_path / "rows.csv").write_text("wind,carrier,at\n1,AA,2020-01-01\n")
    said = daytwo("contract", "check", "rows.csv", "--contract", "C.toml", "--table", "carriers=carriers.csv")
    assert said.code == 1
    assert "1 accepted, 0 rejected" in said.out
    assert "The batch as a whole (reject)" in said.out


def test_several_files_are_checked_in_one_go(daytwo, rows_file, soft, tmp_path):
    broken(rows_file).write_parquet(tmp_path / "bad.parquet")
    said = daytwo("contract", "check", rows_file, "bad.parquet", "--contract", soft, "--json")
    assert said.code == 1
    assert [one["rejected"] for one in said.json["files"]] == [0, 3]
    assert "bad.parquet: 3,000 rows" in daytwo("contract", "check", rows_file, "bad.parquet", "--contract", soft).out


def test_lines_that_are_no_rows_are_told_and_reject(daytwo, tmp_path):
    (tmp_path / "C.toml").write_text('name = "t"\nversion = 1\n[columns.a]\nkind = "number"\n')
    lines = ["a,b", *(f"{i},x" for i in range(40)), "1,2,3,4", *(f"{i},x" for i in range(40))]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    said = daytwo("contract", "check", "rows.csv", "--contract", "C.toml")
    assert said.code == 1
    assert "1 line is no row" in said.out
    assert "line 42" in said.out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nothing.csv"], "there is no file nothing.csv"),
        (["C.toml"], "is of no kind that is read"),
        (["rows.csv", "--failures", "x.xlsx"], "no kind that is written"),
        (["rows.csv", "--table", "carriers"], "--table is NAME=FILE"),
        (["rows.csv", "--now", "soon"], "--now 'soon' is no time"),
        (["rows.csv", "rows.csv", "--page", "p.html"], "p.html is for one file"),
        (["rows.csv", "--contract", "none.toml"], "cannot read the contract none.toml"),
        (["rows.csv"], "carriers"),
    ],
)
def test_a_mistake_is_told_with_a_way_out(daytwo, tmp_path, args, words):
    (tmp_path / "C.toml").write_text(CARRIERS)
    (tmp_path / "rows.csv").write_text("wind,carrier,at\n1,AA,2020-01-01\n")
    said = daytwo("contract", "check", *args, *([] if "--contract" in args else ["--contract", "C.toml"]))
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["C.toml", "rows.csv"]


def test_diff_says_what_changed_whom_it_concerns_and_how_many_rows(daytwo, rows_file, contract, tmp_path):
    text = contract.read_text()
    (tmp_path / "N.toml").write_text(
        text.replace("version = 1", "version = 2").replace("[columns.wind]", '[columns.wind]\nowner = "met office"', 1)
    )
    said = daytwo("contract", "diff", "C.toml", "N.toml")
    assert (said.code, "the same rows pass" in said.out) == (0, True)
    assert "met office owns wind" in said.out
    lines = (tmp_path / "N.toml").read_text().splitlines()
    at = lines.index("[columns.wind]")
    high = next(i for i in range(at, len(lines)) if lines[i].startswith("maximum ="))
    lines[high : high + 1] = ["maximum = 20.0"]
    lines = [line for line in lines if not line.startswith(("expected_m",))]
    (tmp_path / "N.toml").write_text("\n".join(lines).replace("version = 2", "version = 1"))
    args = ("contract", "diff", "C.toml", "N.toml", "--rows", rows_file)
    told = daytwo(*args, "--json").json
    assert told["verdict"] == "narrower"
    expected = pl.read_parquet(rows_file).filter(pl.col("wind") > 20).height
    assert (told["rows"]["newly_rejected"], told["rows"]["newly_accepted"]) == (expected, 0)
    assert told["version"].endswith("raise it to 2")
    words = daytwo(*args, "--exit-code")
    assert words.code == 1
    assert f"{expected:,} are newly rejected" in words.out


def test_diff_in_a_project_knows_what_money_is_worked_out_from(daytwo, project, tmp_path):
    settings = project / "daytwo.toml"
    text = settings.read_text()
    assert "true_positive = 1" in text
    settings.write_text(text.replace("true_positive = 1.0", 'true_positive = "2 * seats"', 1))
    held = (project / "contract.toml").read_text()
    (project / "new.toml").write_text(
        held.replace("version = 1", "version = 2").replace("[columns.seats]", "[columns.seats]\nnullable = true", 1)
    )
    said = daytwo("contract", "diff", "contract.toml", "new.toml", cwd=project)
    assert "the value in money is worked out from seats" in said.out, said.out + said.err


def test_lint_finds_what_a_contract_lacks(daytwo, contract, tmp_path):
    bare = daytwo("contract", "lint", contract)
    assert bare.code == 1
    assert "owner: problem: nobody owns it" in bare.out
    owned = contract.read_text().replace('owner = ""', 'owner = "ana"')
    contract.write_text(owned)
    assert daytwo("contract", "lint", contract).code == 0
    contract.write_text(owned.replace("\nminimum =", "\nmimimum =", 1))
    wrong = daytwo("contract", "lint", contract, "--json")
    assert wrong.code == 1
    assert "mimimum" in wrong.json["remarks"][0]["words"]


def test_lint_asks_for_a_raised_version_against_the_last_commit(daytwo, contract, tmp_path):
    def git(*args: str) -> None:
        who = ["-c", "user.name=ana", "-c", "user.email=ana@example.org"]
        subprocess.run(["git", *who, *args], cwd=tmp_path, check=True, capture_output=True)

    text = contract.read_text().replace('owner = ""', 'owner = "ana"')
    contract.write_text(text)
    git("init", "-q")
    git("add", "C.toml")
    git("commit", "-qm", "first")
    assert daytwo("contract", "lint", "C.toml").code == 0
    contract.write_text(text.replace("[columns.wind]", "[columns.wind]\nrequired = false"))
    said = daytwo("contract", "lint", "C.toml")
    assert said.code == 1
    assert "raise it to 2" in said.out
    contract.write_text(contract.read_text().replace("version = 1", "version = 2"))
    assert daytwo("contract", "lint", "C.toml").code == 0


def test_other_tools_files_come_in_and_go_out(daytwo, tmp_path):
    suite = SUITES / "gx-1.24.json"
    said = daytwo("contract", "import", suite, "--from", "gx", "--owner", "ana", "--key", "id", "-o", "C.toml")
    assert said.code == 0, said.err
    assert "promises carried over" in said.out
    assert "are not carried over" in said.err
    assert "expect_column_mean_to_be_between(km)" in said.err
    told = daytwo("contract", "import", SUITES / "pandera-0.35.yaml", "--from", "pandera", "--json").json
    assert told["carried"] > 20
    assert [note["promise"] for note in told["left"]] == ["the columns ^re_.*$"]
    for form, name in (("odcs", "c.odcs.yaml"), ("gx", "c.gx.json"), ("json-schema", "c.schema.json")):
        assert daytwo("contract", "export", "C.toml", "--to", form, "-o", name).code == 0
        assert (tmp_path / name).stat().st_size > 500
    assert "apiVersion: v3.0.2" in (tmp_path / "c.odcs.yaml").read_text()
    printed = daytwo("contract", "export", "C.toml", "--to", "odcs")
    assert json.loads(printed.out)["kind"] == "DataContract"
    told = daytwo("contract", "export", "C.toml", "--to", "odcs", "--json").json
    assert (told["document"], told["left"], told["output"]) == (json.loads(printed.out), [], None)
    again = daytwo("contract", "export", "C.toml", "--to", "gx", "-o", "c.gx.json")
    assert again.code == 1
    stranger = daytwo("contract", "import", suite, "--from", "gx", "--time", "when")
    assert stranger.code == 2
    assert "says nothing of a column 'when'" in stranger.err


def test_rows_tell_the_types_that_a_suite_does_not(daytwo, tmp_path):
    pl.DataFrame({"km": [1], "at": ["2020-01-01"]}).write_csv(tmp_path / "rows.csv")
    suite = {"name": "s", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "at"}}]}
    (tmp_path / "s.json").write_text(json.dumps(suite))
    said = daytwo("contract", "import", "s.json", "--from", "gx", "--rows", "rows.csv", "--time", "at")
    assert 'kind = "time"' in said.out
    assert said.err == ""


def test_ingest_takes_a_content_in_once_and_keeps_bad_rows_aside(daytwo, rows_file, project, tmp_path):
    # Other trips of the same kind: the contract promises that a trip comes in once, in whatever file.
    others = broken(rows_file, stranger=False)
    others = others.with_columns(trip="u" + pl.col("trip"), at=pl.col("at").dt.offset_by("7m"))
    others.write_parquet(tmp_path / "more.parquet")
    before = daytwo("ingest", "-C", project, "--json").json
    assert [one["again"] for one in before["files"]] == [True]
    first = daytwo("ingest", "more.parquet", "-C", project, "--json").json
    (told,) = first["files"]
    assert (told["file"], told["accepted"], told["rejected"], told["unlabelled"]) == ("more.parquet", 2997, 3, 0)
    assert (told["again"], told["trouble"], told["version"]) == (False, "", first["version"])
    assert {(one["column"], one["rule"], one["rows"]) for one in told["reasons"]} == {
        ("wind", "between", 2),
        ("at", "not_null", 1),
    }
    assert first["version"] == before["version"] + 1
    again = daytwo("ingest", "more.parquet", "-C", project)
    assert "was taken in before" in again.out
    kept = daytwo("quarantine", "list", "-C", project, "--json").json
    assert kept["rows"] == 3
    assert {(one["column"], one["rule"], one["rows"]) for one in kept["rules"]} == {
        ("wind", "between", 2),
        ("at", "not_null", 1),
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


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_stream_says_and_writes_what_a_whole_check_does(daytwo, rows_file, contract, tmp_path, suffix):
    broken(rows_file).write_parquet(tmp_path / "bad.parquet")
    check = ["contract", "check", "bad.parquet", "--contract", contract, "--json"]
    whole = daytwo(*check, "--failures", f"whole.{suffix}", "--warnings", f"warned.{suffix}")
    said = daytwo(
        *check, "--failures", f"cells.{suffix}", "--warnings", f"soft.{suffix}", "--junit", "j.xml", "--stream"
    )
    assert said.code == whole.code == 1, said.err
    for name in ("rows", "accepted", "repaired", "rejected", "rules", "unknown", "passed", "digest", "contract"):
        assert said.json[name] == whole.json[name], name
    for one, other in ((f"cells.{suffix}", f"whole.{suffix}"), (f"soft.{suffix}", f"warned.{suffix}")):
        assert (tmp_path / one).stat().st_size > 0 or not (tmp_path / other).stat().st_size
        if suffix == "parquet":
            read = pl.read_parquet(tmp_path / one)
            assert read.sort("row", "rule").equals(pl.read_parquet(tmp_path / other).sort("row", "rule"))
        else:
            assert sorted((tmp_path / one).read_text().splitlines()) == sorted(
                (tmp_path / other).read_text().splitlines()
            )
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    refused = daytwo(*check, "--page", "p.html", "--stream")
    assert refused.code == 2
    assert "cannot write p.html" in refused.err


def test_a_streamed_parquet_file_gets_the_verdict_of_the_table(daytwo, rows_file, tmp_path):
    daytwo("contract", "propose", rows_file, "--target", "late", "-o", tmp_path / "c.toml")
    rows = pl.read_parquet(rows_file)
    numeric = next(name for name in rows.columns if rows[name].dtype.is_float())
    broken = rows.with_row_index("i").with_columns(
        pl.when(pl.col("i") % 50 == 7).then(1e9).otherwise(pl.col(numeric)).alias(numeric)
    )
    broken.drop("i").write_parquet(tmp_path / "broken.parquet")
    asked = ("contract", "check", tmp_path / "broken.parquet", "--contract", tmp_path / "c.toml", "--json")
    whole = daytwo(*asked, "--failures", tmp_path / "whole.parquet").json
    streamed = daytwo(*asked, "--stream", "--failures", tmp_path / "streamed.parquet").json
    assert streamed["rejected"] == whole["rejected"] > 0
    assert {(r["rule"], r["column"], r["rows"]) for r in streamed["rules"]} == {
        (r["rule"], r["column"], r["rows"]) for r in whole["rules"]
    }
    order = ["row", "column", "rule"]
    cells = [pl.read_parquet(tmp_path / f"{name}.parquet").sort(order) for name in ("whole", "streamed")]
    assert cells[0].equals(cells[1])


def test_propose_says_on_stderr_what_was_assumed_of_a_file(daytwo, tmp_path):
    (tmp_path / "rows.csv").write_text("id;price\n" + "".join(f"{n};{n},25\n" for n in range(1, 40)))
    said = daytwo("contract", "propose", "rows.csv")
    assert said.code == 0
    assert "rows.csv: cells are parted by semicolons" in said.err
    assert "parted by" not in said.out


def test_propose_names_the_columns_that_it_leaves_out_and_quotes_what_to_type_next(daytwo, tmp_path):
    (tmp_path / "two words.csv").write_text("id,_loaded\n" + "".join(f"{n},1\n" for n in range(1, 40)))
    said = daytwo("contract", "propose", "two words.csv", "-o", "C.toml")
    assert said.code == 0
    assert "left out: '_loaded'" in said.err
    assert "next: daytwo contract check 'two words.csv' --contract C.toml" in said.out


@pytest.mark.parametrize("how", [[], ["--stream"]])
def test_what_is_wrong_with_one_of_several_files_names_the_file(daytwo, contract, rows_file, tmp_path, how):
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    said = daytwo("contract", "check", rows_file, "other.csv", "--contract", contract, *how)
    assert said.code == 1
    assert "other.csv: 1 rows: 0 accepted, 1 rejected" in said.out
    assert "the data has no column" in said.out


def test_a_proposal_says_how_many_of_its_own_rows_break_it(daytwo, tmp_path):
    cities = ["birmingham", "dothan", "montgomery", "huntsville"] * 60
    cities[7] = "huntsvixxe"
    pl.DataFrame({"city": cities, "zip": ["35233", "36301", "36104", "35801"] * 60}).write_csv(tmp_path / "dirty.csv")
    said = daytwo("contract", "propose", tmp_path / "dirty.csv", "-o", tmp_path / "c.toml")
    assert "1 of these rows (0.4%) break it themselves" in said.out


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_a_lost_column_is_a_check_that_said_no_and_is_named(daytwo, rows_file, contract, tmp_path, stream):
    pl.read_parquet(rows_file).drop("wind", "seats").write_parquet(tmp_path / "lost.parquet")
    ask = ("contract", "check", "lost.parquet", "--contract", contract, *stream)
    said = daytwo(*ask, "--json", "--junit", "j.xml")
    assert said.code == 1
    assert (said.json["rows"], said.json["accepted"], said.json["rejected"], said.json["passed"]) == (
        3000,
        0,
        3000,
        False,
    )
    assert {(one["column"], one["rule"], one["action"]) for one in said.json["batch"]} == {
        ("wind", "missing_field", "reject"),
        ("seats", "missing_field", "reject"),
    }
    assert len(ET.parse(tmp_path / "j.xml").findall(".//failure")) == 2
    told = daytwo(*ask)
    assert told.code == 1
    assert "The batch as a whole (reject): the data has no column 'wind', which the contract" in told.out
    assert "next: Bring the column back" in told.out


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (".", ". is a folder, and no Delta table"),
        ("empty.parquet", "empty.parquet: it cannot be read"),
        ("empty.csv", "empty.csv: it holds nothing"),
        ("bytes.csv", "bytes.csv: this is no text"),
        ("bytes.parquet", "bytes.parquet: it cannot be read"),
        ("bytes.bin", "bytes.bin is of no kind that is read"),
    ],
)
@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_what_is_no_table_is_said_in_a_line_and_a_next_step(daytwo, contract, tmp_path, source, words, stream):
    for name in ("empty.parquet", "empty.csv"):
        (tmp_path / name).touch()
    for name in ("bytes.csv", "bytes.parquet", "bytes.bin"):
        (tmp_path / name).write_bytes(bytes(range(256)))
    said = daytwo("contract", "check", source, "--contract", contract, "--json", *stream)
    assert said.code == 2
    assert words in said.err
    assert "next: " in said.err


@pytest.mark.parametrize("option", ["--failures", "--page", "--junit"])
def test_no_folder_is_made_that_nobody_asked_for(daytwo, rows_file, contract, tmp_path, option):
    said = daytwo("contract", "check", rows_file, "--contract", contract, option, "gone/such/x.csv")
    assert said.code == 2
    assert "there is no folder gone/such to write x.csv in" in said.err
    assert "next: Make it first: mkdir -p gone/such" in said.err
    assert not (tmp_path / "gone").exists()
    (tmp_path / "x.csv").mkdir()
    assert "x.csv is a folder" in daytwo("contract", "check", rows_file, "--contract", contract, option, "x.csv").err
    assert "no folder gone" in daytwo("contract", "propose", rows_file, "-o", "gone/C.toml").err
