"""What the server itself answers, whichever models it serves: health, metrics, and what it predicted lately.

`handlers.py` lets requests in and finds the address; what one model answers stands in `desk.py`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version as installed

import msgspec

from daytwo.core.errors import Fault, NotFound
from daytwo.predictions.record import row_texts
from daytwo.serving.answering.explaining import told_of
from daytwo.serving.answering.health import can_answer, measure, problems, server_problems
from daytwo.serving.answering.replies import reply_again
from daytwo.serving.answering.served import Served
from daytwo.serving.config import ServerConfig
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.messages import TEXT, HttpError, Request, Response, ok
from daytwo.serving.transport.packing import packed
from daytwo.serving.transport.tls import Certificate
from daytwo.serving.workers.together import Together, is_passed_on, sealed_reply


class FrontDesk:
    """Answers for the server that serves all of `served`. For the loop's thread only.

    `fault` gives what is wrong with its tokens, None where nothing is.
    """

    def __init__(
        self,
        config: ServerConfig,
        served: Sequence[Served],
        metrics: Metrics,
        together: Together | None,
        certificate: Certificate | None,
        fault: Callable[[], str | None],
    ) -> None:
        self._config, self._served, self._metrics = config, served, metrics
        self._together, self._certificate, self._fault = together, certificate, fault

    def ping(self, request: Request) -> Response:
        """GET /ping and /health: whether a model is loaded, as MLflow's clients ask."""
        return self.ready(request)

    def version(self, request: Request) -> Response:  # noqa: ARG002
        """GET /version: of daytwo, as a text."""
        return Response(200, installed("daytwo").encode(), TEXT)

    def rotate(self, request: Request) -> Response | Awaitable[Response]:
        """POST /admin/rotate: finish all shadow scores, then seal all segments so that they can be shipped."""
        sealed = []
        for served in self._served:
            served.shadow.drain()
            try:
                name = served.journal.rotate()
            except OSError as err:
                words = f"the segment cannot be sealed: {err.strerror or err}"
                raise Fault(words, hint="Free some disk space") from err
            sealed += [] if name is None else [name]
        if self._together is None or is_passed_on(request):
            return ok(sealed_reply(sealed))
        return self._together.sealed(sealed)

    def prediction(self, request: Request) -> Response | Awaitable[Response]:
        """GET /predictions/ID: what was answered lately, and to which row; with /explanation or /change, why."""
        if request.method not in {"GET", "HEAD"}:
            raise HttpError(405, "method", f"/predictions does not take {request.method}", hint="Use GET")
        identity, _, part = request.path.removeprefix("/predictions/").partition("/")
        held = ((served, served.recent.prediction(identity)) for served in self._served)
        served, found = next(((one, found) for one, found in held if found is not None), (self._served[0], None))
        if found is None:
            raise NotFound(
                f"no recent prediction {identity[:80]!r}", hint=f"`daytwo explain {identity[:80]}` looks in the tables"
            )
        record, row = found
        if part:
            return told_of(part, record, row, served)
        told = msgspec.to_builtins(reply_again(record, served.name, served.known).predictions[row])
        told |= {
            "request_id": record.request_id,
            "received_at_us": record.received_at_us,
            "row": msgspec.Raw(row_texts(record.rows)[row]),
        } | ({"token": record.token} if record.token else {})
        return ok(told)

    def live(self, request: Request) -> Response:  # noqa: ARG002
        """GET /v2/health/live: the process answers."""
        return ok({"live": True})

    def ready(self, request: Request) -> Response:  # noqa: ARG002
        """GET /v2/health/ready: of every model a champion is loaded, and predictions can be recorded."""
        unrecorded, now = self._config.unrecorded == "serve", time.time()
        ready = all(can_answer(one, unrecorded=unrecorded) for one in self._served)
        found = [one for served in self._served for one in problems(served, now=now, unrecorded=unrecorded)]
        found += server_problems(self._fault(), self._certificate, now=now)
        status = ("degraded" if found else "ok") if ready else ("unready" if found else "starting")
        told = msgspec.json.encode({"ready": ready, "status": status, "problems": found})
        return Response(200, told) if ready else Response(503, told, retry_after_s=1)

    def metrics(self, request: Request) -> Response | Awaitable[Response]:
        """GET /metrics: everything counted, by all workers."""
        for name in ("daytwo_version_info", "daytwo_breaker_open"):
            self._metrics.clear(name)
        for served in self._served:
            measure(served, self._metrics.of(served.name))
        if self._together is None:
            return Response(200, self._metrics.text(), TEXT)
        if is_passed_on(request):
            return ok(self._together.account.now())
        return self._metrics_of_all(request, self._together)

    async def _metrics_of_all(self, request: Request, together: Together) -> Response:
        return packed(Response(200, (await together.counted()).told(), TEXT), request)


FRONT_DESK: Mapping[str, tuple[str, Callable[[FrontDesk, Request], Response | Awaitable[Response]]]] = {
    "/metrics": ("GET", FrontDesk.metrics),
    "/v2/health/live": ("GET", FrontDesk.live),
    "/v2/health/ready": ("GET", FrontDesk.ready),
    "/admin/rotate": ("POST", FrontDesk.rotate),
    "/ping": ("GET", FrontDesk.ping),
    "/health": ("GET", FrontDesk.ping),
    "/version": ("GET", FrontDesk.version),
}
