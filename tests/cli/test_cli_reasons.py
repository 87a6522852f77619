"""Reasons in the project's own words: the same in an answer, online and from the tables; what a version leans on."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from signal import SIGTERM

import polars as pl
import pytest
from tests.cli.conftest import DOOR

SAID = """
[reasons.names]
late = "a late trip"

[reasons.phrases]
wind = "it blows at {value}, usually {typical}"

[reasons.units]
wind = "m/s"

[reasons.values]
carrier = { B6 = "flown by JetBlue" }

[reasons.groups]
"the plane" = ["carrier", "seats"]
"""


@pytest.fixture
def spoken(project):
    with (project / "daytwo.toml").open("a") as file:
        file.write(SAID)
    return project


@pytest.fixture
def address(spoken):
    process = subprocess.Popen(
        [sys.executable, "-c", DOOR, "serve", "-C", str(spoken), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    process.send_signal(SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def test_the_same_words_stand_in_the_answer_online_and_in_what_is_explained_later(
    daytwo, spoken, address, rows_file, tmp_path
):
    pl.read_parquet(rows_file).tail(20).write_parquet(tmp_path / "rows.parquet")
    told = daytwo("predict", "rows.parquet", "--explain", "--json", "-C", spoken).json["predictions"]
    words = [[reason["words"] for reason in one["reasons"]] for one in told]
    assert any(one.startswith("it blows at ") and " m/s, usually " in one for row in words for one in row)
    assert any(one.startswith("the plane (") for row in words for one in row)
    assert all(one.endswith((" points", " points at most")) for row in words for one in row)
    for one, expected in zip(told[:3], words[:3], strict=True):
        with urllib.request.urlopen(f"{address}/predictions/{one['prediction_id']}/explanation") as reply:
            assert [reason["words"] for reason in json.load(reply)["reasons"]] == expected
        later = daytwo("explain", one["prediction_id"], "--json", "-C", spoken).json["explanation"]
        assert {reason["words"] for reason in later["reasons"]} >= set(expected)
        worth = sum(reason["effect"] for reason in later["reasons"])
        assert worth == pytest.approx(one["score"] - later["typical"], abs=1e-9)
        assert {reason["reference"] for reason in later["reasons"]} == {later["reference"]} == {"the typical row"}
        assert all(f"  {one}\n" in daytwo("explain", one_id(later), "-C", spoken).out for one in expected)


def one_id(explanation):
    return explanation["id"]


@pytest.mark.parametrize(
    ("line", "words", "hint"),
    [
        ('[reasons.phrases]\nwnid = "blows"', "[reasons.phrases] names 'wnid'", "Did you mean 'wind'?"),
        ('[reasons.phrases]\nwind = "at {valeu}"', "has the place {valeu}", "Did you mean {value}?"),
        ('[reasons.values]\ncarrier = { b6 = "x" }', "'b6', which is no level", "Did you mean 'B6'?"),
        ('[reasons.groups]\n"a" = ["wind"]\n"b" = ["wind"]', "'wind' is in 'a' and in 'b'", "Leave it in one"),
    ],
)
def test_what_is_spoken_of_and_is_not_there_is_refused_by_doctor_by_serve_and_by_explain(
    daytwo, project, line, words, hint
):
    with (project / "daytwo.toml").open("a") as file:
        file.write(f"\n{line}\n")
    doctor = daytwo("doctor", "-C", project)
    assert doctor.code == 1
    for said in (daytwo("serve", "--port", "0", "-C", project), daytwo("explain", "--global", "-C", project)):
        assert said.code == 2
        assert words in said.err
        assert hint in said.err


def test_what_a_version_leans_on_is_told_in_groups_with_intervals_and_stands_on_its_card(daytwo, spoken):
    told = daytwo("explain", "--global", "--json", "-C", spoken).json
    weights = {one["name"]: one for one in told["leaning"]["weights"]}
    assert set(weights) == {"wind", "wind_imputed", "the plane"}
    assert weights["the plane"]["columns"] == ["carrier", "seats"]
    assert all(one["low"] <= one["mean"] <= one["high"] for one in weights.values())
    assert sum(one["share"] for one in weights.values()) == pytest.approx(1)
    assert told["version"] == "v1"
    words = daytwo("explain", "--global", "v1", "-C", spoken).out
    assert "rows that its trees did not learn from" in words
    assert "rank correlation" in words
    bundle = spoken / ".daytwo" / "bundles" / told["digest"]
    assert "## What it leans on" in (bundle / "card.md").read_text()
    kept = {one["name"]: one for one in json.loads((bundle / "evaluation.json").read_text())["leaning"]["weights"]}
    assert kept["wind"]["mean"] == pytest.approx(weights["wind"]["mean"], rel=1e-6)


def test_nothing_named_is_wrong_use(daytwo, project):
    said = daytwo("explain", "-C", project)
    assert said.code == 2
    assert "--global" in said.err


def test_a_glass_box_is_read_value_by_value_and_its_parts_are_the_score(daytwo, spoken):
    said = daytwo("explain", "--curves", "-C", spoken)
    assert said.code == 2
    assert "no glass box" in said.err
    assert 'prefer = "readable"' in said.err
    text = (spoken / "daytwo.toml").read_text().replace("margin = ", "margin = 1.0  # ", 1)
    (spoken / "daytwo.toml").write_text(text.replace('prefer = "cheapest"', 'prefer = "readable"'))
    made = daytwo("train", "-C", spoken)
    assert "additive" in daytwo("front", "-C", spoken).out, made.err
    told = daytwo("explain", "--curves", "v2", "--json", "-C", spoken).json
    assert told["paired"] == 0
    assert set(told["curves"]) <= {"wind", "carrier", "seats", "wind_imputed"}
    assert any("m/s" in step["words"] for step in told["curves"]["wind"])
    words = daytwo("explain", "--curves", "v2", "-C", spoken).out
    assert "flown by JetBlue" in words
    assert "That is the whole model" in words
