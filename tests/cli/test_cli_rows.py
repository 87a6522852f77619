"""predict, label, feedback, explain, replay: rows through a running server, and what is known of them later."""

from __future__ import annotations

import json
import shutil

import polars as pl
import pytest


@pytest.fixture(scope="module")
def rows(rows_file):
    return pl.read_parquet(rows_file)


@pytest.fixture
def say(daytwo, served_project):
    return lambda *args, **more: daytwo(*args, "-C", served_project, **more)


def bad_row(row):
    return row | {"at": "2013-05-01T00:00:00Z", "wind": "400 dm/s", "trip": "bad-1"}


def test_rows_of_any_file_get_the_same_answers(say, rows, tmp_path):
    part = rows.tail(700)
    part.write_parquet(tmp_path / "rows.parquet")
    part.write_csv(tmp_path / "rows.csv")
    part.write_ndjson(tmp_path / "rows.jsonl")
    (tmp_path / "rows.json").write_text(
        json.dumps({"rows": [json.loads(line) for line in part.write_ndjson().splitlines()]})
    )
    scores = {}
    for name in ("rows.parquet", "rows.csv", "rows.jsonl", "rows.json"):
        told = say("predict", name, "--json").json
        assert (told["rows"], told["quarantined"]) == (700, 0)
        scores[name] = [one["score"] for one in told["predictions"]]
        assert [one["key"] for one in told["predictions"]] == part["trip"].to_list()
    assert len({tuple(one) for one in scores.values()}) == 1
    assert (
        say("predict", "-", "--json", stdin=part.head(1).write_ndjson()).json["predictions"][0]["score"]
        == scores["rows.csv"][0]
    )


def test_predict_for_people_shows_a_few_and_says_what_next(say, rows, tmp_path):
    rows.head(30).write_parquet(tmp_path / "rows.parquet")
    said = say("predict", "rows.parquet")
    assert said.code == 0
    assert "30 rows answered, the first 20 shown" in said.out
    assert "next: daytwo explain" in said.out
    explained = say("predict", "rows.parquet", "--first", "2", "--explain")
    assert "points" in explained.out


def test_bad_input_is_refused_with_words(say, tmp_path):
    (tmp_path / "rows.json").write_text("[1, 2]")
    for args, stdin, words in (
        (("predict", "rows.json"), "", "row 0 of rows.json is no object"),
        (("predict", "-"), "{oops", "stdin is neither JSON nor JSON Lines"),
        (("predict", "-"), "[]", "stdin has no rows"),
        (("predict", "nothing.parquet"), "", "there is no file nothing.parquet"),
        (("label", "t1-0", "perhaps"), "", "'perhaps' is no outcome of 'late'"),
    ):
        said = say(*args, stdin=stdin)
        assert said.code == 2, said
        assert words in said.err
        assert "next: " in said.err


def test_without_a_server_it_says_how_to_start_one(daytwo, project, rows_file):
    said = daytwo("predict", rows_file, "-C", project)
    assert said.code == 3
    assert "no server of this project runs" in said.err
    assert "daytwo up" in said.err


def test_a_prediction_is_explained_from_the_server_the_journal_and_the_tables(
    say, daytwo, served_project, rows, tmp_path
):
    rows.head(3).write_parquet(tmp_path / "rows.parquet")
    answer = say("predict", "rows.parquet", "--json").json["predictions"][1]
    identity = answer["prediction_id"]
    told = say("explain", identity, "--json").json
    assert told["proved"] is True
    assert told["explanation"]["score"] == told["explanation"]["recomputed"] == answer["score"]
    assert told["explanation"]["at"].startswith("2013-01-01T00:40")
    assert told["explanation"]["key"] == "t1-1"
    contributions = [one["contribution"] for one in told["explanation"]["reasons"]]
    assert contributions
    assert all("typical" in one["words"] for one in told["explanation"]["reasons"])
    words = say("explain", identity).out
    assert "Proved: the same bundle gives this very score" in words

    # Without a server: what it had journaled is found all the same.
    copy = tmp_path / "copy"
    shutil.copytree(served_project, copy)
    (copy / ".daytwo" / "server.json").unlink()
    assert daytwo("explain", identity, "--json", "-C", copy).json == told

    # And once it is in the tables, with the outcome that came meanwhile.
    assert say("label", "t1-1", "1").code == 0
    copy = tmp_path / "later"
    shutil.copytree(served_project, copy)
    (copy / ".daytwo" / "server.json").unlink()
    up = ("up", "-C", copy, "--once", "--port", 0, "--console-port", 0)
    assert daytwo(*up).code == 0
    later = daytwo("explain", identity, "--json", "-C", copy).json
    assert later["explanation"].pop("label") == 1.0
    assert told["explanation"].pop("label") is None
    inputs = [one["explanation"].pop("row") for one in (told, later)]
    assert {name: inputs[0][name] for name in ("wind", "carrier", "seats")} == {
        name: inputs[1][name] for name in ("wind", "carrier", "seats")
    }
    assert later == told
    assert "It came true as 1" in daytwo("explain", identity, "-C", copy).out


