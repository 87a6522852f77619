"""The newest rows of a project's files, as files of their own in the place where the project is tried.

Few rows are taken as they stand; of many, the newest by their time, or the last ones where they bear none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.contracts.contract import Contract
from daytwo.contracts.event_times import times_of
from daytwo.core.errors import DataError
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.sources.files import read_rows
from daytwo.sources.personal import hidden_rows
from daytwo.sources.source import is_address, parse_source


@dataclass(frozen=True, slots=True)
class Sample:
    """What a project is tried on: sources in order, how many rows they hold, and when the newest one happened."""

    sources: tuple[Path | str, ...]
    rows: int
    newest: datetime | None


def take_sample(sources: Sequence[Path | str], contract: Contract, *, most: int, into: Path) -> Sample:
    """Take at most `most` rows from the end of `sources`, the newest file last; what is cut is written to `into`.

    Raises
    ------
    NotFound, DataError, Fault
        If a file cannot be read.
    """
    numbers = [column.name for column in contract.columns if column.is_numeric]
    taken: list[Path | str] = []
    left, newest = most, None
    for number, source in reversed(list(enumerate(sources))):
        if not left:
            break
        opened = parse_source(source if is_address(str(source)) else Path(source))
        rows = read_rows(opened, numbers=numbers, keep_broken=True)
        times = _times(contract, rows.frame)
        if times is not None and not np.isnat(times).all():
            last = times[~np.isnat(times)].max().astype("datetime64[us]").item().replace(tzinfo=UTC)
            newest = last if newest is None else max(last, newest)
        if rows.frame.height <= left:
            taken.append(source)
        else:
            cut = _newest(rows.frame, times, left)
            taken.append(_write(cut, into / f"sample-{number:04}", texts=rows.texts))
        left -= min(rows.frame.height, left)
    return Sample(tuple(reversed(taken)), most - left, newest)


def _times(contract: Contract, frame: pl.DataFrame) -> NDArray[np.datetime64] | None:
    try:
        return times_of(contract, frame)
    except DataError:  # the contract has no time; or a moment is none, which the check of the rows will say
        return None


def write_newest(
    sources: Sequence[Path | str], contract: Contract, *, most: int, path: Path, pseudonyms: Pseudonyms | None
) -> tuple[Path, int]:
    """Write the newest rows of the last of `sources` to `path`, and return the file, with its ending, and its rows.

    What is personal is hidden, by pseudonyms that stay what they are where they are hidden once more.
    """
    source = sources[-1]
    numbers = [column.name for column in contract.columns if column.is_numeric]
    opened = parse_source(source if is_address(str(source)) else Path(source))
    rows = hidden_rows(read_rows(opened, numbers=numbers, keep_broken=True), pseudonyms)
    frame = _newest(rows.frame, _times(contract, rows.frame), most)
    return _write(frame, path, texts=rows.texts), frame.height


def _newest(frame: pl.DataFrame, times: NDArray[np.datetime64] | None, most: int) -> pl.DataFrame:
    if times is None:
        return frame.tail(most)
    order = np.argsort(times, kind="stable")
    newest = order[~np.isnat(times[order])][-most:]
    kept: pl.DataFrame = frame[np.sort(newest).tolist()]
    return kept


def _write(frame: pl.DataFrame, path: Path, *, texts: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if texts:  # they must stay such, to be parsed as those of the file are
        path = path.with_suffix(".csv")
        frame.write_csv(path)
    else:
        path = path.with_suffix(".parquet")
        frame.write_parquet(path)
    return path
