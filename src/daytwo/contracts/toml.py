"""A contract read from the text that its owner edits; `toml_text.py` writes it.

Reading is strict: an unknown key, a wrong type or a contradiction is an error that names the column and the way out.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch, Distribution
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Relation
from daytwo.contracts.toml_text import SECTIONS
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.schema import Kind


class _ColumnTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    kind: Kind
    role: Role = Role.FEATURE
    required: bool = True
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    expected_minimum: float | None = None
    expected_maximum: float | None = None
    levels: tuple[str, ...] = ()
    other: str = "keep"
    typo: str = "keep"
    nan: str = "reject"
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_null_share: float | None = None
    warn: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    score: str = ""
    owner: str = ""
    evidence: str = ""
    false_alarm_rate: float | None = None


class _RuleTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expression: str
    action: Action = Action.REJECT
    evidence: str = ""


class _UniqueTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    columns: tuple[str, ...]
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None


class _DependencyTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    determinant: tuple[str, ...]
    dependent: str
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None


class _ReferenceTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None


class _MonotoneTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    column: str
    within: tuple[str, ...] = ()
    strict: bool = False
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None


class _DistributionTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    max_distance: float
    shares: tuple[float, ...]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    action: Action = Action.WARN
    evidence: str = ""
    false_alarm_rate: float | None = None


class _BatchTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    max_age: str = ""
    window: str = "1d"
    minimum_rows: int | None = None
    maximum_rows: int | None = None
    max_repeat_share: float | None = None
    action: Action = Action.WARN
    evidence: str = ""
    false_alarm_rate: float | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    version: int
    owner: str = ""
    columns: dict[str, _ColumnTable]
    rules: dict[str, _RuleTable] = {}
    unique: dict[str, _UniqueTable] = {}
    dependencies: dict[str, _DependencyTable] = {}
    references: dict[str, _ReferenceTable] = {}
    monotone: dict[str, _MonotoneTable] = {}
    distributions: dict[str, _DistributionTable] = {}
    batch: _BatchTable = _BatchTable()


_TABLES: tuple[type[msgspec.Struct], ...] = (
    _ColumnTable,
    _RuleTable,
    _UniqueTable,
    _DependencyTable,
    _ReferenceTable,
    _MonotoneTable,
    _DistributionTable,
    _BatchTable,
    _File,
)


def from_toml(text: str) -> Contract:
    """Read a contract.

    Raises
    ------
    SettingsError
        If the text is no TOML, has an unknown key, or contradicts itself.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise SettingsError(f"the contract is no TOML: {err}", hint="Correct that line") from err
    try:
        file = msgspec.convert(tables, _File)
    except msgspec.ValidationError as err:
        raise SettingsError(f"the contract is wrong: {_located(str(err), tables)}", hint=_hint(str(err))) from err
    return Contract(
        name=file.name,
        version=file.version,
        owner=file.owner,
        columns=tuple(Column(name=name, **msgspec.structs.asdict(table)) for name, table in file.columns.items()),
        rules=tuple(Rule(name=name, **msgspec.structs.asdict(table)) for name, table in file.rules.items()),
        relations=tuple(_relations(file)),
        distributions=tuple(
            Distribution(column=name, **msgspec.structs.asdict(table)) for name, table in file.distributions.items()
        ),
        batch=Batch(**msgspec.structs.asdict(file.batch)),
    )


def _relations(file: _File) -> Iterator[Relation]:
    for section, sort in SECTIONS.items():
        for name, table in getattr(file, section).items():
            yield sort(name=name, **msgspec.structs.asdict(table))


def read_contract(path: Path) -> Contract:
    """Read the contract in the file at `path`.

    Raises
    ------
    NotFound
        If it cannot be read.
    SettingsError
        If it is no contract; names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise NotFound(
            f"cannot read the contract {path}: {err.strerror or err}",
            hint="'daytwo contract propose FILE --target COLUMN -o contract.toml' makes one",
        ) from err
    except UnicodeDecodeError as err:
        raise SettingsError(f"{path} is no text in UTF-8: {err.reason}", hint="Save the file as UTF-8") from err
    try:
        return from_toml(text)
    except SettingsError as err:
        raise SettingsError(f"{path}: {err.message}", hint=err.hint) from err


def _located(problem: str, tables: Mapping[str, Any]) -> str:
    """Put the table's name where msgspec only says `$.columns[...]`."""
    section, unnamed, _ = problem.partition("`$.")[2].partition("[...]")
    held = tables.get(section)
    if not unnamed or not isinstance(held, dict):
        return problem
    for name, table in held.items():
        try:
            msgspec.convert({"name": "", "version": 1, section: {name: table}}, _File)
        except msgspec.ValidationError as err:
            if str(err) == problem:
                return problem.replace(f"$.{section}[...]", f"{section}.{name}", 1)
    return problem


def _hint(problem: str) -> str:
    # msgspec says "Object contains unknown field `mimimum` - at `$.columns[...]`".
    if "enum value" in problem and problem.endswith(".kind`"):
        return f"A kind is one of {', '.join(Kind)}"
    known = sorted({field for table in _TABLES for field in table.__struct_fields__})
    wrong = problem.split("`")[1] if "unknown field" in problem else ""
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"The keys are {', '.join(known)}"
