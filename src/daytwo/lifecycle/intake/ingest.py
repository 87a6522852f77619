"""A source becomes a dataset version: checked by the contract, good rows in, bad rows kept aside with their reasons.

Two durable steps: rows come in by one commit, then what belongs to them is recorded. `judged.py` decides, `intakes.py`
writes each thing once, `pickup.py` finds new files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.contracts.personal import check_personal
from daytwo.contracts.relations import Reference, Unique
from daytwo.contracts.table.columnar import ROW
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import Conflict, DataError, NotFound
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.intake.evolution import refuse_lost
from daytwo.lifecycle.intake.intakes import finish, newest_time, one_at_a_time, put_in, record_of
from daytwo.lifecycle.intake.judged import Judged, Past, judge
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System
from daytwo.scoring.payoff import Payoff
from daytwo.sources.files import content_digest, read_rows
from daytwo.sources.personal import hidden_rows
from daytwo.sources.rows import Rows
from daytwo.sources.source import CSV, Form, Source, is_address, parse_source
from daytwo.sources.sql import has_since

_PATTERN = re.compile(r"[*?\[]")
_SINCE_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


def sources(folder: Path, pattern: str) -> tuple[Path | str, ...]:
    """Return what `[data] source` names: files by a pattern, sorted, a folder's files, or one address.

    Relative patterns begin at the project's folder.
    """
    if not pattern:
        raise NotFound("[data] source names no files", hint="Set it in daytwo.toml, such as source = 'rows/*.parquet'")
    if pattern.startswith(CSV):
        pattern, _, written = pattern.removeprefix(CSV).partition("#")
        return tuple(f"{CSV}{path}#{written}" for path in sources(folder, pattern))
    if is_address(pattern):
        return (pattern,)
    place = Path(pattern)
    base, relative = (Path(place.anchor), place.relative_to(place.anchor)) if place.is_absolute() else (folder, place)
    found = tuple(sorted(one for match in base.glob(str(relative)) for one in _files(match)))
    if not found:
        raise NotFound(f"no file matches {pattern!r} in {folder}", hint="Check [data] source in daytwo.toml")
    return found


def ingest(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Ingest one source, once per content: `path` and `now` in, the record of it out.

    Where the content is in already, the record says so: `again`.
    """
    place, now = str(arguments["path"]), datetime.fromisoformat(str(arguments["now"]))

    def rows_in() -> dict[str, Json]:
        finished = finish(system)  # what was cut short, perhaps this very source
        judged = look(system, place, now)
        if isinstance(judged, str):
            return {"batch": judged, "again": judged not in finished}
        put_in(system, judged)
        return {"batch": judged.record["batch"], "again": False}

    def record() -> dict[str, Json]:
        assert isinstance(done, dict)
        finish(system)
        found = record_of(system, str(done["batch"])) or {}
        if done["again"]:
            nothing: dict[str, Json] = {"file": _name(place), "accepted": 0, "rejected": 0, "unlabelled": 0}
            return {**nothing, "batch": done["batch"], "version": found.get("version"), "again": True}
        return {**found, "again": False}

    with one_at_a_time(system):
        done = run.step("rows", rows_in)
        return run.step("record", record)


def look(system: System, place: str, now: datetime) -> Judged | str:
    """Judge a source and write nothing; return the name of its content where that is in already.

    Raises
    ------
    DataError, NotFound, SettingsError
        If it cannot be read or does not have what the contract requires.
    Conflict
        If the file changed while it was read.
    """
    source = _source(place)
    contract = read_contract(system.contract_path)
    check_personal(contract, system.settings.data.personal)
    before = _mark(source)
    batch = "" if source.form is Form.SQL else f"{_prefix(source)}:{content_digest(source)}"
    if batch and system.tables.has_batch(DATASET, batch):
        return batch
    rows = _read(system, source, contract)
    if not batch:
        batch = f"{_prefix(source)}:{content_digest(source, rows.frame)}"
        if rows.frame.is_empty() or system.tables.has_batch(DATASET, batch):
            return batch
    money = Payoff.from_settings(system.settings.value, system.settings.model.task).columns
    refuse_lost(contract, rows.frame.columns, money=money, owner=system.settings.data.owner)
    judged = judge(contract, rows, _past(system, contract, source), name=source.name, batch=batch, now=now)
    if _mark(source) != before:
        raise Conflict(f"{source.name} changed while it was read", hint="Try again once it is written")
    nothing_new = not source.is_file and not judged.accepted.height and not judged.quarantine
    return batch if nothing_new else judged


