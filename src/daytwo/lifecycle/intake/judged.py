"""One source judged by the contract: what goes into the dataset, what is kept aside, and what is told about it.

Decides and writes nothing; `ingest.py` next door makes it durable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import polars as pl

from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.contract import Contract
from daytwo.contracts.table.columnar import ROW, check
from daytwo.contracts.table.report import Report, report
from daytwo.core.errors import Refused
from daytwo.core.schema import Kind
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.intake.evolution import changed_types, extra_values, new_columns
from daytwo.sources.rows import BrokenLine, Rows

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
_MOST_REASONS = 20
_LINE = "line"
_SHOWN = 80
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Past:
    """What is known before a source is judged.

    `schema` are the dataset's columns, `reached` the newest event time in it, `settled` the first and last moment of
    the windows that are settled. `keys` are the keys that are in already, where rows of a table that grows must not
    come twice. `seen` are, by the name of a unique promise, its columns of the dataset; `others` the tables that
    references name.
    """

    schema: pl.Schema
    reached: datetime | None = None
    settled: tuple[datetime, datetime] | None = None
    keys: pl.Series | None = None
    seen: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    others: Mapping[str, pl.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on one source: rows to learn from, rows in the quarantine's form, and the record of it."""

    accepted: pl.DataFrame
    quarantine: tuple[Mapping[str, object], ...]
    record: dict[str, Json]


def judge(contract: Contract, rows: Rows, past: Past, *, name: str, batch: str, now: datetime) -> Judged:
    """Judge every row of a source; `batch` is the name of its content.

    Raises
    ------
    DataError
        If a required column is not there.
    Refused
        If the source as a whole breaks a promise that rejects.
    """
    numbered = _unknown_keys(_with_outcome(rows.frame.with_row_index(ROW), contract), contract, past)
    places = numbered.get_column(ROW).cast(pl.Int64)
    frame = numbered.drop(ROW)
    checked = check(contract, frame, labels=True, parse_text=rows.texts, others=past.others, seen=past.seen, now=now)
    _refuse_whole(checked.refusals, name)
    extras, notes = new_columns(contract, frame, past.schema.names())
    passed = ~pl.Series(range(frame.height), dtype=pl.Int64).is_in(checked.rejected.get_column(ROW).implode())
    kept = [extra_values(frame.get_column(one).filter(passed), past.schema.get(one)) for one in extras]
    accepted = checked.accepted.with_columns(kept)
    found = report(checked)
    first, last, late, settled = _lateness(accepted, contract, past)
    record: dict[str, Json] = {
        "file": name,
        "batch": batch,
        "at": now.isoformat(),
        "rows": rows.frame.height + len(rows.broken),
        "accepted": accepted.height,
        "repaired": found.repaired,
        "rejected": checked.rejected.height + len(rows.broken),
        "unlabelled": rows.frame.height - _with_outcome(rows.frame, contract).height,
        "known": _with_outcome(rows.frame, contract).height - frame.height,
        "late": late,
        "late_settled": settled,
        "first_time": first,
        "last_time": last,
        "contract": contract.digest,
        "contract_version": contract.version,
        "new_columns": [one for one in extras if one not in past.schema],
        "reasons": _reasons(found, rows.broken, places),
        "notes": [
            *rows.notes,
            *notes,
            *changed_types(found, checked.failures, frame.height),
            *(breach.message for breach in checked.batch),
        ],
    }
    kept_aside = (
        *_bad_rows(checked.rejected, checked.failures, places, batch, _kinds(contract) if rows.texts else {}),
        *_bad_lines(rows.broken, batch),
    )
    both = {"_request": batch, "_received_at": now, "source": name, "contract": contract.digest}
    return Judged(accepted, tuple(row | both for row in kept_aside), record)


