"""Profiles of tables larger than memory: batch by batch, since profiles of parts add up to that of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema
from daytwo.monitoring.frames import as_polars, encode, scores_of
from daytwo.monitoring.profiles.profile import Layout, Profile, merge, profile

# Rows held at a time.
_BATCH_ROWS = 1 << 17


def profile_parquet(path: str | Path, schema: Schema, layout: Layout, *, score: str = "score") -> Profile:
    """Count a Parquet file over a reference's layout; memory does not grow with its rows.

    Parameters
    ----------
    schema, layout : of the reference (`frames.schema_of`, `judging.reference.build_layout`)
    score : name of the column with the model's answers

    Raises
    ------
    DataError
        If the file cannot be read, or has no such score; a feature that it lacks counts as missing.
    """
    try:
        rows = pl.scan_parquet(path, glob=False)
        there = rows.collect_schema().names()
        wanted = [name for name in (*schema.names, score) if name in there]
        batches = rows.select(list(dict.fromkeys(wanted))).collect_batches(chunk_size=_BATCH_ROWS)
        return profile_frames(batches, schema, layout, score=score)
    except (OSError, pl.exceptions.PolarsError) as err:
        raise DataError(f"{path} cannot be read: {err}", hint="Give a Parquet file") from err


def profile_frames(frames: Iterable[Any], schema: Schema, layout: Layout, *, score: str = "score") -> Profile:
    """Count frames that come one after another, such as batches of a stream, over a reference's layout."""
    parts = (as_polars(frame) for frame in frames)
    return merge(layout, (profile(encode(part, schema), scores_of(part, score), layout) for part in parts))
