"""The addresses of the Open Inference Protocol v2, and those that Triton's client asks besides.

`tensors.py` reads and writes what is sent; rows are answered and recorded as those of `/predict` are. A version is
named by its digest or the first characters of it. Whoever names one is answered by it alone, whatever it is, and that
is no traffic of the model's. Which versions are loaded is the route's business, never a client's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version as installed
from typing import Protocol
from urllib.parse import unquote

import msgspec

from daytwo.contracts.column import Column, Role
from daytwo.core.errors import DaytwoError
from daytwo.core.schema import Kind
from daytwo.serving.addresses import ABOUT, INFER
from daytwo.serving.answering.live import Live, Version
from daytwo.serving.answering.replies import Answer, Reply
from daytwo.serving.answering.requests import PredictRequest, read_rows_of
from daytwo.serving.dialects.datatypes import Output
from daytwo.serving.dialects.tensors import read_inference, write_inference
from daytwo.serving.metrics import SECONDS, Metrics
from daytwo.serving.transport.messages import HttpError, Request, Response, ok

_EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
_FORMS = {Kind.NUMBER: "FP64", Kind.INTEGER: "INT64", Kind.BOOLEAN: "BOOL"}
_OUTPUTS = {
    "score": "FP64",
    "interval_low": "FP64",
    "interval_high": "FP64",
    "act": "BOOL",
    "gain": "FP64",
    "prediction_id": "BYTES",
    "version": "BYTES",
    "arm": "BYTES",
    "breaches": "BYTES",
    "warnings": "BYTES",
    "reasons": "BYTES",
}
# Outputs whose values are JSON texts, empty where there is nothing to tell.
_INTERVAL = ("interval_low", "interval_high")
_TOLD = ("breaches", "warnings", "reasons")
OF_PROTOCOL = frozenset((INFER, ABOUT))
_LENGTH = b"inference-header-content-length"
# Digits: no body is longer than a number of so many.
_LONGEST_LENGTH = 18
_SHOWN_DIGEST = 12


class Asked(Protocol):
    """One model that can be asked."""

    def live(self) -> Live:
        """Return what answers right now; raises HttpError 503 where nothing is loaded."""
        ...

    def predict_rows(self, asked: PredictRequest, named: Version | None = None) -> Reply:
        """Answer rows, by one version alone if it is `named`."""
        ...


class OpenInference:
    """Answers `/v2` and everything below it but the health of the server, for the `models` by their names."""

    def __init__(self, models: Mapping[str, Asked], max_rows: int, metrics: Metrics) -> None:
        self._models, self._max_rows, self._metrics = models, max_rows, metrics
        self._first = next(iter(models))

    def handle(self, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        HttpError
            404 for what is not there, 405 for another method, 503 for a model of which nothing is loaded.
        """
        match [unquote(part) for part in request.path.rstrip("/").split("/")[2:]]:
            case []:
                _must(request, "GET")
                return ok({"name": "daytwo", "version": installed("daytwo"), "extensions": _EXTENSIONS})
            case ["repository", "index"]:
                _must(request, "POST")
                return ok([line for name in self._models for line in self._index(name)])
            case ["repository", "models", _, "load" | "unload"]:
                raise HttpError(
                    403,
                    "repository",
                    "models are loaded and unloaded by releases, not by clients",
                    hint="Use `daytwo promote` and `daytwo rollback`",
                )
            case ["models", "stats"] if "stats" not in self._models:
                _must(request, "GET")
                held = [(name, one) for name, asked in self._models.items() for one in asked.live().held]
                return ok({"model_stats": [self._stats(name, one) for name, one in held]})
            case ["models", name, *rest]:
                if name not in self._models:
                    known = ", ".join(map(repr, self._models))
                    raise _missing(f"there is no model {name!r:.80}", f"This server has {known}")
                return self._of_model(request, name, self._models[name].live(), rest)
        raise _missing(f"there is nothing at {request.path!r:.80}", f"/v2/models/{self._first} is there")

    def _of_model(self, request: Request, name: str, live: Live, rest: list[str]) -> Response:
        named = None
        if rest[:1] == ["versions"] and len(rest) > 1:
            named, rest = live.named(rest[1]), rest[2:]
        version = named or live.champion
        _must(request, "POST" if rest == ["infer"] else "GET")
        match rest:
            case ["infer"]:
                return self._infer(request, name, live, named)
            case ["ready"]:
                return ok({"name": name, "ready": True})
            case ["config"]:
                return ok(self._config(name, version))
            case ["stats"]:
                return ok({"model_stats": [self._stats(name, version)]})
            case []:
                return ok(self._metadata(name, live, version))
        raise _missing(f"there is nothing at {request.path!r:.80}", f"/v2/models/{name}/infer is there")

    def _infer(self, request: Request, name: str, live: Live, named: Version | None) -> Response:
        version = named or live.champion
        length = request.headers.get(_LENGTH)
        if length is not None and not (length.isdigit() and len(length) <= _LONGEST_LENGTH):
            raise HttpError(400, "inference", "Inference-Header-Content-Length is no number", hint="Correct it")
        asked = read_inference(request.body, None if length is None else int(length), _matrix(version), self._max_rows)
        text = msgspec.json.encode(asked.rows)
        read = read_rows_of(text, self._max_rows, request_id=asked.request_id)
        reply = self._models[name].predict_rows(replace(read, explain=asked.explain), named)
        outputs = list(_outputs(reply.predictions, version, explain=asked.explain))
        body, head = write_inference(
            asked,
            outputs,
            model=name,
            version=version.digest[:_SHOWN_DIGEST],
            identity=asked.identity or reply.request_id,
        )
        if head is None:
            return Response(200, body)
        return Response(200, body, b"application/octet-stream", headers=((_LENGTH, b"%d" % head),))

    def _metadata(self, name: str, live: Live, version: Version) -> dict[str, object]:
        return {
            "name": name,
            "versions": [one.digest[:_SHOWN_DIGEST] for one in live.held],
            "platform": "daytwo",
            "inputs": [
                {"name": column.name, "datatype": _form(column), "shape": [-1, 1]} for column in _inputs(version)
            ],
            "outputs": [{"name": name, "datatype": form, "shape": [-1]} for name, form in _wanted(version)],
        }

    def _config(self, name: str, version: Version) -> dict[str, object]:
        return {
            "name": name,
            "platform": "daytwo",
            "backend": "daytwo",
            "max_batch_size": self._max_rows,
            "input": [
                {"name": column.name, "data_type": f"TYPE_{_triton(_form(column))}", "dims": [1]}
                for column in _inputs(version)
            ],
            "output": [
                {"name": name, "data_type": f"TYPE_{_triton(form)}", "dims": [1]} for name, form in _wanted(version)
            ],
        }

    def _stats(self, name: str, version: Version) -> dict[str, object]:
        shown = version.digest[:_SHOWN_DIGEST]
        rows = self._metrics.total("daytwo_predictions_total", ("model", name), ("version", shown))
        path = ("path", INFER)
        seconds = self._metrics.histogram("daytwo_request_seconds", (path,), SECONDS)
        good = int(self._metrics.total("daytwo_requests_total", path, ("status", "200")))
        return {
            "name": name,
            "version": shown,
            "inference_count": int(rows),
            "execution_count": seconds.count,
            "inference_stats": {
                "success": {"count": good, "ns": int(seconds.sum * 1e9)},
                "fail": {"count": seconds.count - good, "ns": 0},
            },
        }

    def _index(self, name: str) -> Iterable[dict[str, str]]:
        try:
            held = self._models[name].live().held
        except DaytwoError as err:
            yield {"name": name, "state": "UNAVAILABLE", "reason": err.message}
            return
        for one in held:
            yield {"name": name, "version": one.digest[:_SHOWN_DIGEST], "state": "READY", "reason": ""}


