"""Outcomes as numbers and moments as times."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.event_times import times_of
from daytwo.contracts.labels import label_of, label_value, positive_level
from daytwo.contracts.times import parse_time
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

AT = Column("at", Kind.TIME, Role.TIME)


def contract(kind: Kind, levels: tuple[str, ...] = ()) -> Contract:
    return Contract("t", 1, "", (AT, Column("y", kind, Role.TARGET, levels=levels)))


@pytest.mark.parametrize(
    ("counts", "positive"),
    [
        ({"No": 10, "Yes": 90}, "Yes"),
        ({"0": 1, "1": 9}, "1"),
        ({"true": 9, "false": 1}, "true"),
        ({"stay": 9, "go": 1}, "go"),
        ({"a": 5, "b": 5}, "b"),
    ],
)
def test_the_positive_level_is_a_yes_or_else_the_rarer(counts: dict[str, int], positive: str) -> None:
    assert positive_level(counts) == positive


def test_labels_of_two_classes_are_zero_and_one() -> None:
    texts = contract(Kind.CATEGORY, ("No", "Yes"))
    assert label_of(texts, pl.DataFrame({"y": ["Yes", "No", None]})).tolist()[:2] == [1.0, 0.0]
    assert np.isnan(label_of(texts, pl.DataFrame({"y": [None]}, schema={"y": pl.String}))).all()
    assert [label_value(texts, raw) for raw in ("Yes", "No", 1, 0, True, False, 1.0)] == [1, 0, 1, 0, 1, 0, 1]
    assert label_of(contract(Kind.BOOLEAN, ("false", "true")), pl.DataFrame({"y": [True, False]})).tolist() == [1, 0]
    assert [label_value(contract(Kind.INTEGER, ("1", "2")), raw) for raw in (1, 2, 2.0)] == [0, 1, 1]
    with pytest.raises(DataError, match=r"'maybe'.*Send 'No' or 'Yes'"):
        label_value(texts, "maybe")


def test_labels_of_a_regression_are_the_values() -> None:
    assert label_of(contract(Kind.INTEGER), pl.DataFrame({"y": [3, 5]})).tolist() == [3.0, 5.0]
    assert label_value(contract(Kind.NUMBER), 2.5) == 2.5
    for raw in ("x", True, float("nan"), float("inf"), 10**400):
        with pytest.raises(DataError, match="finite number"):
            label_value(contract(Kind.NUMBER), raw)
    with pytest.raises(DataError, match="no target column 'y'"):
        label_of(contract(Kind.NUMBER), pl.DataFrame({"z": [1]}))
    with pytest.raises(DataError, match="role 'target'"):
        label_value(Contract("t", 1, "", ()), 1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2008-05", datetime(2008, 5, 1, tzinfo=UTC)),
        ("2008-05-03", datetime(2008, 5, 3, tzinfo=UTC)),
        ("2008-05-03T04:05", datetime(2008, 5, 3, 4, 5, tzinfo=UTC)),
        ("2008-05-03 04:05:06.7", datetime(2008, 5, 3, 4, 5, 6, 700_000, tzinfo=UTC)),
        ("2008-05-03T04:05:06.123456789+02:00", datetime(2008, 5, 3, 2, 5, 6, 123_456, tzinfo=UTC)),
        ("2008-05-03T04:05:06-0130", datetime(2008, 5, 3, 5, 35, 6, tzinfo=UTC)),
        ("2008-05-32", None),
        ("2008", None),
        ("03.05.2008", None),
        ("2008-05-03T", None),
        ("0001-01-01T00:00:00+10:00", None),
        (20080503, None),
    ],
)
def test_iso_times_are_read_in_utc(text: object, moment: datetime | None) -> None:
    assert parse_time(text) == moment


def test_times_of_any_type_become_microseconds_in_utc() -> None:
    held = contract(Kind.NUMBER)
    noon = np.array(["2013-04-01T12:00"], dtype="datetime64[us]")
    east = datetime(2013, 4, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    for value in (datetime(2013, 4, 1, 12), east, "2013-04-01T12:00:00Z"):  # noqa: DTZ001
        assert (times_of(held, pl.DataFrame({"at": [value]})) == noon).all()
    dates = times_of(held, pl.DataFrame({"at": [date(2013, 4, 1), None]}))
    assert dates.dtype == np.dtype("datetime64[us]")
    assert np.isnat(dates[1])
    with pytest.raises(DataError, match="'soon' in the column 'at' is no time"):
        times_of(held, pl.DataFrame({"at": ["soon"]}))
    with pytest.raises(DataError, match="no time column 'at'"):
        times_of(held, pl.DataFrame({"x": ["soon"]}))
    with pytest.raises(DataError, match="has no time column"):
        times_of(Contract("t", 1, "", ()), pl.DataFrame({"x": ["soon"]}))
