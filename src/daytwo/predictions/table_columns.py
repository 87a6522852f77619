"""The columns of the tables of predictions that are ours: `columns.py` next door fills them from records.

Those of `predictions` begin with `_`, because the user's columns stand beside them under their own names.
"""

from __future__ import annotations

import polars as pl

MOMENT = pl.Datetime("us", "UTC")
PREDICTION: dict[str, pl.DataType] = {
    "_id": pl.String(),
    "_request": pl.String(),
    "_received_at": MOMENT,
    "_time": MOMENT,
    "_key": pl.String(),
    "_subject": pl.String(),
    "_version": pl.String(),
    "_arm": pl.String(),
    "_score": pl.Float64(),
    "_act": pl.Boolean(),
    "_gain": pl.Float64(),
    "_quarantine": pl.String(),
    "_replay_of": pl.String(),
    "_fallback": pl.String(),
    "_stand_in": pl.String(),
    "_held": pl.Boolean(),
    "_advised": pl.Boolean(),
    "_token": pl.String(),
    "_model_us": pl.Float64(),
}
SHADOW: dict[str, pl.DataType] = {
    "_id": pl.String(),
    "_version": pl.String(),
    "_score": pl.Float64(),
    "_time": MOMENT,
    "_model_us": pl.Float64(),
}
QUARANTINE: dict[str, pl.DataType] = {
    "_id": pl.String(),
    "_request": pl.String(),
    "_received_at": MOMENT,
    "_key": pl.String(),
    "_subject": pl.String(),
    "_time": MOMENT,
    "row": pl.String(),
    "reasons": pl.String(),
    "source": pl.String(),
    "contract": pl.String(),
}
LABELS: dict[str, pl.DataType] = {
    "_prediction": pl.String(),
    "_key": pl.String(),
    "label": pl.Float64(),
    "observed_at": MOMENT,
    "received_at": MOMENT,
    "token": pl.String(),
}
FEEDBACK: dict[str, pl.DataType] = {
    "_prediction": pl.String(),
    "action": pl.String(),
    "reason": pl.String(),
    "by": pl.String(),
    "outcome": pl.String(),
    "token": pl.String(),
    "at": MOMENT,
}
