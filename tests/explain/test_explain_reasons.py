import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.schema import Feature, Schema, Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.reasons import reasons
from daytwo.explain.references import build_explainer
from daytwo.explain.wording import Wording

SCHEMA = Schema(
    (Feature("wind_speed_mph"), Feature("carrier", ("AA", "EV", "UA")), Feature("seats"), Feature("is_holiday"))
)
MATRIX = np.array(
    [[9, 2, np.nan, 0], [9, 2, np.nan, 0], [25, 1, 100, 1], [8, 3, np.nan, 0], [30, np.nan, 50, 0]], dtype=np.float32
)
LATE = build_explainer(MATRIX, SCHEMA, task=Task.BINARY, outcome="late")


def words(contributions, row, explainer=LATE, k=3):
    return [reason.words for reason in reasons(np.array(contributions, dtype=float), row, explainer, k=k)]


def test_reasons_are_plain_words_the_strongest_first_those_against_last():
    row = {"wind_speed_mph": 25.0, "carrier": "EV", "seats": 178, "is_holiday": True}
    assert words([0.5, -0.1, -0.7, 0.9], row) == [
        "is holiday yes (typical no): towards late",
        "wind speed 25 mph (typical 9): towards late",
        "seats 178 (typical missing): away from late",
        "carrier EV (typical UA): away from late",
    ]


def test_a_missing_value_is_said_and_the_typical_one_gets_the_unit():
    for missing in (None, math.nan):
        assert words([1, 0, 0, 0], {"wind_speed_mph": missing}) == ["wind speed missing (typical 9 mph): towards late"]


def test_what_contributes_nothing_is_no_reason_and_no_more_than_asked_are_given():
    assert words([0, 0, 0, 0], {}) == []
    assert len(words([4, 3, 2, 1], {}, k=2)) == 2
    assert len(words([4, 3, -2, -1], {}, k=1)) == 2


def test_a_regression_is_pushed_up_or_down():
    count = build_explainer(MATRIX, SCHEMA, task=Task.REGRESSION, outcome="count")
    assert words([1, -2, 0, 0], {"wind_speed_mph": 25.5, "carrier": "a" * 60}, count) == [
        "wind speed 25.5 mph (typical 9): count up",
        f"carrier {'a' * 39}… (typical UA): count down",
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


def test_what_a_reason_is_worth_is_told_in_points_and_in_the_unit_of_a_value():
    def told(explainer, scale, **how):
        row = {"wind_speed_mph": 25.0, "carrier": "EV", "seats": 178, "is_holiday": True}
        found = reasons(np.array([0.5, -0.1, -0.7, 0.0001]), row, explainer, scale=scale, **how)
        return [one.words.split(": ")[1] for one in found]

    assert told(LATE, lambda raw: 1 / (1 + math.exp(-raw))) == [
        "+12 points",
        "+0.1 points at most",
        "-17 points",
        "-2.4 points",
    ]
    count = build_explainer(MATRIX, SCHEMA, task=Task.REGRESSION, outcome="count")
    assert told(count, float, unit="bikes") == ["+0.5 bikes", "+0.0001 bikes", "-0.7 bikes", "-0.1 bikes"]


SAID = ReasonsSettings(
    phrases={"wind_speed_mph": "it blows at {value}, usually {typical}", "seats": "{{a}} plane of {value}"},
    values={"carrier": {"EV": "ExpressJet"}, "is_holiday": {"yes": "a holiday", "no": "a working day"}},
    units={"seats": "seats"},
    names={"carrier": "flown by"},
)


def test_columns_are_spoken_of_in_the_words_of_the_project():
    row = {"wind_speed_mph": 25.0, "carrier": "EV", "seats": 178, "is_holiday": True}
    found = reasons(np.array([0.5, 0.4, 0.3, 0.2]), row, LATE, k=4, wording=Wording(SAID))
    assert [one.words for one in found] == [
        "it blows at 25 mph, usually 9 mph: towards late",
        "flown by ExpressJet (typical UA): towards late",
        "{a} plane of 178 seats: towards late",
        "is holiday a holiday (typical a working day): towards late",
    ]


def test_a_phrase_is_about_a_value_and_never_about_none():
    found = reasons(np.array([0.5, 0, 0, 0]), {}, LATE, wording=Wording(SAID))
    assert found[0].words == "wind speed missing (typical 9 mph): towards late"


CONTRIBUTIONS = st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4).map(np.array)


@given(CONTRIBUTIONS)
def test_a_group_is_the_exact_sum_of_its_columns_and_told_once(contributions):
    wording = Wording(ReasonsSettings(groups={"the weather": ("wind_speed_mph", "seats")}))
    found = {one.feature: one for one in reasons(contributions, {}, LATE, k=9, wording=wording)}
    assert sum(one.contribution for one in found.values()) == pytest.approx(contributions.sum(), abs=1e-12)
    assert "wind_speed_mph" not in found
    both = contributions[0] + contributions[2]
    if both:
        assert found["the weather"].contribution == both
        assert found["the weather"].columns == ("wind_speed_mph", "seats")
        assert found["the weather"].value is None


def test_of_a_group_those_are_named_that_did_it():
    wording = Wording(ReasonsSettings(groups={"the weather": ("wind_speed_mph", "seats", "is_holiday")}))
    row = {"wind_speed_mph": 25.0, "seats": 178, "is_holiday": True}
    found = reasons(np.array([0.2, 0, -0.1, 0.3]), row, LATE, wording=wording)
    assert [one.words for one in found] == [
        "the weather (is holiday yes (typical no); wind speed 25 mph (typical 9)): towards late"
    ]
