"""Delta tables of others as a source, as of a version. Object stores take their keys from the environment (AWS_...)."""

from __future__ import annotations

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from daytwo.core.errors import DataError, Fault


def lazy(place: str, version: int | None) -> tuple[pl.LazyFrame, str]:
    """Return the table's rows, not read yet, and what names this content: the table's id and version.

    Raises
    ------
    DataError
        If there is no such version.
    Fault
        If the table cannot be read.
    """
    try:
        table = DeltaTable(place, version=version)
        return pl.scan_delta(table), f"{table.metadata().id}@{table.version()}"
    except DeltaError as err:
        if version is not None:
            raise DataError(
                f"it cannot be read as of version {version}: {err}", hint="Leave '@...' out for the newest version"
            ) from err
        raise Fault(f"it cannot be read: {err}", hint="Check that the table is there and may be read") from err
    except OSError as err:
        raise Fault(f"it cannot be read: {err}", hint="Check that the table is there and may be read") from err
