"""The schemas of what the server takes and gives: a row as its contract has it, and requests and replies. Pure.

`openapi.py` next door names them by address. Our own requests and replies are told by their types, so they cannot
say anything else than what is read and sent.
"""

from __future__ import annotations

from typing import Any

import msgspec

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind
from daytwo.serving.answering.outcome_requests import (
    ACTIONS,
    MAX_TEXT_CHARACTERS,
    FeedbackRequest,
    FeedbacksRequest,
    LabelsRequest,
)
from daytwo.serving.answering.replies import Reply
from daytwo.serving.answering.requests import MAX_ID_CHARACTERS

_TYPES = {
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.CATEGORY: "string",
    Kind.TEXT: "string",
    Kind.TIME: "string",
}
_LEFT_OUT = (Role.TARGET, Role.IGNORED)
_SCHEMA = "#/components/schemas/{name}"


def row_schema(contract: Contract) -> dict[str, Any]:
    """Return the JSON schema of a row that keeps `contract` in each column; rules between columns are not said.

    Examples
    --------
    >>> trips = Contract("trips", 1, "", (Column("km", Kind.NUMBER, minimum=0.0, nullable=True),))
    >>> row_schema(trips)["properties"]
    {'km': {'type': ['number', 'null'], 'minimum': 0.0}}
    """
    columns = [column for column in contract.columns if column.role not in _LEFT_OUT]
    return {
        "type": "object",
        "title": f"A row of {contract.name}, version {contract.version}",
        "properties": {column.name: _column(column) for column in columns},
        "required": [column.name for column in columns if column.required],
    }


def schemas(contract: Contract, max_rows: int) -> dict[str, Any]:
    """Return every schema that the document names."""
    kinds = [Reply, LabelsRequest, FeedbackRequest, FeedbacksRequest]
    _, ours = msgspec.json.schema_components(kinds, schema_hook=_of_any, ref_template=_SCHEMA)
    return {**_bounded(ours), **_more(contract, max_rows)}


def reference(name: str) -> dict[str, str]:
    """Return what stands where the schema called `name` is meant."""
    return {"$ref": _SCHEMA.format(name=name)}


def _more(contract: Contract, max_rows: int) -> dict[str, Any]:
    row, identity = reference("Row"), {"type": "string", "maxLength": MAX_ID_CHARACTERS}
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": max_rows}
    error = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("code", "message", "hint", "id")},
        "required": ["code", "message", "hint", "id"],
    }
    request = {
        "type": "object",
        "properties": {
            "rows": rows,
            "request_id": identity
            | {"minLength": 1, "description": "The same request again is answered from the record"},
            "explain": {"type": "boolean", "description": "With the reasons of each score"},
            "replay_of": {"type": "array", "items": {"anyOf": [identity, {"type": "null"}]}},
        },
        "required": ["rows"],
        "additionalProperties": False,
    }
    values = {"type": "array", "items": {}}
    tensor = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"type": "string"},
            "data": values,
            "parameters": {"type": "object"},
        },
        "required": ["name", "shape", "datatype"],
    }
    inference = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": tensor, "minItems": 1},
            "outputs": {"type": "array", "items": {"type": "object"}},
            "parameters": {"type": "object"},
        },
        "required": ["inputs"],
    }
    split = {"type": "object", "properties": {"columns": values, "data": values}, "required": ["data"]}
    forms: dict[str, Any] = {"dataframe_split": split, "dataframe_records": rows, "instances": values, "inputs": {}}
    params = {"type": ["object", "null"], "properties": {"explain": {"type": "boolean"}, "request_id": identity}}
    return {
        "Row": row_schema(contract),
        "PredictRequest": {"anyOf": [request, rows, row]},
        "Inference": inference,
        "Invocation": {
            "oneOf": [
                {"type": "object", "properties": {form: schema, "params": params}, "required": [form]}
                for form, schema in forms.items()
            ]
        },
        "Error": {"type": "object", "properties": {"error": error}, "required": ["error"]},
        "FlatError": error | {"properties": {**error["properties"], "error": {"type": "string"}}},  # type: ignore[dict-item]
    }


def _column(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {"type": _TYPES[column.kind]}
    if column.nullable:
        told["type"] = [told["type"], "null"]
    limits = {
        "minimum": column.minimum,
        "maximum": column.maximum,
        "pattern": f"^(?:{column.pattern})$" if column.pattern is not None else None,
        "minLength": column.min_length,
        "maxLength": column.max_length,
        "description": _expected(column) or None,
    }
    told |= {name: limit for name, limit in limits.items() if limit is not None}
    if column.kind is Kind.TIME:
        told["description"] = "A moment in ISO 8601; without a zone it is in UTC"
        told["examples"] = ["2013-04-01T17:30:00Z"]
    elif column.levels and column.other == "reject":
        told["enum"] = [*column.levels, None] if column.nullable else list(column.levels)
    elif column.levels:
        told["examples"] = list(column.levels)
    return told


def _expected(column: Column) -> str:
    low, high = column.expected_minimum, column.expected_maximum
    sides = ([f"from {low:g}"] if low is not None else []) + ([f"to {high:g}"] if high is not None else [])
    return f"Usually {' '.join(sides)}; anything else is answered with a warning" if sides else ""


def _bounded(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas with what the readers of requests look at besides the types."""
    limits: dict[str, Any] = {
        "action": {"enum": list(ACTIONS)},
        "reason": {"maxLength": MAX_TEXT_CHARACTERS},
        "by": {"maxLength": MAX_TEXT_CHARACTERS},
        "labels": {"minItems": 1},
        "feedback": {"minItems": 1},
    } | {name: {"minLength": 1, "maxLength": MAX_ID_CHARACTERS} for name in ("request_id", "prediction_id", "key")}
    for name in ("LabelsRequest", "LabelRequest", "FeedbackRequest", "FeedbacksRequest"):
        properties = schemas[name]["properties"]
        schemas[name]["properties"] = {held: schema | limits.get(held, {}) for held, schema in properties.items()}
    return schemas


def _of_any(kind: type) -> dict[str, Any]:
    """Return the schema of what may be anything; to raise is how msgspec is told of a kind that has no schema."""
    if kind is object:
        return {"description": "Any value"}
    raise NotImplementedError(kind)
