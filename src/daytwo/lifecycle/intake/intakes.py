"""What was taken in, once each: the record of every ingest, and what is left to write of one that was cut short.

An ingest becomes visible in one commit, that of the dataset. Before it, what must follow is put into one file: the
rows to keep aside and the record. Whoever is killed after the commit left that file behind, and the next ingest
writes the rest from it, whatever has become of the source or the contract; one that was killed before the commit left
nothing that anybody sees, and its file is thrown away.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import Fault
from daytwo.core.files import write_whole
from daytwo.governance.audit import Entry
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.intake.judged import Judged, quarantine_frame
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System

INGESTS = "ingests"
_FOLDER = "intake"
_SCHEMA = pl.Schema(
    {
        "batch": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "source": pl.String(),
        "rows": pl.Int64(),
        "accepted": pl.Int64(),
        "rejected": pl.Int64(),
        "last_time": pl.Datetime("us", "UTC"),
        "version": pl.Int64(),
        "contract": pl.String(),
        "contract_version": pl.Int64(),
        "record": pl.String(),
    }
)


class _Left(msgspec.Struct, frozen=True):
    """What is left to write once the dataset has its rows."""

    batch: str
    record: dict[str, Any]
    quarantine: list[dict[str, object]]


@contextlib.contextmanager
def one_at_a_time(system: System) -> Iterator[None]:
    """Hold the project's ingest; another process that ingests waits. A killed process lets go."""
    path = system.state / "ingest.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
    except OSError as err:
        raise Fault(f"cannot write {path}: {err.strerror or err}", hint="Make the folder writable") from err
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put_in(system: System, judged: Judged) -> None:
    """Make the rows a new version of the dataset; `finish` writes the rest. Hold `one_at_a_time`."""
    batch = str(judged.record["batch"])
    left = _Left(batch, judged.record, [dict(row) for row in judged.quarantine])
    write_whole(_path(system, batch), msgspec.json.encode(left))
    system.tables.append(DATASET, judged.accepted, batch=batch, retype=True)


def finish(system: System) -> tuple[str, ...]:
    """Write what ingests left behind, each thing once, and throw away what never came in; return what was finished.

    Hold `one_at_a_time`.
    """
    folder, finished = system.state / _FOLDER, []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        left = _read(path)
        if system.tables.has_batch(DATASET, left.batch):
            _finish(system, left)
            finished.append(left.batch)
        path.unlink(missing_ok=True)
    return tuple(finished)


def record_of(system: System, batch: str) -> dict[str, Json] | None:
    """Return the record of an ingest by the name of its content, None where none is kept."""
    if system.tables.version(INGESTS) is None:
        return None
    found = system.tables.read(INGESTS, columns=["record"], where=pl.col("batch") == batch)
    return msgspec.json.decode(found.item(0, 0), type=dict[str, Any]) if found.height else None


def newest_time(system: System, source: str = "") -> datetime | None:
    """Return the newest event time that was ever taken in, or that came from one source."""
    if system.tables.version(INGESTS) is None:
        return None
    where = pl.col("source") == source if source else None
    found = system.tables.read(INGESTS, columns=["last_time", "source"], where=where)["last_time"].max()
    return found if isinstance(found, datetime) else None


def _finish(system: System, left: _Left) -> None:
    if left.quarantine:
        system.tables.append("quarantine", quarantine_frame(_moments(left.quarantine)), batch=left.batch)
    if not system.tables.has_batch(INGESTS, left.batch):
        version = system.tables.version(DATASET)
        system.tables.append(INGESTS, _line(left.record | {"version": version}), batch=left.batch)
    record = record_of(system, left.batch)
    assert record is not None
    told = {key: value for key, value in record.items() if key not in {"reasons", "notes"}}
    at = datetime.fromisoformat(str(record["at"]))
    system.audit.append(Entry(at, "daytwo", "ingest", str(record["file"]), f"ingest:{left.batch}", told))


def _line(record: Mapping[str, Json]) -> pl.DataFrame:
    last = record["last_time"]
    row = {
        **{key: record[key] for key in ("batch", "rows", "accepted", "rejected", "version")},
        "at": datetime.fromisoformat(str(record["at"])),
        "source": record["file"],
        "last_time": None if last is None else datetime.fromisoformat(str(last)),
        "contract": record["contract"],
        "contract_version": record["contract_version"],
        "record": msgspec.json.encode(record).decode(),
    }
    return pl.DataFrame([row], schema=_SCHEMA)


def _moments(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{**row, "_received_at": datetime.fromisoformat(str(row["_received_at"]))} for row in rows]


def _read(path: Path) -> _Left:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Left)
    except (OSError, msgspec.MsgspecError) as err:
        raise Fault(f"cannot read {path}: {err}", hint="Restore it from a backup, or remove it") from err


def _path(system: System, batch: str) -> Path:
    return system.state / _FOLDER / f"{digest_bytes(batch.encode())[:32]}.json"
