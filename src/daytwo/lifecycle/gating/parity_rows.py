"""The rows that training and serving are held together on: the newest that were learned from, and the newest answered.

`parity.py` next door compares.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from daytwo.contracts.column import Role
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.labels import label_of
from daytwo.core.errors import NotFound
from daytwo.lifecycle.gating.parity import Parity, hold_together, joined
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.sending import as_sent, newest_answered
from daytwo.lifecycle.system import System
from daytwo.scoring.model import Model


def candidate_parity(system: System, model: Model, most: int) -> Parity:
    """Hold the newest learned and the newest answered rows, up to `most` of each, through both ways of a candidate."""
    learned = _known_outcomes(system, model).tail(most)
    answered = newest_answered(system, model.contract, most)
    needed = {column.name for column in model.contract.columns if column.role is Role.FEATURE and column.required}
    # Rows that were answered under an older contract may lack a column of this one.
    parts = [(learned, "learned row")] + ([(answered, "")] if needed <= set(answered.columns) else [])
    return joined([_part(model, frame, name) for frame, name in parts if frame.height])


def logged_parity(system: System, model: Model, most: int) -> Parity:
    """Hold the newest rows that `model` itself answered through both ways, and against what was logged.

    Raises
    ------
    NotFound
        If it has answered none.
    """
    rows = newest_answered(system, model.contract, most, version=model.digest)
    if not rows.height:
        raise NotFound(
            f"version {model.digest[:12]} has answered no rows that are in the predictions table",
            hint="Send it some rows, or run 'daytwo up', which moves what the server journaled into the table",
        )
    return _part(model, rows, "", logged=True)


def _part(model: Model, frame: pl.DataFrame, name: str, *, logged: bool = False) -> Parity:
    names = [f"{name} {i}" for i in range(frame.height)] if name else frame["_id"].to_list()
    matrix = Encoder(model.contract).matrix(frame)
    scores = frame["_score"].to_numpy().astype(np.float64) if logged else None
    return hold_together(model, as_sent(frame, model.contract), names, matrix, scores)


def _known_outcomes(system: System, model: Model) -> pl.DataFrame:
    rows = system.tables.read(DATASET)
    return rows.filter(pl.Series(~np.isnan(label_of(model.contract, rows)))) if rows.width else rows
