"""References: typical rows of all, and of each level of a segment."""

import math

import numpy as np
import pytest

from daytwo.core.errors import DataError
from daytwo.core.schema import Feature, Schema, Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.references import Explainer, build_explainer

SCHEMA = Schema(
    (Feature("wind_speed_mph"), Feature("carrier", ("AA", "EV", "UA")), Feature("seats"), Feature("is_holiday"))
)
MATRIX = np.array(
    [[9, 2, np.nan, 0], [9, 2, np.nan, 0], [25, 1, 100, 1], [8, 3, np.nan, 0], [30, np.nan, 50, 0]], dtype=np.float32
)
LATE = build_explainer(MATRIX, SCHEMA, task=Task.BINARY, outcome="late")


def test_the_reference_is_the_median_and_the_most_common_level_and_missing_where_most_are():
    assert LATE.reference[:2] == [9.0, 2.0]
    assert math.isnan(LATE.reference[2])
    assert [label.typical for label in LATE.labels] == [9.0, "UA", None, 0.0]


def test_a_level_that_is_common_but_unknown_is_another():
    matrix = np.full((3, 4), 3, dtype=np.float32)
    explainer = build_explainer(matrix, SCHEMA, task=Task.BINARY, outcome="late")
    assert explainer.labels[1].typical == "another"


def test_json_keeps_every_bit_missing_values_too():
    assert Explainer.from_json(LATE.to_json()) == LATE
    with pytest.raises(DataError, match="no explainer"):
        Explainer.from_json(b"{}")


def many(n=900):
    random = np.random.default_rng(4)
    carrier = random.choice([0, 1, 1, 1, 2, 2, 3, np.nan], n)
    wind = 10 * np.nan_to_num(carrier) + random.integers(0, 5, n)
    labels = (random.random(n) < 0.3).astype(float)
    return np.column_stack([wind + 50 * labels, carrier, wind, labels]).astype(np.float32), labels


def built(**settings):
    matrix, labels = many()
    asked = ReasonsSettings(row="flight", segment="carrier", **settings)
    return build_explainer(matrix, SCHEMA, task=Task.BINARY, outcome="late", labels=labels, settings=asked)


def test_each_level_with_enough_rows_has_a_reference_of_its_own_which_is_the_typical_row_of_that_level():
    matrix, _ = many()
    found = {one.code: one for one in built().segments}
    counts = {code: int((matrix[:, 1] == code).sum()) for code in (0.0, 1.0, 2.0)}
    assert {code: one.rows for code, one in found.items()} == counts  # an unknown level, code 3, has none
    for code, one in found.items():
        alone = build_explainer(matrix[matrix[:, 1] == code], SCHEMA, task=Task.BINARY, outcome="late")
        assert (one.codes, one.row) == (alone.codes, alone.reference)
    assert [one.name for one in built().segments][:2] == [
        "the typical flight of carrier EV",
        "the typical flight of carrier UA",
    ]


def test_levels_of_few_rows_have_none():
    matrix, _ = many(300)
    asked = ReasonsSettings(segment="carrier")
    found = build_explainer(matrix, SCHEMA, task=Task.BINARY, outcome="late", settings=asked)
    assert {one.code for one in found.segments} == {
        code for code in (0.0, 1.0, 2.0) if (matrix[:, 1] == code).sum() >= 100
    }
    assert len(found.segments) < 3


def test_the_typical_row_of_those_that_did_not_come_true_is_theirs_alone_and_says_so():
    matrix, labels = many()
    found = built(typical_of="negatives", names={"carrier": "airline"})
    assert found.codes == build_explainer(matrix[labels == 0], SCHEMA, task=Task.BINARY, outcome="late").codes
    assert found.reference_name == "the typical flight (not late)"
    assert found.segments[0].name == "the typical flight of airline EV (not late)"


def test_references_of_segments_keep_every_bit():
    assert Explainer.from_json(built().to_json()) == built()
