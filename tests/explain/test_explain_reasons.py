import math

import numpy as np
import pytest

from daytwo.core.errors import DataError
from daytwo.core.schema import Feature, Schema, Task
from daytwo.explain.reasons import Explainer, build_explainer, outcome_words, reasons, spoken

SCHEMA = Schema(
    (Feature("wind_speed_mph"), Feature("carrier", ("AA", "EV", "UA")), Feature("seats"), Feature("is_holiday"))
)
MATRIX = np.array(
    [[9, 2, np.nan, 0], [9, 2, np.nan, 0], [25, 1, 100, 1], [8, 3, np.nan, 0], [30, np.nan, 50, 0]], dtype=np.float32
)
LATE = build_explainer(MATRIX, SCHEMA, task=Task.BINARY, outcome="late")


def words(contributions, row, explainer=LATE, k=3):
    return [reason.words for reason in reasons(np.array(contributions, dtype=float), row, explainer, k=k)]


def test_the_reference_is_the_median_and_the_most_common_level_and_missing_where_most_are():
    assert LATE.reference[:2] == [9.0, 2.0]
    assert math.isnan(LATE.reference[2])
    assert [label.typical for label in LATE.labels] == [9.0, "UA", None, 0.0]


def test_reasons_are_plain_words_the_strongest_first_those_against_last():
    row = {"wind_speed_mph": 25.0, "carrier": "EV", "seats": 178, "is_holiday": True}
    assert words([0.5, -0.1, -0.7, 0.9], row) == [
        "is holiday yes (typical no) pushed towards late",
        "wind speed 25 mph (typical 9) pushed towards late",
        "seats 178 (typical missing) pushed away from late",
        "carrier EV (typical UA) pushed away from late",
    ]


def test_a_missing_value_is_said_and_the_typical_one_gets_the_unit():
    for missing in (None, math.nan):
        assert words([1, 0, 0, 0], {"wind_speed_mph": missing}) == [
            "wind speed missing (typical 9 mph) pushed towards late"
        ]


def test_what_contributes_nothing_is_no_reason_and_no_more_than_asked_are_given():
    assert words([0, 0, 0, 0], {}) == []
    assert len(words([4, 3, 2, 1], {}, k=2)) == 2
    assert len(words([4, 3, -2, -1], {}, k=1)) == 2


def test_a_regression_is_pushed_up_or_down():
    count = build_explainer(MATRIX, SCHEMA, task=Task.REGRESSION, outcome="count")
    assert words([1, -2, 0, 0], {"wind_speed_mph": 25.5, "carrier": "a" * 60}, count) == [
        "wind speed 25.5 mph (typical 9) pushed count up",
        f"carrier {'a' * 39}… (typical UA) pushed count down",
    ]


def test_numbers_are_written_as_people_do():
    def shown(value):
        return words([0, 0, 1, 0], {"seats": value})[0].split()[1]

    assert [shown(v) for v in (2013, 12345, 1234.56, 0.123456, 1e12, -3, -0.0)] == [
        "2013",
        "12,345",
        "1235",
        "0.123",
        "1,000,000,000,000",
        "-3",
        "0",
    ]


def test_the_reason_carries_the_raw_value_and_the_exact_contribution():
    reason = reasons(np.array([0.25, 0, 0, 0]), {"wind_speed_mph": 25.0}, LATE)[0]
    assert (reason.feature, reason.value, reason.contribution) == ("wind_speed_mph", 25.0, 0.25)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("temp_hpa", ("temp", "hPa")),
        ("km", ("km", "")),
        ("dew_point_f", ("dew point", "°F")),
        ("precipitation_in", ("precipitation", "in")),
        ("checked_in", ("checked in", "")),
        ("class_c", ("class c", "")),
        ("lead time", ("lead time", "")),
        ("TotalCharges", ("total charges", "")),
        ("emp.var.rate", ("emp var rate", "")),
        ("humidity_pct", ("humidity", "%")),
        ("ABC", ("ABC", "")),
        ("_", ("_", "")),
    ],
)
def test_column_names_are_spoken(name, said):
    assert spoken(name) == said


def test_a_higher_score_means_the_positive_class():
    assert outcome_words("is_canceled", ("0", "1")) == "is canceled"
    assert outcome_words("class", ("DOWN", "UP")) == "UP"


def test_a_level_that_is_common_but_unknown_is_another():
    matrix = np.full((3, 4), 3, dtype=np.float32)
    explainer = build_explainer(matrix, SCHEMA, task=Task.BINARY, outcome="late")
    assert explainer.labels[1].typical == "another"


def test_json_keeps_every_bit_missing_values_too():
    assert Explainer.from_json(LATE.to_json()) == LATE
    with pytest.raises(DataError, match="no explainer"):
        Explainer.from_json(b"{}")
