"""How many rows came from each source: requests at the server, and what was taken in of each file, table or query.

A project that replays the past lives by the rows' own times; any other by when they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from daytwo.lifecycle.kept_aside.verdicts import SERVER
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import STANDS_AT
from daytwo.predictions.record import ASKED

INGESTS = "ingests"


def came_at(system: System, table: str) -> pl.Expr:
    """Return when a row of the predictions or the quarantine came, by the clock that the project lives by."""
    if system.windows.fact(STANDS_AT) is None:
        return pl.col("_received_at")
    # A prediction always has a time, and by that column alone whole files are passed over.
    return pl.col("_time") if table == "predictions" else pl.coalesce("_time", "_received_at")


def rows_by_source(system: System, since: datetime | None, until: datetime | None) -> Mapping[str, int]:
    """Return how many rows came from each source by their own times, where these are known; replays do not count."""
    counts: dict[str, int] = {}
    if system.tables.version("predictions") is not None:
        where = _within(pl.col("_time"), since, until) & pl.col("_replay_of").is_null() & (pl.col("_arm") != ASKED)
        counts[SERVER] = system.tables.read("predictions", columns=["_arm"], where=where).height
    if system.tables.version(INGESTS) is not None:
        taken = system.tables.read(INGESTS, columns=["source", "rows"], where=_within(pl.col("at"), since, until))
        counts |= {str(source): int(rows) for source, rows in taken.group_by("source").agg(pl.col("rows").sum()).rows()}
    return counts


def _within(when: pl.Expr, since: datetime | None, until: datetime | None) -> pl.Expr:
    where = pl.lit(True)
    if since is not None:
        where &= when >= since
    return where if until is None else where & (when < until)
