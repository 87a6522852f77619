"""Mended rows before the contract that they would meet again: which would pass, and what the others still break.

A row that came as a request is judged as the server judges it, by the live version's contract; a row of a file by the
project's own `contract.toml`, outcome included. Promises between rows are judged when a file is taken in again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.repairs import parsed
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml import read_contract
from daytwo.core.schema import Kind
from daytwo.lifecycle.kept_aside.quarantine import Kept
from daytwo.lifecycle.shipping import contract_of
from daytwo.lifecycle.system import System
from daytwo.registry.versions import current_route

SERVER = "server"
Reason = Mapping[str, object]
# Where these are read, everything is a text, and numbers are read from texts.
_TEXT_FILES = (".csv", ".tsv")
_NUMERIC = (Kind.NUMBER, Kind.INTEGER)
_DTYPES: Mapping[Kind, pl.DataType] = {
    Kind.NUMBER: pl.Float64(),
    Kind.INTEGER: pl.Int64(),
    Kind.BOOLEAN: pl.Boolean(),
    Kind.CATEGORY: pl.String(),
    Kind.TEXT: pl.String(),
    Kind.TIME: pl.String(),
}


@dataclass(frozen=True, slots=True)
class Mended:
    """A row as it was mended, and what it still breaks; nothing where it would pass."""

    kept: Kept
    row: Mapping[str, object]
    reasons: tuple[Reason, ...]

    @property
    def passes(self) -> bool:
        """Whether the contract would let it pass."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of files that fit into one table; `frame` has them in the same order."""

    rows: tuple[tuple[Kept, Mapping[str, object]], ...]
    frame: pl.DataFrame


def live_contract(system: System) -> Contract:
    """Return the contract that a request meets now: that of the live version, or the project's where none is live."""
    route = current_route(system.registry)
    if route is None:
        return read_contract(system.contract_path)
    return contract_of(system.bundles, route.champion)


def own_repairs(contract: Contract, row: Mapping[str, object]) -> dict[str, object]:
    """Return the row as the contract's own repairs mend it."""
    _, breaches = compile_decoder(contract).check(row)
    return dict(row) | {one.column: one.repaired for one in breaches if one.action is Action.REPAIR}


def judged(system: System, rows: Sequence[tuple[Kept, Mapping[str, object]]]) -> tuple[Mended, ...]:
    """Judge mended rows, in their order."""
    found: dict[str, Mended] = {}
    requests = [one for one in rows if one[0].source == SERVER]
    if requests:
        check_row = compile_decoder(live_contract(system)).check
        for kept, row in requests:
            values, breaches = check_row(row)
            found[kept.id] = Mended(kept, row, () if values is not None else tuple(_told(breaches)))
    files = [one for one in rows if one[0].source != SERVER]
    if files:
        contract = read_contract(system.contract_path)
        for batch in batches(contract, files):
            found |= {one.kept.id: one for one in _judged_batch(contract, batch)}
        for kept, row in files:
            unfit = ({"column": "", "rule": "type", "value": None, "message": "no table can hold this row"},)
            found.setdefault(kept.id, Mended(kept, row, unfit))
    return tuple(found[kept.id] for kept, _ in rows)


def batches(contract: Contract, rows: Sequence[tuple[Kept, Mapping[str, object]]]) -> Iterator[Batch]:
    """Put rows of files into tables: rows whose values are of the same kinds into the same one.

    A row that no table can hold (a list in a checked column, a line that is no row) is in none.
    """
    sorted_out: dict[tuple[tuple[str, str], ...], list[tuple[Kept, Mapping[str, object]]]] = {}
    columns = {column.name: column.kind for column in contract.columns if column.is_checked}
    for kept, row in rows:
        if not row:
            continue
        typed = _typed(columns, row) if Path(kept.source).suffixes[-1:] and _only_texts(kept.source) else row
        odd = tuple(
            (name, type(typed[name]).__name__) for name, kind in columns.items() if not _fits(typed, name, kind)
        )
        if not any(kind in {"list", "dict"} for _, kind in odd):
            sorted_out.setdefault(odd, []).append((kept, typed))
    for odd, group in sorted_out.items():
        plain = {name: kind for name, kind in columns.items() if name not in dict(odd)}
        yield Batch(tuple(group), _frame(contract, plain, dict(odd), [row for _, row in group]))


def _judged_batch(contract: Contract, batch: Batch) -> Iterator[Mended]:
    checked = check(contract, batch.frame, labels=True)
    reasons: dict[int, list[Reason]] = {}
    for failure in checked.failures.iter_rows(named=True):
        reasons.setdefault(int(failure["row"]), []).append(
            {name: failure[name] for name in ("column", "rule", "value", "message")}
        )
    for number, (kept, row) in enumerate(batch.rows):
        yield Mended(kept, row, tuple(reasons.get(number, ())))


def _told(breaches: Sequence[Breach]) -> Iterator[Reason]:
    for one in breaches:
        if one.action is Action.REJECT:
            yield {"column": one.column, "rule": one.rule, "value": one.value, "message": one.message}


def _only_texts(source: str) -> bool:
    return any(suffix.lower() in _TEXT_FILES for suffix in Path(source).suffixes)


def _typed(columns: Mapping[str, Kind], row: Mapping[str, object]) -> dict[str, object]:
    """Read the numbers and truths of a row that knows only texts."""
    typed = dict(row)
    for name, kind in columns.items():
        value = row.get(name)
        if isinstance(value, str) and kind in {*_NUMERIC, Kind.BOOLEAN}:
            found = parsed(value, kind)
            typed[name] = value if found is None else found
    return typed


def _fits(row: Mapping[str, object], name: str, kind: Kind) -> bool:
    value = row.get(name)
    if value is None:
        return True
    if kind in _NUMERIC:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool if kind is Kind.BOOLEAN else str)


def _frame(
    contract: Contract, plain: Mapping[str, Kind], odd: Mapping[str, str], rows: Sequence[Mapping[str, object]]
) -> pl.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    names |= dict.fromkeys(column.name for column in contract.columns if column.is_checked and column.required)
    return pl.DataFrame(
        [_series(name, [row.get(name) for row in rows], plain.get(name), odd=name in odd) for name in names]
    )


def _series(name: str, values: Sequence[object], kind: Kind | None, *, odd: bool) -> pl.Series:
    if kind is Kind.INTEGER and any(isinstance(value, float) for value in values):
        kind = Kind.NUMBER
    if kind is not None:
        return pl.Series(name, values, dtype=_DTYPES[kind], strict=False)
    if odd or len({type(value) for value in values if value is not None}) <= 1:
        with suppress(TypeError, pl.exceptions.PolarsError):
            return pl.Series(name, values)
    # No type holds them all, so they are kept as texts.
    texts = [
        value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode() for value in values
    ]
    return pl.Series(name, texts, dtype=pl.String)
