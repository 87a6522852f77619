"""Drift of a model's reasons: known answers, and what only reasons show."""

import numpy as np
import polars as pl
import pytest

from daytwo.core.errors import DataError
from daytwo.monitoring import watch
from daytwo.monitoring.alarming.attribution import Attribution, learn_attribution, rows_to_ask, sampled


def test_the_distance_is_that_of_two_samples():
    draw = np.random.default_rng(0)
    blocks = [draw.normal([1.0, 0.0, -2.0], [1.0, 0.0, 3.0], (50, 3)) for _ in range(12)]
    found, history = learn_attribution(blocks, ["a", "never", "b"], looked_at=50)
    assert found.names == ("a", "b")
    assert set(history[0]) == {"attribution:a", "attribution:b"}
    rest, block = np.concatenate(blocks[1:]), blocks[0]
    for name, i in (("a", 0), ("b", 2)):
        scale = np.sqrt((rest[:, i] ** 2).mean() * (1 / 50 + 1 / 550))
        signed = abs(block[:, i].mean() - rest[:, i].mean()) / scale
        size = abs(np.abs(block[:, i]).mean() - np.abs(rest[:, i]).mean()) / scale
        assert history[0][f"attribution:{name}"] == pytest.approx(max(signed, size), rel=1e-4)
    twice = found.compare(2 * draw.normal([1.0, 0.0, -2.0], [1.0, 0.0, 3.0], (50, 3)))
    assert twice["attribution:a"] > max(one["attribution:a"] for one in history)


def test_some_rows_of_a_block_are_asked():
    asked = []

    def reasons(rows):
        asked.append(len(rows))
        return rows * 0.5

    matrix = np.random.default_rng(1).normal(size=(1_234, 2))
    found, _ = learn_attribution([matrix[:100], matrix[100:200]], ["a", "b"], looked_at=100)
    assert found.asked(matrix, reasons) == found.compare(matrix[sampled(1_234, 100)] * 0.5)
    assert asked == [95]
    assert [rows_to_ask(n) for n in (0, 60, 400, 4_000)] == [500, 500, 100, 20]
    assert sampled(0, 10) == slice(None, None, 1)


def test_reasons_of_another_shape_are_refused_with_a_way_out():
    given = [np.ones((5, 2)), np.ones((5, 2))]
    with pytest.raises(DataError, match=r"\(5, 2\) came for 3 features.*without the base value"):
        learn_attribution(given, ["a", "b", "c"], looked_at=5)
    found, _ = learn_attribution(given, ["a", "b"], looked_at=5)
    with pytest.raises(DataError, match=r"\(5, 3\) came for 2 features"):
        found.compare(np.ones((5, 3)))
    assert isinstance(found, Attribution)


def test_a_model_that_gives_other_reasons_for_the_same_rows_is_heard():
    draw = np.random.default_rng(2)

    def day():
        x = draw.normal(size=(300, 2))
        return pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "score": x.sum(axis=1)})

    weights = [1.0, 1.0]

    def reasons(rows):
        assert rows.columns == ["x", "y"]
        return rows.to_numpy() * weights

    usual, coming = [day() for _ in range(40)], [day() for _ in range(10)]
    quiet = watch(usual, coming, features=["x", "y"], reasons=reasons)
    assert not any(found.alarm for found in quiet)
    watched = watch(usual, coming, features=["x", "y"], reasons=reasons)
    weights[:] = [1.6, 0.4]
    heard = next(found for found in watched if found.alarm)
    assert heard.window < 4
    assert heard.findings[0].kind == "drift.attribution"
    assert {"x", "y"} <= {found.subject for found in heard.findings}
    assert "reasons" in heard.findings[0].summary


def test_a_column_that_a_window_lacks_is_asked_for_as_missing():
    frames = [
        pl.DataFrame({"x": [1.0, 2.0, 3.0 + i], "y": [0.1, 0.2, 0.3], "score": [0.0, 1.0, 1.0]}) for i in range(12)
    ]
    watched = watch(frames, [frames[0].drop("y")], features=["x", "y"], reasons=lambda rows: np.ones(rows.shape))
    assert "attribution:y" in next(watched).channels
