"""What `[reasons]` may say, and what is refused with a way out."""

import pytest

from daytwo.core.errors import SettingsError
from daytwo.core.phrases import check_groups, read_phrase
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.wording import Wording, check_wording

FEATURES = {"departure_hour": (), "carrier": ("AA", "UA"), "wind_speed_mph": ()}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("departs at {valeu}", "Did you mean {value}"),
        ("departs at {value:.1f}", "reasons.formats"),
        ("departs at {value.__class__}", "{value.__class__}"),
        ("departs at {}", "{}"),
        ("departs at {value", "{{ for a brace"),
        ("  ", "Write words"),
    ],
)
def test_a_phrase_with_an_unknown_place_is_refused_with_the_nearest(text, why):
    with pytest.raises(SettingsError) as refused:
        read_phrase(text)
    assert why in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    ("said", "why", "hint"),
    [
        ({"phrases": {"departure_hours": "x"}}, "reasons.phrases", "Did you mean 'departure_hour'"),
        ({"units": {"zzz": "m"}}, "reasons.units", "Name one of carrier, departure_hour, late, wind_speed_mph"),
        ({"phrases": {"late": "x"}}, "'late', which is no input", "Name one of"),
        ({"values": {"carrier": {"AAL": "American"}}}, "no level of the column", "Did you mean 'AA'"),
        ({"groups": {"the weather": ("wind_speed",)}}, "'the weather' names 'wind_speed'", "'wind_speed_mph'"),
        ({"groups": {"carrier": ("wind_speed_mph",)}}, "a column that is not in it", "otherwise"),
        ({"segment": "departure_hour"}, "no category", "Name one of carrier"),
        ({"segment": "carier"}, "no category", "Did you mean 'carrier'"),
    ],
)
def test_what_the_contract_does_not_have_is_refused_with_the_nearest(said, why, hint):
    with pytest.raises(SettingsError) as refused:
        check_wording(ReasonsSettings(**said), FEATURES, "late")
    assert why in refused.value.message
    assert hint in (refused.value.hint or "")


def test_what_it_has_is_let_pass():
    said = ReasonsSettings(
        phrases={"departure_hour": "departs at {value}"},
        names={"late": "delayed"},
        values={"carrier": {"UA": "United"}, "departure_hour": {"18": "18:00, the busiest hour"}},
        groups={"the weather": ("wind_speed_mph",)},
        segment="carrier",
    )
    check_wording(said, FEATURES, "late")


def test_a_column_in_two_groups_is_refused():
    with pytest.raises(SettingsError, match="in 'a' and in 'b'"):
        check_groups({"a": ["x"], "b": ["x"]})
    with pytest.raises(SettingsError, match="twice in 'a'"):
        check_groups({"a": ["x", "x"]})


@pytest.mark.parametrize("hour", [18, 18.0])
def test_values_are_looked_up_as_numbers_where_they_are(hour):
    wording = Wording(ReasonsSettings(values={"hour": {"18": "the busiest hour", "7.5": "early"}}))
    assert wording.value("hour", hour) == "the busiest hour"
    assert wording.value("hour", 7.5) == "early"
    assert wording.value("hour", 6) == "6"
    assert wording.value("hour", None) == "missing"


def test_a_change_is_told_in_the_same_words():
    wording = Wording(ReasonsSettings(names={"hour": "departure"}, formats={"hour": "hours"}))
    assert wording.step("hour", 18.5, 9.0) == "departure 09:00 instead of 18:30"
    assert wording.step("wind_speed_mph", 25.0, 18.0) == "wind speed 18 mph instead of 25"
