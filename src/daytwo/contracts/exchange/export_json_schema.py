"""A contract as JSON Schema (2020-12) for the rows of a request: what a client can hold before it sends them.

Pure. The schema says what a row must be so that nothing has to be mended; the server also takes what a repair mends,
and it alone judges row rules. What only warns is not in it.
"""

from __future__ import annotations

from typing import Any

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind

_TYPES = {
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.CATEGORY: "string",
    Kind.TEXT: "string",
    Kind.TIME: "string",
}


def json_schema(contract: Contract) -> dict[str, Any]:
    """Return the schema of a request's body: a row, a list of rows, or an object around a list of rows.

    Examples
    --------
    >>> contract = Contract("trips", 1, "", (Column("km", Kind.NUMBER, minimum=0.0),))
    >>> json_schema(contract)["$defs"]["row"]["properties"]["km"]
    {'type': 'number', 'minimum': 0.0}
    """
    columns = [column for column in contract.columns if column.is_checked and column.role is not Role.TARGET]
    row = {
        "type": "object",
        "properties": {column.name: _property(column) for column in columns},
        "required": [column.name for column in columns if column.required and not _has_default(column)],
    }
    rows = {"type": "array", "items": {"$ref": "#/$defs/row"}}
    wrapped = {"type": "object", "properties": {"rows": rows}, "required": ["rows"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Rows for {contract.name}, contract version {contract.version}",
        "$comment": f"contract {contract.digest}",
        "anyOf": [wrapped, rows, {"$ref": "#/$defs/row"}],
        "$defs": {"row": row},
    }


def whole_text(pattern: str) -> str:
    """Return a pattern that is found only where `pattern` matches a whole text; JSON Schema and ODCS search.

    Examples
    --------
    >>> whole_text("a|b")
    '^(?:a|b)$'
    """
    return f"^(?:{pattern})$" if "|" in pattern else f"^{pattern}$"


def _has_default(column: Column) -> bool:
    return any(repair.name == "default" for repair in column.repairs)


def _property(column: Column) -> dict[str, Any]:
    kind = _TYPES[column.kind]
    optional = column.nullable or _has_default(column)
    said: dict[str, Any] = {"type": [kind, "null"] if optional else kind}
    if column.evidence:
        said["description"] = column.evidence
    if "between" not in column.warn:
        said |= _set(minimum=column.minimum, maximum=column.maximum)
    if "length" not in column.warn:
        said |= _set(minLength=column.min_length, maxLength=column.max_length)
    if column.pattern is not None and "match_regex" not in column.warn:
        said["pattern"] = whole_text(column.pattern)
    if column.kind is Kind.TIME:
        said["format"] = "date-time"
    if column.kind is Kind.CATEGORY and column.levels and column.other == "reject":
        said["enum"] = [*column.levels, None] if optional else list(column.levels)
    elif column.levels:
        said["examples"] = list(column.levels)
    return said


def _set(**held: float | None) -> dict[str, float]:
    return {key: value for key, value in held.items() if value is not None}