def test_what_would_turn_the_advice_and_what_became_of_others_like_it(say, rows, tmp_path):
    rows.head(3).write_parquet(tmp_path / "rows.parquet")
    answer = say("predict", "rows.parquet", "--json").json["predictions"][1]
    told = say("explain", answer["prediction_id"], "--change", "--similar", "--json").json["explanation"]
    assert told["changes"]["act"] == answer["act"]
    assert bool(told["changes"]["changes"]) != bool(told["changes"]["why"])
    for change in told["changes"]["changes"]:
        row = told["row"] | {step["column"]: step["after"] for step in change["steps"]}
        (tmp_path / "changed.json").write_text(json.dumps([row | {"trip": f"changed-{len(change['steps'])}"}]))
        (other,) = say("predict", "changed.json", "--json").json["predictions"]
        assert (other["act"], other["score"]) == (not answer["act"], change["score"])
    alike = told["alike"]
    assert alike["low"] <= alike["mean"] <= alike["high"]
    distances = [case["distance"] for case in alike["cases"]]
    assert distances == sorted(distances)
    assert all(case["label"] in (0, 1) for case in alike["cases"])
    words = say("explain", answer["prediction_id"], "--change", "--similar").out
    assert "The advice would be to" in words or "What would turn the advice" in words
    assert "past rows most like it" in words


def test_an_unknown_prediction(daytwo, project):
    said = daytwo("explain", "019a8c02f1e4b1c2d3e4-000000001", "-C", project)
    assert said.code == 2
    assert "there is no prediction" in said.err


def test_a_changed_bundle_explains_nothing(say, daytwo, served_project, rows, tmp_path):
    rows.head(1).write_parquet(tmp_path / "rows.parquet")
    identity = say("predict", "rows.parquet", "--json").json["predictions"][0]["prediction_id"]
    copy = tmp_path / "copy"
    shutil.copytree(served_project, copy)
    model = next((copy / ".daytwo" / "bundles").glob("*/model.txt"))
    model.chmod(0o644)
    model.write_text(model.read_text().replace("leaf_value=", "leaf_value=9", 1))
    said = daytwo("explain", identity, "-C", copy)
    assert said.code == 1
    assert "damaged" in said.err


def test_labels_from_a_file_find_their_predictions_by_the_models_own_columns(say, rows, tmp_path):
    rows.head(50).select("trip", "late").write_csv(tmp_path / "outcomes.csv")
    assert say("label", "outcomes.csv", "--json").json == {"recorded": 50}
    rows.head(5).select(prediction_id="trip", label="late").write_parquet(tmp_path / "by_id.parquet")
    assert say("label", "by_id.parquet", "--json").json == {"recorded": 5}
    rows.head(5).select("wind").write_parquet(tmp_path / "neither.parquet")
    said = say("label", "neither.parquet")
    assert said.code == 2
    assert "no column names the prediction" in said.err
    assert say(
        "feedback", "some-id", "overridden", "--reason", "knew better", "--outcome", "0", "--as", "ana", "--json"
    ).json == {"recorded": 1}


def test_a_bad_row_is_answered_kept_aside_mended_and_replayed(say, daytwo, served_project, rows, tmp_path):
    good = json.loads(rows.head(1).write_ndjson())
    told = say("predict", "-", "--json", stdin=json.dumps([bad_row(good), good])).json
    assert told["quarantined"] == 1
    fallback = told["predictions"][0]
    assert fallback["arm"] == "fallback"
    assert [one["column"] for one in fallback["breaches"]] == ["wind"]
    explained = say("explain", fallback["prediction_id"])
    assert "the model never saw this row" in explained.out
    assert "wind must be a number" in explained.out
    shown = say("predict", "-", stdin=json.dumps(bad_row(good)))
    assert "1 rows broke the contract" in shown.out
    wrong = say("quarantine", "replay", "--repair", "wind=half", "--as", "ana")
    assert wrong.code == 2
    assert "is no repair" in wrong.err
    listed = say("quarantine", "list", "--column", "wind", "--json").json
    assert listed["rows"] == 2
    assert {one["state"] for one in listed["quarantine"]} == {"open"}
    assert f"q-{fallback['prediction_id']}" in {one["id"] for one in listed["quarantine"]}
    one = f"q-{fallback['prediction_id']}"
    still = say("quarantine", "replay", one, "--repair", "wind=scale:1e6", "--as", "ana", "--json")
    assert still.json == {"replayed": 0, "still_bad": 1}
    mended = say("quarantine", "replay", "--column", "wind", "--repair", "wind=scale:0.05", "--as", "ana")
    assert mended.code == 0, mended.err
    assert "2 rows were mended and answered anew, 0 still break" in mended.out  # the wrong try is no row of its own
    replayed = say("quarantine", "list", "--state", "replayed", "--json").json
    assert replayed["rows"] == 2
    none = say("quarantine", "replay", "--column", "seats", "--as", "ana")
    assert none.code == 2
    assert "no repaired row matches" in none.err
    assert "--as-they-came" in none.err
    told = say("quarantine", "show", one)
    assert "replayed as" in told.out
    assert "tried" in told.out
    assert "a number; not be missing" in told.out
