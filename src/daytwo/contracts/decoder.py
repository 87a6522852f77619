"""One request row through its contract: the verdict, every reason, and the features, in a few microseconds.

A contract is compiled once into a straight-line Python function, one short test a column for the usual good value.
Whatever fails that test goes to the column's judge in `judge.py`, which names every failure, and is mended where the
column has repairs (`mend.py`). The other compilation of the same contract is `columnar.py`; a property test holds
that both agree.

Nothing of a client is ever compiled: the source is made of the contract's column positions and its numeric limits;
names, levels and patterns reach it as values.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Mapping
from typing import Any

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import FLOAT32_MAX, Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.judge import MISSING, judge_of, sound_levels, unknown_fields
from daytwo.contracts.mend import mending_judge
from daytwo.contracts.rules import RowRule, row_rules, rule_values
from daytwo.core.schema import Kind, Schema

Verdict = tuple[list[float] | None, tuple[Breach, ...]]
_Lines = list[str]


class Decoder:
    """Checks rows against one contract. `schema` names the features it returns.

    `check` judges one row. It returns the row's features, shape (d,), Python floats that float32 holds exactly, or
    None where the row is rejected; and every breach, warnings and mended values included. The target is never asked
    for.
    """

    def __init__(self, contract: Contract, check: Callable[[Mapping[str, object]], Verdict], source: str) -> None:
        self.contract = contract
        self.schema: Schema = contract.features
        self.check = check
        self.source = source


def compile_decoder(contract: Contract) -> Decoder:
    """Compile `contract` for single rows.

    Examples
    --------
    >>> from daytwo.contracts.column import Column
    >>> decoder = compile_decoder(Contract("trips", 1, "", (Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0),)))
    >>> decoder.check({"km": 12.5})
    ([12.5], ())
    >>> decoder.check({"km": "12.5"})[1][0].message
    'km must be a number'
    """
    columns = [c for c in contract.columns if c.is_checked and c.role is not Role.TARGET]
    rules = row_rules(contract, [c.name for c in columns])
    scope = _scope(contract, columns, rules)
    source = "\n".join(["def check(row):", *(f"    {line}" for line in _body(columns, rules))])
    exec(compile(source, f"<contract {contract.name}>", "exec"), scope)  # noqa: S102  made of positions and limits only
    return Decoder(contract, scope["check"], source)


def _features(i: int, column: Column) -> list[str]:
    if column.role is not Role.FEATURE:
        return []
    return [f"x{i}", f"d{i}"] if column.imputed_name else [f"x{i}"]


def _is_rounded(column: Column) -> bool:
    """Whether a feature may be more exact than float32; codes, truths and flags are whole and small."""
    return column.role is Role.FEATURE and column.is_numeric


def _fetch(names: list[str]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    """Return what takes the values of `names` from a row, in order; it raises KeyError where one is not there."""
    if len(names) > 1:
        return operator.itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


def _scope(contract: Contract, columns: list[Column], rules: tuple[RowRule, ...]) -> dict[str, Any]:
    float32 = struct.Struct(f"{sum(map(_is_rounded, columns))}f")
    scope: dict[str, Any] = {
        "MISSING": MISSING,
        "NAN": math.nan,
        "REJECT": Action.REJECT,
        "NAMES": tuple(column.name for column in columns),
        "fetch": _fetch([column.name for column in columns]),
        "FIELDS": sum(column.required for column in columns),
        "KNOWN": frozenset(column.name for column in contract.columns),
        "unknown_fields": unknown_fields,
        "pack": float32.pack,
        "unpack": float32.unpack,
    }
    for i, column in enumerate(columns):
        scope[f"j{i}"] = mending_judge(column) if column.repair else judge_of(column)
        if column.levels:
            codes = {level: float(code) for code, level in enumerate(column.levels)}
            scope[f"code{i}"] = codes.get
            scope[f"good{i}"] = {level: codes[level] for level in sound_levels(column)}.get
    for i, rule in enumerate(rules):
        scope[f"holds{i}"], scope[f"broken{i}"] = rule.holds, rule.breach
    return scope


def _body(columns: list[Column], rules: tuple[RowRule, ...]) -> _Lines:
    """Return the lines of the function: v0, v1 ... are the values, x0, x1 ... their features, d0 ... the defaults'."""
    position = {column.name: i for i, column in enumerate(columns)}
    features = [name for i, column in enumerate(columns) for name in _features(i, column)]
    rounded = "".join(f"x{i}, " for i, column in enumerate(columns) if _is_rounded(column))
    return [
        "out = []",
        "try:",
        f"    {''.join(f'v{i}, ' for i in position.values())} = fetch(row)",
        "except KeyError:",
        f"    {''.join(f'v{i}, ' for i in position.values())} = [row.get(name, MISSING) for name in NAMES]",
        *(line for i, column in enumerate(columns) for line in _COLUMN_LINES[column.kind](i, column)),
        *(
            line
            for i, rule in enumerate(rules)
            for line in _rule_lines(i, rule, [f"v{position[c]}" for c in rule.columns])
        ),
        "if out or len(row) != FIELDS:",
        "    unknown_fields(row, KNOWN, out)",
        "    for breach in out:",
        "        if breach.action is REJECT:",
        "            return None, tuple(out)",
        *([f"{rounded} = unpack(pack({rounded}))"] if rounded else []),
        f"return [{', '.join(features)}], tuple(out) if out else ()",
    ]


