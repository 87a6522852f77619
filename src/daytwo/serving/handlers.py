"""What each address answers: requests in, responses out.

One method an address; `HANDLERS` at the end is the table of them. `server.py` builds the `Handlers`,
`transport/turns.py` calls `handle` for every request of a turn and then `commit`, so that nothing is acknowledged that
is not in the journal. Whatever goes wrong is told with a code, a reason and a next step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from importlib.metadata import version as installed

import msgspec

from daytwo.core.errors import Fault, NotFound
from daytwo.predictions.record import row_texts
from daytwo.serving.access.admission import Admission
from daytwo.serving.access.keyring import Grant, keyring_of
from daytwo.serving.answering.explaining import explanation
from daytwo.serving.answering.live import Version
from daytwo.serving.answering.replies import Reply, reply_again
from daytwo.serving.answering.requests import PredictRequest, read_rows_of
from daytwo.serving.answering.served import Served
from daytwo.serving.config import ServerConfig
from daytwo.serving.counts import Counts
from daytwo.serving.dialects.invocations import invocation_reply, read_invocation
from daytwo.serving.dialects.open_inference import ABOUT, INFER, OF_PROTOCOL, OpenInference
from daytwo.serving.dialects.openapi import openapi
from daytwo.serving.metrics import Metrics
from daytwo.serving.refusals import Refusals
from daytwo.serving.transport.messages import JSON, TEXT, HttpError, Request, Response, ok
from daytwo.serving.transport.packing import packed, unpacked
from daytwo.serving.transport.turns import Answer
from daytwo.serving.workers.share import Elsewhere
from daytwo.serving.workers.together import Together, is_passed_on, no_answer, sealed_reply


class Handlers:
    """Answers requests. For the loop's thread only."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        served: Served,
        metrics: Metrics,
        together: Together | None = None,
    ) -> None:
        self._config, self._served, self._metrics, self._together = config, served, metrics, together
        self._admission = Admission(keyring_of(config), metrics)
        self._asker: Grant | None = None
        self._counts = Counts(metrics)
        self._inference = OpenInference(config.model, config.max_rows, self._predict, metrics)
        self._document = "", Response(200, b"")
        self._refusals = Refusals()

    def asks_for_tokens(self) -> bool:
        """Whether nobody is answered without one."""
        return self._admission.asks_for_tokens()

    def commit(self) -> Response | None:
        """Write the records of everything handled since the last time, or return the refusal that replaces answers.

        Where the settings would rather serve than record, the answers leave all the same, and are counted.
        """
        try:
            self._served.commit()
        except Fault as err:
            if self._config.unrecorded == "serve":
                self._metrics.add("daytwo_unrecorded_turns_total")
                self._refusals.note("unrecorded", "journal", str(err))
                return None
            return self._refusals.of(err, "journal")
        return None

    def handle(self, request: Request) -> Answer:
        """Answer one request, whatever it is: now, or by a future where other workers are asked."""
        began = time.perf_counter()
        path = request.path if request.path in HANDLERS else _family(request.path)
        try:
            response = self._answer(request, path)
            if not isinstance(response, Response):
                return asyncio.ensure_future(self._answer_later(response, path, began))
            response = packed(response, request)
        except Elsewhere as elsewhere:
            return self._pass_on(elsewhere.worker, request, path, began)
        except Exception as err:  # also a bug of ours: the client gets an id, the log gets the rest
            response = self._refusals.of(err, path, flat=path in OF_PROTOCOL)
        if not is_passed_on(request):
            self._counts.request(path, response.status, time.perf_counter() - began)
        return response

    async def _answer_later(self, coming: Awaitable[Response], path: str, began: float) -> Response:
        try:
            response = await coming
        except Exception as err:
            response = self._refusals.of(err, path, flat=path in OF_PROTOCOL)
        self._counts.request(path, response.status, time.perf_counter() - began)
        return response

    def _pass_on(self, worker: int, request: Request, path: str, began: float) -> Answer:
        """Return what becomes the answer of the worker that keeps what is asked for."""
        assert self._together is not None

        def finish(response: Response | None) -> Response:
            if response is None:
                response = self._refusals.of(no_answer(), path, flat=path in OF_PROTOCOL)
            self._counts.request(path, response.status, time.perf_counter() - began)
            return response

        return self._together.pass_on(worker, request, finish)

    def _answer(self, request: Request, path: str) -> Response | Awaitable[Response]:
        passed_on = is_passed_on(request)
        self._asker = self._admission.asker(request) if passed_on else self._admission.admit(request, path)
        request = unpacked(request, self._config.max_body_bytes)
        if path == "/predictions":
            return self.prediction(request)
        if path in OF_PROTOCOL:
            return self._inference.handle(request, self._served.predicting.live)
        found = HANDLERS.get(path)
        if found is None:
            raise HttpError(
                404, "not_found", f"there is nothing at {request.path!r:.80}", hint=f"There are {', '.join(HANDLERS)}"
            )
        method, handler = found
        if request.method != method and not (method == "GET" and request.method == "HEAD"):
            raise HttpError(405, "method", f"{path} does not take {request.method}", hint=f"Use {method}")
        return handler(self, request)

    @property
    def _token(self) -> str:
        """The name of the token that the request came with."""
        return "" if self._asker is None else self._asker.name

    def _predict(self, asked: PredictRequest, only: Version | None = None) -> Reply:
        return self._charged(self._served.predicting.predict(asked, only))

    def _charged(self, told: Reply) -> Reply:
        self._admission.charge(self._asker, len(told.predictions))
        return told

    def _recorded(self, told: dict[str, object]) -> Response:
        count = told["recorded"]
        assert isinstance(count, int)
        self._admission.charge(self._asker, count)
        return ok(told)

    def predict(self, request: Request) -> Response:
        """POST /predict: answer rows, and record them first."""
        return ok(self._charged(self._served.predicting.predict_plain(request.body, self._config.max_rows)))

    def invocations(self, request: Request) -> Response:
        """POST /invocations: the same for MLflow's clients."""
        predicting = self._served.predicting
        live = predicting.live()
        content_type = request.headers.get(b"content-type", JSON)
        asked = read_invocation(request.body, content_type, live.champion.model.contract)
        read = read_rows_of(asked.text, self._config.max_rows, request_id=asked.request_id)
        return ok(invocation_reply(self._predict(replace(read, explain=asked.explain))))

    def openapi(self, request: Request) -> Response:  # noqa: ARG002
        """GET /openapi.json: what can be asked, for the contract of the champion."""
        champion = self._served.predicting.live().champion
        if self._document[0] != champion.digest:
            document = openapi(
                champion.model.contract,
                self._config.model,
                champion.digest,
                max_rows=self._config.max_rows,
                secured=self.asks_for_tokens(),
            )
            self._document = champion.digest, ok(document)
        return self._document[1]

    def ping(self, request: Request) -> Response:
        """GET /ping and /health: whether a model is loaded, as MLflow's clients ask."""
        return self.ready(request)

    def version(self, request: Request) -> Response:  # noqa: ARG002
        """GET /version: of daytwo, as a text."""
        return Response(200, installed("daytwo").encode(), TEXT)

    def labels(self, request: Request) -> Response:
        """POST /labels: record what came true, all of a request or nothing."""
        return self._recorded(self._served.outcomes.labels(request.body, self._served.predicting.live(), self._token))

    def feedback(self, request: Request) -> Response:
        """POST /feedback: record what a person did with a prediction."""
        return self._recorded(self._served.outcomes.feedback(request.body, self._token))

    def rotate(self, request: Request) -> Response | Awaitable[Response]:
        """POST /admin/rotate: finish all shadow scores, then seal all segments so that they can be shipped."""
        self._served.shadow.drain()
        try:
            name = self._served.journal.rotate()
        except OSError as err:
            raise Fault(f"the segment cannot be sealed: {err.strerror or err}", hint="Free some disk space") from err
        sealed = [] if name is None else [name]
        if self._together is None or is_passed_on(request):
            return ok(sealed_reply(sealed))
        return self._together.sealed(sealed)

    def prediction(self, request: Request) -> Response:
        """GET /predictions/ID: what was answered lately, and to which row; and with /explanation, why."""
        if request.method not in {"GET", "HEAD"}:
            raise HttpError(405, "method", f"/predictions does not take {request.method}", hint="Use GET")
        identity, _, part = request.path.removeprefix("/predictions/").partition("/")
        found = self._served.recent.prediction(identity)
        if found is None:
            raise NotFound(
                f"no recent prediction {identity[:80]!r}", hint=f"`daytwo explain {identity[:80]}` looks in the tables"
            )
        record, row = found
        if part:
            return ok(explanation(record, row, self._served.predicting.live(), self._config.model))
        told = msgspec.to_builtins(reply_again(record, self._config.model).predictions[row])
        told |= {
            "request_id": record.request_id,
            "received_at_us": record.received_at_us,
            "row": msgspec.Raw(row_texts(record.rows)[row]),
        }
        return ok(told)

    def route(self, request: Request) -> Response:  # noqa: ARG002
        """GET /route: which versions answer."""
        live = self._served.watcher.live
        if live is None:
            told: dict[str, object] = dict.fromkeys(("generation", "champion", "canary", "shadow"))
            return ok({**told, "canary_share": 0.0, "loaded": [], "fault": self._served.watcher.fault})
        return ok({**msgspec.to_builtins(live.route), "loaded": live.loaded, "fault": self._served.watcher.fault})

    def live(self, request: Request) -> Response:  # noqa: ARG002
        """GET /v2/health/live: the process answers."""
        return ok({"live": True})

    def ready(self, request: Request) -> Response:  # noqa: ARG002
        """GET /v2/health/ready: a champion is loaded and predictions can be recorded."""
        live, unwritten = self._served.watcher.live, self._served.journal.failing
        faults = (unwritten, self._served.watcher.fault, live.previous_fault if live is not None else None)
        problems = [one for one in (*faults, self._admission.fault) if one]
        ready = live is not None and (unwritten is None or self._config.unrecorded == "serve")
        told = {
            "ready": ready,
            "status": "degraded" if problems else "ok" if ready else "starting",
            "problems": problems,
        }
        return ok(told) if ready else Response(503, msgspec.json.encode(told), retry_after_s=1)

    def metrics(self, request: Request) -> Response | Awaitable[Response]:
        """GET /metrics: everything counted, by all workers."""
        self._metrics.set("daytwo_journal_failing", float(self._served.journal.failing is not None))
        self._metrics.set("daytwo_route_failing", float(self._served.watcher.fault is not None))
        self._metrics.clear("daytwo_version_info")
        live = self._served.watcher.live
        if live is not None:
            self._metrics.set("daytwo_route_generation", live.route.generation)
            for role in ("champion", "canary", "shadow"):
                if digest := getattr(live.route, role):
                    self._metrics.set("daytwo_version_info", 1, (("role", role), ("version", digest[:12])))
        if self._together is None:
            return Response(200, self._metrics.text(), TEXT)
        if is_passed_on(request):
            return ok(self._together.account.now())
        return self._metrics_of_all(request, self._together)

    async def _metrics_of_all(self, request: Request, together: Together) -> Response:
        return packed(Response(200, (await together.counted()).told(), TEXT), request)


def _family(path: str) -> str:
    """Return the name under which a path that is in no table is counted: never what a client wrote."""
    if path.startswith("/predictions/") and path.removesuffix("/explanation").count("/") == 2:
        return "/predictions"
    if path == "/v2" or path.startswith("/v2/"):
        return INFER if path.endswith("/infer") else ABOUT
    return "other"


Method = Callable[[Handlers, Request], Response | Awaitable[Response]]
HANDLERS: Mapping[str, tuple[str, Method]] = {
    "/predict": ("POST", Handlers.predict),
    "/labels": ("POST", Handlers.labels),
    "/feedback": ("POST", Handlers.feedback),
    "/route": ("GET", Handlers.route),
    "/metrics": ("GET", Handlers.metrics),
    "/v2/health/live": ("GET", Handlers.live),
    "/v2/health/ready": ("GET", Handlers.ready),
    "/admin/rotate": ("POST", Handlers.rotate),
    "/invocations": ("POST", Handlers.invocations),
    "/ping": ("GET", Handlers.ping),
    "/health": ("GET", Handlers.ping),
    "/version": ("GET", Handlers.version),
    "/openapi.json": ("GET", Handlers.openapi),
}
