"""parity: logged rows are the rows that training reads, and give the scores that were logged."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import made_up_rows

from daytwo.contracts.encoder import Encoder
from daytwo.lifecycle.gating.parity import FAST, LOGGED, SCORE, hold_together, parity_gate
from daytwo.lifecycle.gating.parity_rows import candidate_parity
from daytwo.lifecycle.versions import champion
from daytwo.predictions.journal import Journal
from daytwo.predictions.record import PredictionRecord, encode
from daytwo.serving.answering.predict import breach_record
from daytwo.wiring import open_system


@pytest.fixture
def answered(project):
    """The project with forty rows that its version has answered: some with a value missing, one as text."""
    system = open_system(project, {})
    model = champion(system)
    rows = made_up_rows(40, seed=5).drop("late").with_columns(pl.col("at").dt.to_string("%Y-%m-%dT%H:%M:%S")).to_dicts()
    for i in range(0, 40, 5):
        rows[i]["wind"] = None
    checked = [model.decoder.check(row) for row in rows]
    record = PredictionRecord(
        request_id="r1",
        received_at_us=1_364_000_000_000_000,
        prefix="p-",
        start=0,
        versions=(model.digest,),
        arms=("champion",),
        keys=("trip",),
        scores=[model.score(values) for values, _ in checked],
        warnings={i: tuple(map(breach_record, breaches)) for i, (_, breaches) in enumerate(checked) if breaches},
        rows=msgspec.Raw(json.dumps(rows).encode()),
    )
    assert len(record.warnings) == 8
    journal = Journal(system.journal, "p-")
    journal.append(encode(record))
    journal.close()
    return system, model


def test_what_was_answered_is_what_training_would_have_read(daytwo, project, answered):
    said = daytwo("parity", "-C", project, "--json")
    assert said.code == 0, said.err
    assert (said.json["rows"], said.json["off"], said.json["refused"]) == (40, 0, 0)
    assert "40 rows give the same" in daytwo("parity", "-C", project).out


def test_a_logged_score_that_is_another_is_named(daytwo, project, answered):
    assert daytwo("parity", "-C", project).code == 0
    system = answered[0]
    rows = system.tables.read("predictions").head(1)
    late = rows.with_columns(pl.lit("p-odd").alias("_id"), pl.col("_score") + 0.01)
    system.tables.append("predictions", late, batch="odd")
    said = daytwo("parity", "-C", project, "--json")
    assert said.code == 1
    (found,) = said.json["differences"]
    assert (found["row"], found["column"]) == ("p-odd", LOGGED)
    assert found["served"] == pytest.approx(found["trained"] + 0.01)
    assert "p-odd" in daytwo("parity", "-C", project).out


def test_without_answered_rows_there_is_nothing_to_hold_together(daytwo, project):
    said = daytwo("parity", "-C", project)
    assert said.code == 2
    assert "has answered no rows" in said.err


def test_a_release_shows_the_gate(project, answered, daytwo):
    system, model = answered
    daytwo("parity", "-C", project)
    found = candidate_parity(system, model, 500)
    assert (found.rows, found.off) == (540, 0)
    gates = {one["name"]: one for one in json.loads(system.releases.releases()[0].evidence)["gated"]["gates"]}
    assert gates["parity"]["passed"]
    assert "rows give the same features and scores" in gates["parity"]["words"]


def test_every_way_in_which_a_row_may_differ_is_found(project):
    system = open_system(project, {})
    model = champion(system)
    frame = made_up_rows(30, seed=9).drop("late").with_columns(pl.lit(value=False).alias("wind_imputed"))
    rows = [row | {"at": row["at"].isoformat()} for row in frame.drop("wind_imputed").to_dicts()]
    matrix = Encoder(model.contract).matrix(frame)
    names = [str(i) for i in range(30)]
    assert hold_together(model, rows, names, matrix).off == 0

    moved = matrix.copy()
    moved[3, 0] = np.nextafter(moved[3, 0], np.float32(np.inf))
    found = hold_together(model, rows, names, moved)
    assert (found.off, found.differences[0].row, found.differences[0].column) == (1, "3", model.schema.names[0])
    assert not parity_gate(found).passed

    scores = model.score_many(matrix)
    scores[7] += 1e-4
    assert [(one.row, one.column) for one in hold_together(model, rows, names, matrix, scores).differences] == [
        ("7", LOGGED)
    ]

    rows[4] |= {"seats": "none"}
    assert hold_together(model, rows, names, matrix).refused == 1
    nothing = hold_together(model, rows[4:5], names, matrix[4:5])
    assert not parity_gate(nothing).passed
    assert "none of 1 rows keeps its contract" in parity_gate(nothing).words


def test_a_fast_door_or_an_engine_of_another_mind_is_found(project, monkeypatch):
    system = open_system(project, {})
    model = champion(system)
    frame = made_up_rows(5, seed=9).drop("late").with_columns(pl.lit(value=False).alias("wind_imputed"))
    rows = [row | {"at": row["at"].isoformat()} for row in frame.drop("wind_imputed").to_dicts()]
    matrix, names = Encoder(model.contract).matrix(frame), list("abcde")

    class Door:
        def read(self, body, most):
            packed = matrix[0].copy()
            packed[0] += 1
            return type("Asked", (), {"packed": packed.tobytes()})

    monkeypatch.setattr("daytwo.lifecycle.gating.parity.plain_door", lambda *_, **__: Door())
    assert dict(hold_together(model, rows[:1], names, matrix).columns) == {FAST: 1}
    monkeypatch.setattr(type(model), "score", lambda self, values: 0.123)
    assert dict(hold_together(model, rows[:1], names, matrix).columns)[SCORE] == 1
