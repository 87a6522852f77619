"""How columns and values are said where nobody said how."""

import pytest

from daytwo.explain.words import outcome_words, said, spoken


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


@pytest.mark.parametrize(
    ("value", "form", "written"),
    [
        (18.67, "hours", "18:40"),
        (1120, "minutes", "18:40"),
        (1840, "hhmm", "18:40"),
        (0, "hours", "00:00"),
        (9.999, "hours", "10:00"),
        (0.314, "percent", "31.4%"),
        (1, "percent", "100%"),
        (12.6, "whole", "13"),
        (-0.2, "whole", "0"),
        (-0.5, "hours", "-0.5"),
    ],
)
def test_numbers_are_written_in_the_form_asked_for(value, form, written):
    assert said(value, form=form) == written