def _rule_lines(i: int, rule: RowRule, values: list[str]) -> _Lines:
    there = " and ".join(f"{value} is not None" for value in values)
    return [f"if {there} and not holds{i}({rule_values(rule, values)}):", f"    out.append(broken{i})"]


def usual_range(column: Column) -> tuple[float, float]:
    """Return the least and the largest number of which neither the hard nor the expected range has anything to say."""
    lows = [low for low in (column.minimum, column.expected_minimum) if low is not None]
    highs = [high for high in (column.maximum, column.expected_maximum) if high is not None]
    if column.kind is Kind.NUMBER:
        return float(max([-FLOAT32_MAX, *lows])), float(min([FLOAT32_MAX, *highs]))
    # 64-bit limits of a whole number are the judge's business; 2**53 is where every integer is still a float.
    return math.ceil(max([-(1 << 53), *lows])), math.floor(min([1 << 53, *highs]))


def _number_lines(i: int, column: Column) -> _Lines:
    kinds = f"(v{i}.__class__ is float or v{i}.__class__ is int)"
    kinds = kinds if column.kind is Kind.NUMBER else f"v{i}.__class__ is int"
    low, high = usual_range(column)
    return [
        *_usual_lines(i, column, f"{kinds} and {low!r} <= v{i} and v{i} <= {high!r}", f"x{i} = v{i}"),
        f"    x{i} = NAN if v{i} is None else v{i}",
    ]


def _boolean_lines(i: int, column: Column) -> _Lines:
    return [
        *_usual_lines(i, column, f"v{i} is True or v{i} is False", f"x{i} = 1.0 if v{i} else 0.0"),
        f"    x{i} = NAN if v{i} is None else float(v{i})",
    ]


def _category_lines(i: int, column: Column) -> _Lines:
    if not column.levels:
        return _text_lines(i, column)
    return [
        f"x{i} = good{i}(v{i}) if v{i}.__class__ is str else None",
        *_usual_lines(i, column, f"x{i} is not None", "pass"),
        f"    x{i} = NAN if v{i} is None else code{i}(v{i}, {float(len(column.levels))!r})",
    ]


def _text_lines(i: int, column: Column) -> _Lines:
    if column.pattern is not None:
        return [_judged_line(i, column)]  # a pattern costs more than the judge's call: it is matched once
    tests = [f"v{i}.__class__ is str"]
    if column.min_length is not None:
        tests.append(f"len(v{i}) >= {column.min_length}")
    if column.max_length is not None:
        tests.append(f"len(v{i}) <= {column.max_length}")
    return _usual_lines(i, column, " and ".join(tests), "pass")


def _time_lines(i: int, column: Column) -> _Lines:
    return [_judged_line(i, column)]  # read once, good or not


def _usual_lines(i: int, column: Column, test: str, taken: str) -> _Lines:
    """Return the lines that take a value which passes `test`, and those that hand any other to its judge."""
    imputed = [f"    d{i} = 0.0"] if column.imputed_name else []
    missing = [f"elif v{i} is None:", f"    x{i} = NAN"] if column.nullable else []
    return [f"if {test}:", f"    {taken}", *imputed, *missing, "else:", f"    {_judged_line(i, column)}"]


def _judged_line(i: int, column: Column) -> str:
    return f"v{i}, d{i} = j{i}(v{i}, out)" if column.repair else f"v{i} = j{i}(v{i}, out)"


_COLUMN_LINES: Mapping[Kind, Callable[[int, Column], _Lines]] = {
    Kind.NUMBER: _number_lines,
    Kind.INTEGER: _number_lines,
    Kind.BOOLEAN: _boolean_lines,
    Kind.CATEGORY: _category_lines,
    Kind.TEXT: _text_lines,
    Kind.TIME: _time_lines,
}
