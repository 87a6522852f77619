"""Files become a dataset version: checked by the contract, good rows in, bad rows kept aside with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from daytwo.contracts.columnar import ROW, check
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import read_contract
from daytwo.core.digest import digest_file
from daytwo.core.errors import DataError, NotFound
from daytwo.governance.audit import Entry
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System

# A file is read as it is called: brackets in its name are no pattern.
_READERS: Mapping[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": lambda path: pl.read_parquet(path, glob=False),
    ".csv": lambda path: pl.read_csv(path, glob=False),
    ".jsonl": lambda path: pl.read_ndjson(path.read_bytes()),
    ".ndjson": lambda path: pl.read_ndjson(path.read_bytes()),
}
# The quarantine's columns before anything happened to a row.
_QUARANTINE = pl.Schema(
    {
        "_id": pl.String(),
        "_request": pl.String(),
        "_received_at": pl.Datetime("us", "UTC"),
        "_key": pl.String(),
        "_subject": pl.String(),
        "_time": pl.Datetime("us", "UTC"),
        "row": pl.String(),
        "reasons": pl.String(),
        "source": pl.String(),
        "contract": pl.String(),
    }
)


def read_source(path: Path) -> pl.DataFrame:
    """Return a file's rows.

    Raises
    ------
    NotFound
        If there is no such file.
    DataError
        If its kind is unknown, it cannot be read, or it has no rows.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="Check [data] source in daytwo.toml, or the path you gave")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is of no kind that is read", hint=f"Give one of {', '.join(_READERS)}")
    try:
        frame = reader(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as err:
        raise DataError(
            f"{path} cannot be read: {err}", hint="Is the file whole, and of the kind its name says?"
        ) from err
    if frame.is_empty():
        raise DataError(f"{path} has no rows", hint="Give a file with a header and rows")
    return frame


def sources(folder: Path, pattern: str) -> tuple[Path, ...]:
    """Return the files that `[data] source` names, sorted; relative patterns begin at the project's folder."""
    if not pattern:
        raise NotFound("[data] source names no files", hint="Set it in daytwo.toml, such as source = 'rows/*.parquet'")
    place = Path(pattern)
    base, relative = (Path(place.anchor), place.relative_to(place.anchor)) if place.is_absolute() else (folder, place)
    found = tuple(sorted(base.glob(str(relative))))
    if not found:
        raise NotFound(f"no file matches {pattern!r} in {folder}", hint="Check [data] source in daytwo.toml")
    return found


def ingest(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Ingest one file, once per content: `path` and `now` in, counts out."""
    path, now = Path(str(arguments["path"])), datetime.fromisoformat(str(arguments["now"]))

    def work() -> dict[str, Json]:
        batch = f"file:{digest_file(path)}"
        if system.tables.has_batch(DATASET, batch):
            return {"file": path.name, "accepted": 0, "rejected": 0, "unlabelled": 0, "again": True}
        contract = read_contract(system.contract_path)
        frame = read_source(path)
        labelled = _with_outcome(frame, contract)
        checked = check(contract, labelled, labels=True, parse_text=path.suffix.lower() == ".csv")
        if checked.rejected.height:
            rejected = _quarantine(checked.rejected, checked.failures, contract.digest, path.name, batch, now)
            system.tables.append("quarantine", rejected, batch=batch)
        version = system.tables.append(DATASET, checked.accepted, batch=batch)
        counts: dict[str, Json] = {
            "file": path.name,
            "accepted": checked.accepted.height,
            "rejected": checked.rejected.height,
            "unlabelled": frame.height - labelled.height,
            "version": version,
            "again": False,
        }
        entry = Entry(now, "daytwo", "ingest", path.name, f"audit:{run.id}", dict(counts))
        system.audit.append(entry)
        return counts

    return run.step("ingest", work)


def _with_outcome(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Leave out rows whose outcome is not known: nothing is wrong with them, and nothing can be learnt from them."""
    target = contract.target
    if target is None or target.name not in frame.columns:
        return frame
    return frame.filter(pl.col(target.name).is_not_null())


def _quarantine(
    rejected: pl.DataFrame, failures: pl.DataFrame, contract: str, source: str, batch: str, now: datetime
) -> pl.DataFrame:
    """Put each rejected row with its reasons into the quarantine's form."""
    reasons: dict[int, list[dict[str, str]]] = {}
    for failure in failures.iter_rows(named=True):
        reasons.setdefault(failure.pop("row"), []).append(failure)
    rows = []
    for row in rejected.iter_rows(named=True):
        number = row.pop(ROW)
        rows.append(
            {
                "_id": f"{batch[5:17]}-{number}",
                "_request": batch,
                "_received_at": now,
                "_key": None,
                "_subject": None,
                "_time": None,
                "row": msgspec.json.encode(row, enc_hook=str).decode(),
                "reasons": msgspec.json.encode(reasons.get(number, [])).decode(),
                "source": source,
                "contract": contract,
            }
        )
    return pl.DataFrame(rows, schema=_QUARANTINE)
