"""One request row read and checked in one go: the JSON reader's own types are most of the contract.

A contract becomes a generated `msgspec` Struct, so that a plainly good row never becomes a dict. This door only ever
says yes: whatever it does not take (a wrong value, a warning, a repair, a field it does not know) goes as a dict
through `decoder.py`, which names everything. A property test holds that it takes nothing of which the decoder has
anything to say, and that the features are the same to the bit.

Fields and functions are named by the columns' positions; names, levels and patterns reach them as values.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.narrow import Narrow, is_judged, taken_levels, taken_range
from daytwo.contracts.rules import RowRule, row_rules, rule_values
from daytwo.contracts.times import parse_time
from daytwo.core.errors import NotFound
from daytwo.core.schema import Kind

# A row as this door reads it: an instance of `TypedRows.row_type`, whose fields only the functions beside it know.
TypedRow = Any


_AS_ALLOWED = Narrow()
_NOTHING_NARROWER: Mapping[str, Narrow] = {}


@dataclass(frozen=True, slots=True)
class TypedRows:
    """The fast door of one contract.

    `row_type` is what a JSON decoder reads rows as; a `msgspec.DecodeError` means that a row is not plainly good.
    `packed` gives the features of a row that was read, float32 in the machine's own order, d of them; `features` the
    same as Python floats, shape (d,), as `Decoder.check` returns them. Both give None where the row is not plainly
    good after all: then ask the decoder about `as_dict(row)`, which is the row as a plain decode gives it, in the
    contract's order. `keys` counts the keys that rows bear, `getter` makes what takes single columns.
    """

    row_type: type[msgspec.Struct]
    packed: Callable[[TypedRow], bytes | None]
    features: Callable[[TypedRow], list[float] | None]
    as_dict: Callable[[TypedRow], dict[str, object]]
    keys: Callable[[Sequence[TypedRow]], int]
    _values: dict[str, str]

    def getter(self, *names: str) -> Callable[[TypedRow], Any]:
        """Return what takes these columns of a row: the value, or a tuple of several; None where one is not there.

        Raises
        ------
        NotFound
            If the contract has no such column.
        """
        for name in names:
            if name not in self._values:
                raise NotFound(f"the contract has no column {name!r}", hint=f"Its columns: {', '.join(self._values)}")
        values = [self._values[name] for name in names]
        found = values[0] if len(values) == 1 else f"({''.join(f'{value}, ' for value in values)})"
        take: Callable[[TypedRow], Any] = _function([f"return {found}"], {})
        return take


def compile_typed(contract: Contract, narrow: Mapping[str, Narrow] = _NOTHING_NARROWER) -> TypedRows | None:
    """Compile `contract` for rows that are good; None where a name is one that the JSON reader cannot look for.

    `narrow` leaves more to the decoder than the contract asks for, by feature.

    Examples
    --------
    >>> typed = compile_typed(Contract("trips", 1, "", (Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0),)))
    >>> row = msgspec.json.decode(b'{"km": 12.5}', type=typed.row_type)
    >>> typed.features(row), typed.as_dict(row), typed.getter("km")(row)
    ([12.5], {'km': 12.5}, 12.5)
    """
    fields = [_Field(i, column, narrow.get(column.name, _AS_ALLOWED)) for i, column in enumerate(contract.columns)]
    try:
        row_type = msgspec.defstruct(
            "Row",
            [field.declared() for field in fields],
            rename={field.name: field.column.name for field in fields},
            gc=False,  # a row holds what JSON holds: no circles
            kw_only=True,
            forbid_unknown_fields=True,
        )
    except ValueError:  # a name with a quote, a backslash, a control character or half a character
        return None
    checked = [field for field in fields if field.is_checked]
    rules = row_rules(contract, [field.column.name for field in checked])
    scope = _scope(checked, rules, len(contract.features.features))
    judged = [*(line for field in checked for line in field.tests()), *_rule_lines(checked, rules)]
    packed = f"pack({', '.join(value for field in checked for value in field.features())})"
    return TypedRows(
        row_type,
        packed=_function([*judged, f"return {packed}"], scope),
        features=_function([*judged, f"return [*unpack({packed})]"], scope),
        as_dict=_as_dict(fields),
        keys=_keys(fields),
        _values={field.column.name: field.value for field in fields},
    )


class _Level(float, Enum):
    """A level as the JSON reader finds it: a text by its `_value_`, its code by what it is."""

    def __new__(cls, text: str, code: float) -> _Level:
        made = float.__new__(cls, code)
        made._value_ = text
        return made


@dataclass(frozen=True, slots=True)
class _Field:
    """One column in the generated code: its field, its type, and what reads and tests it."""

    i: int
    column: Column
    narrow: Narrow

    @property
    def name(self) -> str:
        return f"f{self.i}"

    @property
    def raw(self) -> str:
        return f"row.f{self.i}"

    @property
    def is_checked(self) -> bool:
        return is_judged(self.column)

    @property
    def may_be_absent(self) -> bool:
        return not (self.is_checked and (self.column.required or not self.narrow.missing))

    @property
    def may_be_missing(self) -> bool:
        return self.may_be_absent or self.may_be_null

    @property
    def may_be_null(self) -> bool:
        return self.column.nullable and self.narrow.missing

    @property
    def is_there(self) -> str:
        return f"{self.raw} is not None and {self.raw} is not UNSET"

    @property
    def is_coded(self) -> bool:
        return self.is_checked and self.column.kind is Kind.CATEGORY and self.column.role is Role.FEATURE

    @property
    def value(self) -> str:
        """The value as a dict would hold it, None where it is not there."""
        found = f"{self.raw}._value_" if self.is_coded else self.raw
        return f"({found} if {self.is_there} else None)" if self.may_be_missing else found

    def declared(self) -> tuple[Any, ...]:
        """Return the field as `msgspec.defstruct` takes it."""
        kind = _type_of(self.column, self.narrow) if self.is_checked else Any
        if self.may_be_null:
            kind |= None
        return (self.name, kind | UnsetType, UNSET) if self.may_be_absent else (self.name, kind)

    def tests(self) -> list[str]:
        """Return the lines that test what a type cannot say."""
        there = f"{self.raw}.__class__ is str and " if self.may_be_missing else ""
        lines = []
        if self.column.kind is Kind.TIME:
            lines += [f"if {there}moment({self.raw}) is None:", "    return None"]
        elif self.column.pattern is not None and not self.column.levels:
            lines += [f"if {there}fits{self.i}({self.raw}) is None:", "    return None"]
        return lines

    def features(self) -> list[str]:
        """Return the features of the column, numbers and what `struct` takes for one."""
        if self.column.role is not Role.FEATURE:
            return []
        found = self.raw
        if self.may_be_missing:
            found = f"{self.raw} if {self.is_there} else NAN"
        return [found, "0.0"] if self.column.imputed_name else [found]


def _type_of(column: Column, narrow: Narrow) -> Any:
    """Return the type of the column's usual values."""
    match column.kind:
        case Kind.BOOLEAN:
            return bool
        case Kind.INTEGER:
            low, high = taken_range(column, narrow)
            return Annotated[int, _between(math.ceil(low), math.floor(high))]
        case Kind.NUMBER:
            low, high = taken_range(column, narrow)
            whole = _between(math.ceil(max(low, -_EXACT)), math.floor(min(high, _EXACT)))
            return Annotated[float, _between(low, high)] | Annotated[int, whole]
        case Kind.CATEGORY if column.levels:
            return _levels_type(column, narrow)
        case Kind.TIME:
            return str
        case _:
            lengths = Meta(min_length=column.min_length, max_length=column.max_length)
            return Annotated[str, lengths]


