"""Outcomes meet predictions: which label belongs to which answer, and how much of a window has its labels by now.

Pure: frames in, frames out; the frames are the tables `predictions` and `labels` that `columns.py` describes.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl


def join_labels(predictions: pl.DataFrame, labels: pl.DataFrame, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Return `predictions` with `label` (float, null where none has come) and `observed_at` beside each row.

    A label names its prediction (`_prediction`) or a key (`_key`, then it belongs to every prediction with that key).
    Of several labels for one prediction the latest received counts, of two received together the later one in the
    table; one that names the prediction itself goes before one by key. `as_of` leaves out what was observed after it.

    Rows keep their order, none is added or lost.
    """
    empty = predictions.with_columns(
        pl.lit(None, dtype=pl.Float64).alias("label"), pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("observed_at")
    )
    if not labels.height or not predictions.height:
        return empty
    known = labels if as_of is None else labels.filter(pl.col("observed_at") <= as_of)
    by_id, by_key = (_latest(known, column) for column in ("_prediction", "_key"))
    return (
        predictions.join(by_id, left_on="_id", right_on="_prediction", how="left", maintain_order="left")
        .join(by_key, on="_key", how="left", maintain_order="left", suffix="_by_key")
        .with_columns(
            # A label with its moment is taken whole: never the value of one and the moment of the other.
            pl.when(pl.col("label").is_null()).then(pl.col(f"{name}_by_key")).otherwise(pl.col(name)).alias(name)
            for name in ("label", "observed_at")
        )
        .drop("label_by_key", "observed_at_by_key")
    )


def maturity(joined: pl.DataFrame) -> float:
    """Return the share of rows that have their label, in [0, 1]; NaN where there are no rows.

    Examples
    --------
    >>> maturity(pl.DataFrame({"label": [1.0, None, 0.0, None]}))
    0.5
    """
    return 1.0 - joined["label"].null_count() / joined.height if joined.height else float("nan")


def _latest(labels: pl.DataFrame, column: str) -> pl.DataFrame:
    return (
        labels.filter(pl.col(column).is_not_null())
        .sort("received_at", maintain_order=True)
        .unique(column, keep="last", maintain_order=True)
        .select(column, "label", "observed_at")
    )
