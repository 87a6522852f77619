"""Parquet and Arrow (Feather) files: columns that know their types. Read whole, or in batches of bounded size."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from daytwo.core.errors import DataError
from daytwo.sources.source import Form


def lazy(path: Path, form: Form) -> pl.LazyFrame:
    """Return the file's rows, not read yet.

    Raises
    ------
    DataError
        If the file ends before its footer, or is of another kind than its name says.
    """
    try:
        frame = pl.scan_parquet(path, glob=False) if form is Form.PARQUET else pl.scan_ipc(path, glob=False)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as err:
        raise DataError(
            f"it cannot be read: {str(err).splitlines()[0]}",
            hint="A file that was cut off has lost its footer: copy it anew. Is it of the kind its name says?",
        ) from err
    return frame