# Whole numbers beyond this are left to the decoder: as floats they are others.
_EXACT = 1 << 53


def _between(low: float, high: float) -> Meta:
    return Meta(ge=low, le=high)


def _levels_type(column: Column, narrow: Narrow) -> Any:
    codes = taken_levels(column, narrow)
    if not codes:
        return Annotated[int, Meta(ge=1, le=0)]  # nothing at all
    if column.role is not Role.FEATURE:
        return Literal[tuple(codes)]
    make: Any = _Level
    return make("Level", [(f"level_{int(codes[level])}", (level, codes[level])) for level in codes])


def _scope(checked: Sequence[_Field], rules: Sequence[RowRule], width: int) -> dict[str, Any]:
    float32 = struct.Struct(f"{width}f")
    scope: dict[str, Any] = {"pack": float32.pack, "unpack": float32.unpack, "moment": parse_time, "NAN": math.nan}
    for field in checked:
        if field.column.pattern is not None:
            scope[f"fits{field.i}"] = re.compile(field.column.pattern).fullmatch
    return scope | {f"holds{i}": rule.holds for i, rule in enumerate(rules)}


def _rule_lines(checked: Sequence[_Field], rules: Sequence[RowRule]) -> list[str]:
    fields = {field.column.name: field for field in checked}
    read = {name: fields[name] for rule in rules for name in rule.columns}
    lines = []
    for field in read.values():
        value = f"moment({field.raw})" if field.column.kind is Kind.TIME else field.value
        lines.append(f"v{field.i} = {value}")
    for i, rule in enumerate(rules):
        values = [fields[name] for name in rule.columns]
        there = "".join(f"v{field.i} is not None and " for field in values if field.may_be_missing)
        given = rule_values(rule, [f"v{field.i}" for field in values])
        lines += [f"if {there}not holds{i}({given}):", "    return None"]
    return lines


def _as_dict(fields: Sequence[_Field]) -> Callable[[TypedRow], dict[str, object]]:
    scope = {f"n{field.i}": field.column.name for field in fields}
    always = ", ".join(f"n{field.i}: {field.value}" for field in fields if not field.may_be_absent)
    lines = [f"held = {{{always}}}"]
    for field in fields:
        if field.may_be_absent:
            lines += [f"if {field.raw} is not UNSET:", f"    held[n{field.i}] = {field.value}"]
    held: Callable[[TypedRow], dict[str, object]] = _function([*lines, "return held"], scope)
    return held


def _keys(fields: Sequence[_Field]) -> Callable[[Sequence[TypedRow]], int]:
    """Return what counts the keys of rows; where every column must be there, without looking at them."""
    doubtful = [field for field in fields if field.may_be_absent]
    if not doubtful:
        return lambda rows: len(fields) * len(rows)
    absent = " + ".join(f"({field.raw} is UNSET)" for field in doubtful)
    counted: Callable[[Sequence[TypedRow]], int] = _function(
        [f"return len(rows) * {len(fields)} - sum([{absent} for row in rows])"], {}, "rows"
    )
    return counted


def _function(lines: Sequence[str], scope: dict[str, Any], argument: str = "row") -> Any:
    """Return a function of generated lines."""
    made = {"UNSET": UNSET, **scope}
    source = "\n".join([f"def made({argument}):", *(f"    {line}" for line in lines)])
    exec(compile(source, "<typed rows>", "exec"), made)  # noqa: S102  made of positions only
    return made["made"]
