"""How much of a window can be said with labels: the share of its answered rows whose label is known.

A settled window says what was known when it was settled (`settle.py`), since its figures rest on that; of one that
waits for labels it is counted now.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.predictions.labels import join_labels, maturity
from daytwo.predictions.record import ANSWERED


def label_maturity(system: System, record: WindowRecord) -> float | None:
    """Return the share in [0, 1] of a window's rows that have their label, None for a window without rows."""
    settled = record.settled or {}
    rows, labelled = settled.get("rows"), settled.get("labelled")
    if isinstance(rows, int) and isinstance(labelled, int) and rows:
        return labelled / rows
    return labels_in(system, record.span)


def labels_in(system: System, span: Span) -> float | None:
    """Count now which share of the window's answered rows has its label; None for a window without rows."""
    rows = answered(system, span.start, span.end)
    return maturity(rows) if rows.height else None


def answered(system: System, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the answered rows with event times in [`start`, `end`): `_score`, and `label` as far as it is known."""
    if system.tables.version("predictions") is None:
        return pl.DataFrame(schema={"_id": pl.String, "_key": pl.String, "_score": pl.Float64, "label": pl.Float64})
    inside = (pl.col("_time") >= start) & (pl.col("_time") < end) & pl.col("_arm").is_in(ANSWERED)
    rows = system.tables.read("predictions", columns=["_id", "_key", "_received_at", "_score"], where=inside)
    # A row that was answered twice counts once, as it does where figures are made.
    rows = rows.sort("_received_at", "_id", nulls_last=True)
    keyed = rows.filter(pl.col("_key").is_not_null()).unique("_key", keep="last", maintain_order=True)
    rows = pl.concat([keyed, rows.filter(pl.col("_key").is_null())]).select("_id", "_key", "_score")
    return join_labels(rows, system.tables.read("labels"), as_of=None)