def _read(system: System, source: Source, contract: Contract) -> Rows:
    numbers = [column.name for column in contract.columns if column.is_numeric]
    since = newest_time(system, source.name) if source.form is Form.SQL and has_since(source.query) else None
    try:
        rows = read_rows(
            source,
            numbers=numbers,
            keep_broken=True,
            since="" if since is None else since.strftime(_SINCE_FORMAT),
            allow_empty=since is not None,
        )
    except DataError:
        if system.pseudonyms is None:
            raise
        raise DataError(  # without what it shows of the rows: this is kept, in findings and alerts
            f"{source.name} cannot be read, or more of its lines are no rows than a file may have",
            hint="'daytwo contract check' shows them, and keeps nothing",
        ) from None
    if ROW in rows.frame.columns:
        raise DataError(
            f"{source.name}: the data has a column {ROW!r}, a name of daytwo's own", hint="Rename the column"
        )
    return hidden_rows(rows, system.pseudonyms)


def _past(system: System, contract: Contract, source: Source) -> Past:
    schema = system.tables.schema(DATASET)
    settled = [record.span for record in system.windows.windows() if record.settled is not None]
    past = Past(
        schema,
        newest_time(system) if contract.time is not None else None,
        (settled[0].start, settled[-1].end) if settled else None,
        seen=_seen(system, contract, schema),
        others=_others(system, contract),
    )
    if source.is_file or contract.key is None or contract.key.name not in schema:
        return past
    keys = system.tables.read(DATASET, columns=[contract.key.name]).get_column(contract.key.name)
    return replace(past, keys=keys)


def _seen(system: System, contract: Contract, schema: pl.Schema) -> dict[str, pl.DataFrame]:
    """Return what the dataset holds in the columns of each unique promise."""
    unique = [one for one in contract.relations if isinstance(one, Unique) and set(one.columns) <= set(schema)]
    return {one.name: system.tables.read(DATASET, columns=one.columns) for one in unique}


def _others(system: System, contract: Contract) -> dict[str, pl.DataFrame]:
    """Return the tables that references name, as far as the project keeps them."""
    keys: dict[str, dict[str, None]] = {}
    for one in contract.relations:
        if isinstance(one, Reference) and set(one.key) <= set(system.tables.schema(one.table)):
            keys.setdefault(one.table, {}).update(dict.fromkeys(one.key))
    return {table: system.tables.read(table, columns=list(names)) for table, names in keys.items()}


def _files(match: Path) -> Iterator[Path]:
    """Yield a file as it is, of a folder its files of a kind that is read."""
    if not match.is_dir() or (match / "_delta_log").is_dir():
        yield match
        return
    for path in match.iterdir():
        try:
            yield from (path,) if path.is_file() and parse_source(path) else ()
        except DataError:  # a note, a script: nothing to learn from
            continue


def _source(place: str) -> Source:
    return parse_source(place if is_address(place) else Path(place))


def _name(place: str) -> str:
    return _source(place).name


def _prefix(source: Source) -> str:
    return "file" if source.is_file else str(source.form)


def _mark(source: Source) -> tuple[int, int] | None:
    if not source.is_file or source.path is None:
        return None
    try:
        found = source.path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