def _outputs(answers: list[Answer], version: Version, *, explain: bool) -> Iterable[Output]:
    for name, form in _wanted(version, explain=explain):
        if name in _INTERVAL:
            intervals = [(None, None) if one.interval is msgspec.UNSET else one.interval for one in answers]
            yield Output(name, form, [one[_INTERVAL.index(name)] for one in intervals])
            continue
        values = [getattr(answer, name) for answer in answers]
        if name in _TOLD:
            values = ["" if not value else msgspec.json.encode(value).decode() for value in values]
        yield Output(name, form, values)


def _wanted(version: Version, *, explain: bool = False) -> Iterable[tuple[str, str]]:
    left_out = {*(() if version.decides else ("act", "gain")), *(() if explain else ("reasons",))}
    left_out.update(() if version.model.confidence is not None else _INTERVAL)
    return ((name, form) for name, form in _OUTPUTS.items() if name not in left_out)


def _inputs(version: Version) -> Iterable[Column]:
    left_out = (Role.TARGET, Role.IGNORED)
    return (column for column in version.model.contract.columns if column.role not in left_out)


def _matrix(version: Version) -> tuple[str, ...]:
    """Return the columns of a single tensor of numbers; none where the contract promises anything else."""
    columns = tuple(_inputs(version))
    numbers = all(column.is_numeric and column.role is Role.FEATURE for column in columns)
    return tuple(column.name for column in columns) if numbers else ()


def _form(column: Column) -> str:
    return _FORMS.get(column.kind, "BYTES")


def _triton(form: str) -> str:
    return "STRING" if form == "BYTES" else form


def _must(request: Request, method: str) -> None:
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise HttpError(405, "method", f"this does not take {request.method}", hint=f"Use {method}")


def _missing(message: str, hint: str) -> HttpError:
    return HttpError(404, "not_found", message, hint=hint)
