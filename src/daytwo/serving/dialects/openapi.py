"""What the server takes and gives, in the words of OpenAPI 3.1, made of the contract of the version that answers. Pure.

`Row` is a row that the model answers: types, ranges and levels are those that reject. A row that is none of these is
answered all the same, with status 200, by the fallback and with its reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

import msgspec

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind
from daytwo.serving.answering.outcome_requests import FeedbackRequest, LabelsRequest
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
_SHORT_DIGEST = 12
_MEANINGS = {
    400: "It is no such request; the code says in which way",
    401: "The token is missing or wrong",
    403: "This may not be asked",
    404: "There is no such thing",
    405: "The address takes another method",
    408: "The request came too slowly",
    409: "The request_id was used for other content, or the version cannot answer",
    413: "The body is too large, or has too many rows",
    415: "The body is of another type",
    422: "There are no rows, or an id or a label that cannot be one",
    429: "This token has asked for too much; Retry-After says when to ask again",
    431: "The head is too large",
    500: "A bug of daytwo; its log has more under the id",
    503: "Nothing is loaded, too many are waiting, or it cannot be recorded; Retry-After says when to ask again",
}
_ALWAYS = (400, 401, 403, 405, 408, 413, 415, 429, 431, 500, 503)
# Health is told to everybody, from the memory of the process.
_OPEN = (400, 403, 405, 408, 413, 415, 431, 500, 503)


@dataclass(frozen=True, slots=True)
class _Address:
    """One address: what it is for, and the schemas of what it takes and gives (a name, or the schema itself)."""

    method: str
    summary: str
    gives: str | Mapping[str, Any]
    takes: str | Mapping[str, Any] | None = None
    errors: tuple[int, ...] = _ALWAYS
    parameters: tuple[str, ...] = ()
    text: bool = False
    also: tuple[str, ...] = ()


def openapi(contract: Contract, model: str, digest: str, *, max_rows: int, secured: bool) -> dict[str, Any]:
    """Return the document of a server whose `model` has this contract; `secured` tells that it asks for tokens."""
    kinds = [Reply, LabelsRequest, FeedbackRequest]
    _, schemas = msgspec.json.schema_components(kinds, schema_hook=_of_any, ref_template=_SCHEMA)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": f"daytwo: {model}",
            "version": digest[:_SHORT_DIGEST],
            "description": f"Served by daytwo {installed('daytwo')}; the version is that of the model.",
        },
        "paths": {path: _path(path, address) for path, address in _addresses(model).items()},
        "components": {"schemas": {**schemas, **_schemas(contract, max_rows)}},
    }
    if secured:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


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


def _schemas(contract: Contract, max_rows: int) -> dict[str, Any]:
    row, identity = {"$ref": _SCHEMA.format(name="Row")}, {"type": "string", "maxLength": MAX_ID_CHARACTERS}
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


def _addresses(model: str) -> dict[str, _Address]:
    anything = {"type": "object"}
    recorded = {"type": "object", "properties": {"recorded": {"type": "integer"}}, "required": ["recorded"]}
    about = f"/v2/models/{model}"
    health = _Address("get", "Whether a version is loaded and predictions can be recorded", anything, errors=_OPEN)
    one = ("prediction_id",)
    told = {
        "/predict": _Address(
            "post", "Answer rows, and record them first", "Reply", "PredictRequest", (*_ALWAYS, 409, 422)
        ),
        "/labels": _Address("post", "Say what came true", recorded, "LabelsRequest", (*_ALWAYS, 409, 422)),
        "/feedback": _Address(
            "post", "Say what a person did with a prediction", recorded, "FeedbackRequest", (*_ALWAYS, 422)
        ),
        "/predictions/{prediction_id}": _Address(
            "get", "What was answered lately, and to which row", anything, None, (*_ALWAYS, 404, 409), one
        ),
        "/predictions/{prediction_id}/explanation": _Address(
            "get", "Why a recent prediction is what it is", anything, None, (*_ALWAYS, 404, 409), one
        ),
        "/route": _Address("get", "Which versions answer", anything),
        "/openapi.json": _Address("get", "This document", anything),
        "/metrics": _Address("get", "Everything counted, as Prometheus' text", {"type": "string"}, text=True),
        "/version": _Address("get", "daytwo's version", {"type": "string"}, text=True),
        "/admin/rotate": _Address("post", "Seal the journal's segment", anything),
        "/invocations": _Address(
            "post",
            "Answer rows as MLflow's clients send them",
            anything,
            "Invocation",
            (*_ALWAYS, 409, 422),
            also=("text/csv",),
        ),
        "/ping": health,
        "/health": health,
        "/v2/health/ready": health,
        "/v2/health/live": _Address("get", "The process answers", anything, errors=_OPEN),
        "/v2": _Address("get", "The server, as the Open Inference Protocol tells it", anything),
        "/v2/repository/index": _Address("post", "The versions that are loaded", {"type": "array"}),
        "/v2/models/stats": _Address("get", "Statistics of all versions", anything),
        about: _Address("get", "Inputs and outputs of the model", anything, errors=(*_ALWAYS, 404)),
        f"{about}/infer": _Address(
            "post",
            "Answer tensors",
            anything,
            "Inference",
            (*_ALWAYS, 404, 409, 422),
            also=("application/octet-stream",),
        ),
    }
    parts = {"ready": "Whether it answers", "config": "Its configuration", "stats": "Its statistics"}
    for part, summary in parts.items():
        told[f"{about}/{part}"] = _Address("get", summary, anything, errors=(*_ALWAYS, 404))
    return told


def _of_any(kind: type) -> dict[str, Any]:
    """Return the schema of what may be anything; msgspec knows all other kinds itself."""
    if kind is object:
        return {"description": "Any value"}
    raise NotImplementedError(kind)


def _path(path: str, address: _Address) -> dict[str, Any]:
    error = "FlatError" if path.startswith("/v2") and "/health/" not in path else "Error"
    kind = "text/plain" if address.text else "application/json"
    operation: dict[str, Any] = {
        "summary": address.summary,
        "operationId": f"{address.method} {path}",
        "responses": {
            "200": {"description": "Done", "content": {kind: {"schema": _schema(address.gives)}}},
            **{
                str(status): {
                    "description": _MEANINGS[status],
                    "content": {"application/json": {"schema": _schema(error)}},
                }
                for status in sorted(address.errors)
            },
        },
    }
    if address.errors is _OPEN:
        operation["security"] = []
        operation["responses"]["503"]["content"]["application/json"]["schema"] = {"type": "object"}
    if address.takes is not None:
        content = {"application/json": {"schema": _schema(address.takes)}, **{kind: {} for kind in address.also}}
        operation["requestBody"] = {"required": True, "content": content}
    if address.parameters:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": MAX_ID_CHARACTERS}}
            for name in address.parameters
        ]
    return {address.method: operation}


def _schema(told: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"$ref": _SCHEMA.format(name=told)} if isinstance(told, str) else told
