"""The line that a table's check writes for each broken rule of each cell, and the name of a row's number."""

from __future__ import annotations

import polars as pl

ROW = "_row"
# `action` is what became of the row, `repaired` what stands in the cell now, as a text.
LINES = pl.Schema(
    {
        "row": pl.Int64(),
        "column": pl.String(),
        "rule": pl.String(),
        "value": pl.String(),
        "message": pl.String(),
        "action": pl.String(),
        "repaired": pl.String(),
    }
)
