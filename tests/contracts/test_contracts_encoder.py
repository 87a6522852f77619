"""Checked tables and rows become the same float32 features, with a flag after each column that has a default."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

COLUMNS = (
    Column("temp", Kind.NUMBER, repair=("default 20",)),
    Column("city", Kind.CATEGORY, levels=("Bonn", "Köln"), repair=("default Bonn",)),
    Column("at", Kind.TIME, Role.TIME, repair=("default 2013-04-01",)),
    Column("night", Kind.BOOLEAN, required=False, nullable=True),
)
ENCODER = Encoder(Contract("trips", 1, "", COLUMNS))


def test_flags_stand_right_after_their_columns() -> None:
    assert ENCODER.schema.names == ("temp", "temp_imputed", "city", "city_imputed", "night")
    table = pl.DataFrame(
        {
            "temp": [20.0, 0.1],
            "temp_imputed": [True, False],
            "city": ["Köln", "Ulm"],
            "city_imputed": [None, True],
            "night": [None, True],
        }
    )
    rows = [[20.0, 1.0, 1.0, 0.0, math.nan], [0.1, 0.0, 2.0, 1.0, 1.0]]
    np.testing.assert_array_equal(ENCODER.matrix(table), np.array(rows, dtype=np.float32))
    for place, row in enumerate(table.iter_rows(named=True)):
        np.testing.assert_array_equal(ENCODER.row(row), np.array(rows[place], dtype=np.float32).astype(float))


def test_without_its_flag_no_default_stands() -> None:
    table = pl.DataFrame({"temp": [20.0], "city": ["Bonn"]})
    np.testing.assert_array_equal(ENCODER.matrix(table), np.array([[20.0, 0, 0, 0, math.nan]], dtype=np.float32))
    assert ENCODER.row({"temp": 20, "city": "Bonn", "night": False}) == [20.0, 0.0, 0.0, 0.0, 0.0]


def test_a_lost_or_changed_column_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="no column 'city'"):
        ENCODER.matrix(pl.DataFrame({"temp": [20.0]}))
    with pytest.raises(DataError, match="'temp' holds String, not a number"):
        ENCODER.matrix(pl.DataFrame({"temp": ["20"], "city": ["Bonn"]}))
    with pytest.raises(DataError, match="'20' is no number for 'temp'"):
        ENCODER.row({"temp": "20", "city": "Bonn"})
