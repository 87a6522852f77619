"""How a source's columns change: a lost one is refused with who needs it, a new one is kept and told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import polars as pl

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.table.report import Report
from daytwo.core.errors import DataError
from daytwo.core.expression import parse

_ROLES = {
    Role.FEATURE: "the model reads it",
    Role.TARGET: "it is what is predicted",
    Role.TIME: "it says when a row happened",
    Role.SUBJECT: "it says whom a row is about",
    Role.KEY: "it names a row",
}
# A column where more cells than this share are of another kind has changed as a whole.
_MOST = 0.5
_EXAMPLES = 3


def refuse_lost(contract: Contract, columns: Sequence[str], *, money: Sequence[str] = (), owner: str = "") -> None:
    """Raise DataError where a required column is gone; `money` are the columns that [value] reads.

    The message says for each what needs it, the next step whom to ask: the column's owner, else the contract's, else
    `owner`.
    """
    lost = [column for column in contract.columns if column.is_checked and column.required]
    lost = [column for column in lost if column.name not in columns]
    if not lost:
        return
    needs = "; ".join(f"{column.name!r}: {', '.join(_needs(column, contract, money))}" for column in lost)
    names = ", ".join(repr(column.name) for column in lost)
    people = dict.fromkeys(column.owner or contract.owner or owner for column in lost)
    asked = f" (ask {', '.join(person for person in people if person)})" if any(people) else ""
    raise DataError(
        f"the data has no column {names}, which the contract {contract.name!r} requires. {needs}",
        hint=f"Bring what is lost back{asked}, or renew the contract with required = false for it",
    )


def new_columns(contract: Contract, frame: pl.DataFrame, known: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names of columns that the contract does not know and that can be kept, and notes.

    `known` are the columns that the dataset has already: of those nothing is said any more.
    """
    names = {column.name for column in contract.columns}
    taken = {name.lower() for name in names}
    kept, notes = [], []
    for name in frame.columns:
        if name in names:
            continue
        if not name or name.startswith("_") or frame.schema[name] in {pl.Object(), pl.Binary()}:
            notes.append(f"the column {name!r} is left out: such a name, or such values, cannot be kept")
        elif name.lower() in taken:
            notes.append(f"the column {name!r} is left out: another one differs from it in capital letters only")
        else:
            taken.add(name.lower())
            kept.append(name)
            if name not in known:
                notes.append(f"the column {name!r} is new: it is kept, as texts, and no model reads it")
    return kept, notes


def extra_values(series: pl.Series, dtype: pl.DataType | None) -> pl.Series:
    """Return a column that the contract does not know as it is kept: as texts, or in the type the dataset has."""
    if series.dtype.is_nested():
        texts = [
            None if value is None else msgspec.json.encode(value, enc_hook=str).decode() for value in series.to_list()
        ]
        series = pl.Series(series.name, texts, pl.String)
    return series.cast(dtype if dtype is not None else pl.String, strict=False)


def changed_types(found: Report, failures: pl.DataFrame, checked: int) -> Iterator[str]:
    """Yield a note for each column most of whose cells are of another kind than the contract's."""
    for rule in found.rules:
        if rule.rule == "type" and rule.rows > _MOST * checked:
            cells = failures.filter((pl.col("rule") == "type") & (pl.col("column") == rule.column)).head(_EXAMPLES)
            shown = ", ".join(f"{value!r} (row {row})" for value, row in zip(cells["value"], cells["row"], strict=True))
            yield f"the column {rule.column!r} has changed its type: {rule.message}, and holds {shown}"


def _needs(column: Column, contract: Contract, money: Sequence[str]) -> Iterator[str]:
    yield _ROLES.get(column.role, "it is checked")
    for rule in contract.rules:
        if column.name in parse(rule.expression).columns:
            yield f"the rule {rule.name!r} reads it"
    for relation in contract.relations:
        if column.name in relation.reads:
            yield f"the rule {relation.rule!r} reads it"
    if column.name in money:
        yield "[value] reads it"
