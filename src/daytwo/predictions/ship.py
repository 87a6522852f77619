"""Sealed segments go into the tables, each exactly once, however often somebody is killed on the way.

The batch id of every append is the segment's name, so what was appended before a kill is not appended again; only
then does the segment move to `shipped/`, where the server still finds the request ids of the last hours.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from daytwo.core.errors import DaytwoError, Fault
from daytwo.core.files import sync_folder, write_whole
from daytwo.predictions.columns import ColumnsOf, ContractOf, frames
from daytwo.predictions.record import decode
from daytwo.predictions.segments import (
    DAMAGED,
    SHIPPED,
    read_segment,
    recover,
    sealed_segments,
    segment_name,
)
from daytwo.tables.tables import Tables


@dataclass(frozen=True, slots=True)
class Shipped:
    """What one call carried over.

    `rows` counts the rows of each table in the shipped `segments`, `held` tells of each segment that could not be
    shipped why (it stays and is tried again), `damaged` names files in `damaged/` that hold bytes no longer readable.
    """

    segments: tuple[str, ...]
    rows: Mapping[str, int]
    held: Mapping[str, str]
    damaged: tuple[str, ...]


def ship(
    folder: Path,
    tables: Tables,
    contract_of: ContractOf,
    *,
    columns_of: ColumnsOf = lambda _: (),
    keep_hours: float = 48.0,
) -> Shipped:
    """Carry every segment in `folder` whose writer has sealed it, or is dead, into `tables`.

    `contract_of` gives the contract of a version by its digest and `columns_of` the columns to keep besides its
    features (what its payoff reads). Shipped segments stay in `shipped/` for `keep_hours`. To ship what a running
    server wrote a moment ago, ask it to rotate first (`POST /admin/rotate`).
    """
    if not folder.is_dir():
        return Shipped((), {}, {}, ())
    with _alone(folder):
        recover(folder)
        done: list[str] = []
        counts: dict[str, int] = {}
        held: dict[str, str] = {}
        for path in sealed_segments(folder):
            try:
                for table, rows in _append(path, tables, contract_of, columns_of).items():
                    counts[table] = counts.get(table, 0) + rows
            except DaytwoError as err:
                held[segment_name(path)] = str(err)
                continue
            _put_aside(path)
            done.append(segment_name(path))
        _forget(folder / SHIPPED, keep_hours)
        damaged = tuple(sorted(one.name for one in (folder / DAMAGED).glob("[!.]*")))
    return Shipped(tuple(done), counts, held, damaged)


def _append(path: Path, tables: Tables, contract_of: ContractOf, columns_of: ColumnsOf) -> dict[str, int]:
    segment = read_segment(path)
    if segment.ending != "whole":
        write_whole(path.parent / DAMAGED / f"{path.name}.{segment.good_bytes}", segment.content[segment.good_bytes :])
    try:
        records = [decode(payload) for payload in segment.payloads()]
    except msgspec.MsgspecError as err:
        raise Fault(
            f"segment {path.name} holds a record of a form this version does not read: {err}",
            hint="Ship it with the daytwo version that wrote it",
        ) from err
    made = frames(records, contract_of, columns_of)
    for table, rows in made.items():
        tables.append(table, rows, batch=segment_name(path))
    return {table: rows.height for table, rows in made.items()}


def _put_aside(path: Path) -> None:
    shipped = path.parent / SHIPPED
    try:
        shipped.mkdir(exist_ok=True)
        path.rename(shipped / path.name)
        sync_folder(shipped)
        sync_folder(path.parent)
    except OSError as err:
        raise Fault(
            f"cannot move {path} to {shipped}: {err.strerror or err}", hint="Make the folder writable, then try again"
        ) from err


def _forget(shipped: Path, keep_hours: float) -> None:
    """Remove segments that were shipped long ago; a segment's time is that of its last record."""
    oldest = time.time() - keep_hours * 3600
    for path in sealed_segments(shipped):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one shipper at a time work in `folder`; the system lets go of the lock when its holder dies."""
    with (folder / ".ship.lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
