"""What the server takes and gives, in the words of OpenAPI 3.1, made of the contract of the version that answers. Pure.

`Row` is a row that the model answers: types, ranges and levels are those that reject. A row that is none of these is
answered all the same, with status 200, by the fallback and with its reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

from daytwo.contracts.contract import Contract
from daytwo.serving.answering.requests import MAX_ID_CHARACTERS
from daytwo.serving.dialects.schemas import reference, schemas

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
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": f"daytwo: {model}",
            "version": digest[:_SHORT_DIGEST],
            "description": f"Served by daytwo {installed('daytwo')}; the version is that of the model.",
        },
        "paths": {path: _path(path, address) for path, address in _addresses(model).items()},
        "components": {"schemas": schemas(contract, max_rows)},
    }
    if secured:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _addresses(model: str) -> dict[str, _Address]:
    anything = {"type": "object"}
    recorded = {"type": "object", "properties": {"recorded": {"type": "integer"}}, "required": ["recorded"]}
    either = {"anyOf": [_schema("FeedbackRequest"), _schema("FeedbacksRequest")]}
    about = f"/v2/models/{model}"
    health = _Address("get", "Whether a version is loaded and predictions can be recorded", anything, errors=_OPEN)
    one = ("prediction_id",)
    told = {
        "/predict": _Address(
            "post", "Answer rows, and record them first", "Reply", "PredictRequest", (*_ALWAYS, 409, 422)
        ),
        "/labels": _Address("post", "Say what came true", recorded, "LabelsRequest", (*_ALWAYS, 409, 422)),
        "/feedback": _Address(
            "post", "Say what a person did with a prediction", recorded, either, (*_ALWAYS, 409, 422)
        ),
        "/predictions/{prediction_id}": _Address(
            "get", "What was answered lately, and to which row", anything, None, (*_ALWAYS, 404, 409), one
        ),
        "/predictions/{prediction_id}/explanation": _Address(
            "get", "Why a recent prediction is what it is", anything, None, (*_ALWAYS, 404, 409), one
        ),
        "/predictions/{prediction_id}/change": _Address(
            "get", "What would turn the decision on a recent row", anything, None, (*_ALWAYS, 404, 409), one
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
    return reference(told) if isinstance(told, str) else told
