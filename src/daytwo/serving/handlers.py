"""What each address answers: requests in, responses out.

What a model answers stands in `desk.py`, what the server itself does in `front_desk.py`, one method an address;
`HANDLERS` at the end is the table of all. `server.py` builds the `Handlers`, `transport/turns.py` calls `handle` for
every request of a turn and then `commit`, so that nothing is acknowledged that is not in the journal. Whatever goes
wrong is told with a code, a reason and a next step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence

from daytwo.core.errors import Fault
from daytwo.scoring.later import begun
from daytwo.serving.access.admission import Admission
from daytwo.serving.access.keyring import Grant, keyring_of
from daytwo.serving.addresses import PREDICTIONS, Address, address
from daytwo.serving.answering.served import Served
from daytwo.serving.config import ServerConfig
from daytwo.serving.counts import Counts
from daytwo.serving.desk import DESK, Desk
from daytwo.serving.dialects.open_inference import OF_PROTOCOL, OpenInference
from daytwo.serving.front_desk import FRONT_DESK, FrontDesk
from daytwo.serving.metrics import Metrics
from daytwo.serving.open_heads import ROWS_PATH, OpenHeads
from daytwo.serving.refusals import Refusals
from daytwo.serving.transport.messages import HttpError, Request, Response
from daytwo.serving.transport.packing import packed, unpacked
from daytwo.serving.transport.tls import Certificate
from daytwo.serving.transport.turns import Answer, Refusing
from daytwo.serving.workers.share import Elsewhere
from daytwo.serving.workers.together import Together, is_passed_on, misdirected, no_answer


class Handlers:
    """Answers requests for the models `served`, of which the first stands at the plain addresses.

    For the loop's thread only.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        served: Mapping[str, Served],
        metrics: Metrics,
        together: Together | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self._config, self._metrics, self._together = config, metrics, together
        self._served = tuple(served.values())
        self._admission = Admission(keyring_of(config, None if together is None else together.folder), metrics)
        self._asker: Grant | None = None
        self._counts = Counts(metrics)
        self._desks = {
            name: Desk(
                one,
                max_rows=config.max_rows,
                charge=self._charge,
                asker=lambda: "" if self._asker is None else self._asker.name,
                secured=self.asks_for_tokens,
            )
            for name, one in served.items()
        }
        self._first = self._desks[config.model]
        self._inference = OpenInference(self._desks, config.max_rows, metrics)
        self._front = FrontDesk(config, self._served, metrics, together, certificate, lambda: self._admission.fault)
        self._refusals = Refusals()
        self._open_heads = OpenHeads()

    def asks_for_tokens(self) -> bool:
        """Whether nobody is answered without one."""
        return self._admission.asks_for_tokens()

    def commit(self) -> Refusing | None:
        """Write the records of everything handled since the last time, or return what refuses the others.

        Where the settings would rather serve than record, the answers leave all the same, and are counted. Where one
        model's records cannot be written, what was posted to it in this turn is refused.
        """
        failed: dict[str, Fault] = {}
        for served in self._served:
            try:
                served.commit()
            except Fault as err:
                failed[served.name] = err
        if not failed:
            return None
        first = next(iter(failed.values()))
        if self._config.unrecorded == "serve":
            self._metrics.add("daytwo_unrecorded_turns_total")
            self._refusals.note("unrecorded", "journal", str(first))
            return None
        told = {name: self._refusals.of(fault, "journal") for name, fault in failed.items()}

        def refusing(request: Request) -> Response | None:
            if request.method != "POST":
                return None
            return told.get(address(request.path).model or self._config.model)

        return refusing

    def settle(self) -> None:
        """Remember and count what has been written; that can wait until the answers have left."""
        for served in self._served:
            served.journal.keep()

    def handle(self, request: Request) -> Answer:
        """Answer one request, whatever it is: now, or by a future where other workers are asked."""
        began = begun()
        asked = _PLAIN.get(request.path) or address(request.path)
        path = asked.path
        try:
            response = self._answer_known(request) or self._answer(request, asked)
            if not isinstance(response, Response):
                return asyncio.ensure_future(self._answer_later(response, path, began))
            response = packed(response, request)
        except Elsewhere as elsewhere:
            if is_passed_on(request):
                return self._refusals.of(misdirected(), path)
            return self._pass_on(elsewhere.worker, request, path, began)
        except Exception as err:  # also a bug of ours: the client gets an id, the log gets the rest
            response = self._refusals.of(err, path, flat=path in OF_PROTOCOL)
        if not is_passed_on(request):
            self._counts.request(path, response.status, time.perf_counter() - began)
        return response

    def handle_together(self, requests: Sequence[Request]) -> list[Response | None]:
        """Answer those of a turn's requests that can be answered in one go; None for each that is to be handled alone.

        Those are rows for the first model under heads by which rows were let in before (`_answer_known`).
        """
        answers: list[Response | None] = [None] * len(requests)
        began = time.perf_counter()
        places = self._open_heads.places(requests)
        if not places or self._admission.asks_for_tokens():
            return answers
        try:
            bodies = [requests[i].body for i in places]
            replies = self._first.served.predicting.predict_together(bodies, self._config.max_rows)
        except Exception as err:  # a bug of ours: it stands in the log, and each request is handled alone
            self._refusals.of(err, ROWS_PATH)
            return answers
        for i, reply in zip(places, replies, strict=True):
            if reply is not None:
                answers[i] = packed(Response(200, reply), requests[i])
        count = len(replies) - replies.count(None)
        if count:
            self._counts.request(ROWS_PATH, 200, time.perf_counter() - began, count)
        return answers

    def _answer_known(self, request: Request) -> Response | None:
        """Answer rows that come under a head by which rows were let in before; None where it is another."""
        if request not in self._open_heads:
            return None
        if self._admission.asks_for_tokens():
            self._open_heads.clear()
            return None
        self._asker = None
        return self._first.predict(request, "")

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

    def _answer(self, request: Request, asked: Address) -> Response | Awaitable[Response]:
        path, passed_on = asked.path, is_passed_on(request)
        self._asker = self._admission.asker(request) if passed_on else self._admission.admit(request, path)
        if self._asker is None and not passed_on and request.body:
            self._open_heads.remember(request)
        request = unpacked(request, self._config.max_body_bytes)
        if path == PREDICTIONS:
            return self._front.prediction(request)
        if path in OF_PROTOCOL:
            return self._inference.handle(request)
        method = HANDLERS.get(path)
        if method is None:
            raise HttpError(
                404, "not_found", f"there is nothing at {request.path!r:.80}", hint=f"There are {', '.join(HANDLERS)}"
            )
        if request.method != method and not (method == "GET" and request.method == "HEAD"):
            raise HttpError(405, "method", f"{path} does not take {request.method}", hint=f"Use {method}")
        if path in DESK:
            return DESK[path][1](self._desk(asked.model) if asked.model else self._first, request, asked.version)
        return FRONT_DESK[path][1](self._front, request)

    def _desk(self, model: str) -> Desk:
        found = self._desks.get(model)
        if found is None:
            known = ", ".join(map(repr, self._desks))
            raise HttpError(404, "not_found", f"there is no model {model!r:.80}", hint=f"This server has {known}")
        return found

    def _charge(self, rows: int) -> None:
        if self._asker is not None:
            self._admission.charge(self._asker, rows)


HANDLERS: Mapping[str, str] = {path: method for path, (method, _) in (*DESK.items(), *FRONT_DESK.items())}
_PLAIN = {path: Address(path) for path in HANDLERS}
