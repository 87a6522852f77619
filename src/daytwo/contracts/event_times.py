"""When each row of a table happened, by the contract's time column; `times.py` reads one value."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from daytwo.contracts.contract import Contract
from daytwo.contracts.frame import Frame
from daytwo.contracts.times import parse_time
from daytwo.core.errors import DataError


def times_of(contract: Contract, frame: Frame) -> npt.NDArray[np.datetime64]:
    """Return when each row happened: shape (n,), datetime64[us] in UTC, NaT where the time is missing.

    Raises
    ------
    DataError
        If the contract has no time column, the frame does not have it, or a value names no moment.
    """
    column = contract.time
    if column is None:
        raise DataError(
            f"the contract {contract.name!r} has no time column", hint="Name one as [model] time in daytwo.toml"
        )
    if column.name not in frame.columns:
        raise DataError(
            f"the data has no time column {column.name!r}", hint=f"Its columns are {', '.join(frame.columns[:20])}"
        )
    raw = frame.get_column(column.name).to_numpy()
    if raw.dtype.kind == "M":
        moments: npt.NDArray[np.datetime64] = raw.astype("datetime64[us]")
        return moments
    return np.array([_moment(value, column.name) for value in raw.tolist()], dtype="datetime64[us]")


def _moment(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    parsed = parse_time(value)
    if parsed is None:
        raise DataError(
            f"{value!r} in the column {name!r} is no time", hint="Write times in ISO 8601, such as 2013-04-01T17:30:00Z"
        )
    return parsed.replace(tzinfo=None)
