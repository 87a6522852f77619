"""Likely causes: what a feed did is told from what came, and the repair that is proposed mends it."""

import numpy as np
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind
from daytwo.lifecycle.kept_aside.likely_cause import likely_cause
from daytwo.lifecycle.kept_aside.mending import mend

TEMP = Column("temp", Kind.NUMBER, minimum=-40.0, maximum=130.0, expected_minimum=0.0, expected_maximum=110.0)
WIND = Column("wind_speed", Kind.NUMBER, minimum=0.0, maximum=60.0, expected_minimum=0.0, expected_maximum=45.0)
WEIGHT = Column("weight", Kind.NUMBER, minimum=30.0, maximum=250.0, expected_minimum=40.0, expected_maximum=180.0)
SEATS = Column("seats", Kind.INTEGER, minimum=100.0, maximum=400.0, expected_minimum=120.0, expected_maximum=380.0)
CARRIER = Column("carrier", Kind.CATEGORY, levels=("AA", "DL", "UA"), other="reject")
CODE = Column("code", Kind.TEXT, Role.CHECKED, pattern="[A-Z]{2}[0-9]+")
CONTRACT = Contract("flights", 1, "", (TEMP, WIND, WEIGHT, SEATS, CARRIER))
RANDOM = np.random.default_rng(5)
WINDS = RANDOM.gamma(4.0, 2.5, 400)
TEMPS = RANDOM.normal(60.0, 15.0, 400)
WEIGHTS = RANDOM.normal(80.0, 15.0, 400)


def cause(column, rule, values, good=()):
    rows = [{column.name: value} for value in values]
    found = likely_cause(CONTRACT, column, rule, rows, list(good))
    assert found is not None
    return found, [mend(row, found.repairs)[column.name] for row in rows] if found.repairs else []


@pytest.mark.parametrize(
    ("column", "good", "factor", "words"),
    [
        (WIND, WINDS, 10.0, "tenths"),
        (WIND, WINDS, 1 / 0.2236936, "dm/s as mph"),
        (WEIGHT, WEIGHTS, 1 / 0.45359237, "lb as kg"),
        (WEIGHT, WEIGHTS, 1000.0, "thousandths"),
    ],
)
def test_another_unit_is_told_by_the_values_that_are_usual(column, good, factor, words):
    found, mended = cause(column, "between", good[:200] * factor, good)
    assert words in found.words
    assert np.allclose(mended, good[:200], rtol=1e-4)


def test_celsius_for_fahrenheit_has_an_offset():
    cold = (TEMPS - 32) / 1.8
    found, mended = cause(TEMP, "type", [f"{value:.2f} C" for value in cold], TEMPS)
    assert "'C' stands in the texts" in found.words
    assert np.allclose(mended, TEMPS, atol=0.02)


def test_of_two_units_that_fit_the_one_with_the_likelier_spread_is_told():
    kelvin = (np.random.default_rng(3).normal(55.0, 4.0, 80) + 459.67) / 1.8
    found, mended = cause(TEMP, "between", kelvin, TEMPS)
    assert "k as f" in found.words
    assert 50 < np.mean(mended) < 60


def test_the_unit_that_is_written_wins_over_one_that_fits_as_well():
    found, _ = cause(WIND, "type", [f"{value / 0.2236936 * 1.05:.1f} dm/s" for value in WINDS[:40]], WINDS)
    assert "dm/s as" in found.words
    assert {found.repairs[0].argument, "0.1943844"} == {"0.2236936", "0.1943844"}
    assert "; nearly as well times 0.1943844 it fits (dm/s as kn)" in found.words


def test_numbers_written_as_texts_are_read():
    found, mended = cause(WIND, "type", [f"{value:.3f}" for value in WINDS], WINDS)
    assert [repair.text for repair in found.repairs] == ["wind_speed=parse"]
    assert np.allclose(mended, WINDS, atol=1e-3)


def test_without_usual_values_the_expected_range_tells_the_unit():
    found, _ = cause(WIND, "between", np.linspace(100, 440, 50))
    assert [repair.text for repair in found.repairs] == ["wind_speed=scale:0.1"]


def test_swapped_columns_are_told():
    rows = [{"seats": float(weight), "weight": 150 + i % 200} for i, weight in enumerate(WEIGHTS[:90])]
    rows = [row | {"weight": 260 + i % 100} for i, row in enumerate(rows)]
    found = likely_cause(CONTRACT, SEATS, "between", rows, [])
    assert found is not None
    assert found.words == "seats and weight seem to be swapped"
    assert mend(rows[0], found.repairs) == {"seats": 260, "weight": rows[0]["seats"]}


def test_a_renamed_column_is_told_by_what_it_holds_and_how_it_is_called():
    rows = [{"wnd_speed": float(value), "colour": "red", "gust": float(value) + 5} for value in WINDS[:50]]
    found = likely_cause(CONTRACT, WIND, "missing_field", rows, [])
    assert found is not None
    assert [repair.text for repair in found.repairs] == ["wnd_speed=rename:wind_speed"]


def test_a_column_that_is_gone_has_no_repair():
    found = likely_cause(CONTRACT, WIND, "missing_field", [{"x": "a"}] * 20, [])
    assert found is not None
    assert (found.words, found.repairs) == ("wind_speed does not come any more", ())


def test_one_value_in_place_of_all_is_told():
    found, _ = cause(TEMP, "between", [-999.0] * 50, TEMPS)
    assert found.words == "nearly all hold -999.0: it may stand for 'not known'"


def test_values_that_hardly_miss_the_range_are_no_fault_of_the_feed():
    found, mended = cause(WIND, "between", [60.5, 61.0, 64.2] * 9, WINDS)
    assert "just beyond the limits 0 to 60" in found.words
    assert mended == []


def test_new_levels_are_counted_and_white_space_is_seen():
    found, _ = cause(CARRIER, "in_set", ["B6"] * 7 + ["WN"] * 2)
    assert "'B6' (7), 'WN' (2)" in found.words
    found, mended = cause(CARRIER, "in_set", ["AA ", " DL", "UA\t"])
    assert [repair.kind for repair in found.repairs] == ["strip"]
    assert mended == ["AA", "DL", "UA"]


def test_where_nothing_fits_nothing_is_said():
    values = [*np.linspace(100, 440, 25), *np.linspace(-1e6, 1e6, 25)]
    assert likely_cause(CONTRACT, WIND, "between", [{"wind_speed": value} for value in values], []) is None
    assert likely_cause(CONTRACT, CODE, "match_regex", [{"code": str(i)} for i in range(20)], []) is None