def quarantine_frame(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return rows in the quarantine's form as a frame."""
    return pl.DataFrame(rows, schema=_QUARANTINE, orient="row")


def _refuse_whole(breaches: Sequence[BatchBreach], name: str) -> None:
    """Refuse a source that as a whole breaks a promise that rejects."""
    if breaches:
        raise Refused(
            f"{name} is refused as a whole: {'; '.join(breach.message for breach in breaches)}",
            hint="Mend the source, or let the contract warn where it rejects",
        )


def _with_outcome(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Leave out rows whose outcome is not known: nothing is wrong with them, and nothing can be learnt from them."""
    target = contract.target
    if target is None or target.name not in frame.columns:
        return frame
    return frame.filter(frame.get_column(target.name).is_not_null())


def _unknown_keys(frame: pl.DataFrame, contract: Contract, past: Past) -> pl.DataFrame:
    """Leave out rows whose key is in already."""
    if past.keys is None or contract.key is None or contract.key.name not in frame.columns:
        return frame
    given = frame.get_column(contract.key.name).cast(pl.String)
    return frame.filter(~given.is_in(past.keys.cast(pl.String).implode()).fill_null(False))


def _lateness(accepted: pl.DataFrame, contract: Contract, past: Past) -> tuple[str | None, str | None, int, int]:
    """Return the first and last event time, how many rows are older than what was in, how many of them settled."""
    if contract.time is None or not accepted.height:
        return None, None, 0, 0
    times = accepted.get_column(contract.time.name)
    first, last = times.min(), times.max()
    late = settled = 0
    if past.reached is not None:
        late = int((times < past.reached).sum())
    if past.settled is not None:
        settled = int(((times >= past.settled[0]) & (times < past.settled[1])).sum())
    return _iso(first), _iso(last), late, settled


def _iso(moment: object) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else None


def _reasons(found: Report, broken: Sequence[BrokenLine], places: pl.Series) -> list[Json]:
    """Return why rows were rejected, the most frequent reason first."""
    told: list[Json] = [
        {
            "column": rule.column,
            "rule": rule.rule,
            "rows": rule.rows,
            "message": rule.message,
            "examples": [int(places[place]) for place in rule.examples],
        }
        for rule in found.rules
        if rule.action == "reject"
    ]
    if broken:
        lines: list[Json] = [line.number for line in broken[:5]]
        told.append(
            {"column": _LINE, "rule": _LINE, "rows": len(broken), "message": broken[0].words, "examples": lines}
        )
    return told[:_MOST_REASONS]


def _bad_rows(
    rejected: pl.DataFrame, failures: pl.DataFrame, places: pl.Series, batch: str, kinds: Mapping[str, Kind]
) -> Iterator[dict[str, object]]:
    """Yield each rejected row as it came, with its reasons; `kinds` are those of columns that came as texts."""
    reasons: dict[int, list[dict[str, str]]] = {}
    for failure in failures.iter_rows(named=True):
        reasons.setdefault(failure.pop("row"), []).append(failure)
    for row in rejected.iter_rows(named=True):
        number = row.pop(ROW)
        row |= {name: _value(row[name], kind) for name, kind in kinds.items() if name in row}
        yield _kept_aside(f"{_short(batch)}-{places[number]}", row, reasons.get(number, []))


def _kinds(contract: Contract) -> dict[str, Kind]:
    return {column.name: column.kind for column in contract.columns}


def _value(cell: object, kind: Kind) -> object:
    """Return the number or truth that a text says, where its column promises one: so it can be sent again."""
    text = cell.strip() if isinstance(cell, str) else ""
    if kind is Kind.INTEGER and _INTEGER.fullmatch(text):
        return int(text)
    if kind in {Kind.NUMBER, Kind.INTEGER} and _NUMBER.fullmatch(text):
        return float(text)
    return _TRUTHS.get(text.lower(), cell) if kind is Kind.BOOLEAN else cell


def _bad_lines(broken: Sequence[BrokenLine], batch: str) -> Iterator[dict[str, object]]:
    """Yield each line that is no row; what stood in it is kept as a text."""
    for line in broken:
        reason = {"column": _LINE, "rule": _LINE, "value": line.text[:_SHOWN], "message": line.words}
        yield _kept_aside(f"{_short(batch)}-line{line.number}", line.text, [reason])


def _kept_aside(identity: str, row: object, reasons: Sequence[Mapping[str, str]]) -> dict[str, object]:
    return {
        "_id": identity,
        "_key": None,
        "_subject": None,
        "_time": None,
        "row": msgspec.json.encode(row, enc_hook=str).decode(),
        "reasons": msgspec.json.encode(reasons).decode(),
    }


def _short(batch: str) -> str:
    return batch.partition(":")[2][:12]
