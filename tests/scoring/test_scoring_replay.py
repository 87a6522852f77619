import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.errors import DataError, Refused
from daytwo.core.schema import Feature, Schema
from daytwo.explain.trees import parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.replay import Replay, floor32, hard_rows

LEVELS = tuple(str(i) for i in range(41))
SCHEMA = Schema((*(Feature(f"x{i}") for i in range(4)), Feature("kind", LEVELS[:4]), Feature("route", LEVELS)))


@pytest.fixture(scope="module")
def text(boosters):
    return boosters["binary"].model_to_string().encode()


@pytest.fixture(scope="module")
def scorer(text):
    return LightgbmScorer(text, 6)


def test_hard_rows_hold_missing_values_unknown_levels_and_values_on_thresholds(matrix, text):
    trees = parse_trees(text)
    rows = hard_rows(matrix, trees, SCHEMA)
    assert np.isnan(rows).any(axis=0).all()
    assert (rows[:, 4] == 4).any()
    assert (rows[:, 5] == 41).any()
    edges = {(int(f), float(floor32(t))) for f, t in zip(trees.feature, trees.threshold, strict=True)}
    on_edge = {(f, v) for row in rows[64:].tolist() for f, v in enumerate(row)} & edges
    assert len(on_edge) >= 20
    assert np.array_equal(rows, hard_rows(matrix, trees, SCHEMA), equal_nan=True)


def test_few_rows_and_a_model_without_a_split_still_give_a_replay(text):
    trees = parse_trees(text)
    assert hard_rows(np.ones((1, 6), dtype=np.float32), trees, SCHEMA).shape[1] == 6


def test_the_same_model_is_proved_also_from_bytes(matrix, text, scorer):
    rows = hard_rows(matrix, parse_trees(text), SCHEMA)
    replay = Replay(rows, scorer.many(rows))
    read = Replay.from_bytes(replay.to_bytes())
    assert np.array_equal(read.matrix, rows, equal_nan=True)
    assert np.array_equal(read.scores, replay.scores)
    assert read.to_bytes() == replay.to_bytes()
    read.prove(scorer.many)


def test_a_model_with_one_other_leaf_or_a_careless_conversion_is_refused(matrix, text, scorer):
    rows = hard_rows(matrix, parse_trees(text), SCHEMA)
    replay = Replay(rows, scorer.many(rows))
    with pytest.raises(Refused, match=r"1 of .* rows are off, row 3 by 0\.01"):
        replay.prove(lambda x: scorer.many(x) + 0.01 * (np.arange(len(x)) == 3))
    with pytest.raises(Refused, match="rows are off"):
        replay.prove(lambda x: scorer.many(np.nan_to_num(x)))
    with pytest.raises(Refused, match="by inf"):
        replay.prove(lambda x: np.full(len(x), np.nan))


def test_rows_on_thresholds_catch_a_converter_that_rounds_them_to_nearest(matrix, text, scorer):
    # As converters do: a threshold rounded up to the next float32 swallows the value one step above it.
    rows = hard_rows(matrix, parse_trees(text), SCHEMA)
    nudged = np.where(np.isnan(rows), rows, np.nextafter(rows, np.float32(-np.inf)))
    nudged[:, 4:] = rows[:, 4:]
    assert (scorer.many(nudged) != scorer.many(rows)).any()


def test_damaged_bytes_are_refused(matrix, scorer):
    content = Replay(matrix, scorer.many(matrix)).to_bytes()
    for damaged in (b"", content[:-8], content[:50], b"\x80\x04.", content.replace(b"<f8", b"|O8", 1)):
        with pytest.raises(DataError, match="no replay set"):
            Replay.from_bytes(damaged)


@given(st.floats(-1e30, 1e30))
def test_floor32_keeps_every_decision_on_float32_values(value):
    edge = floor32(value)
    above = np.nextafter(edge, np.float32(np.inf))
    assert float(edge) <= value < float(above)
