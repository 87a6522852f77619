"""One span a request: what was asked, which version answered how many rows, with which status, how long.

A trace that comes with the request (`traceparent`) goes on here and is recorded as it was decided there; another
begins here, for the share of requests that the settings say.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from functools import partial

from daytwo.serving.answering.live import Live
from daytwo.serving.tracing.spans import Parent, Span, parent_of
from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.transport.turns import Answer

_SHOWN_DIGEST = 12
_ID = re.compile(r"^/predictions/[^/]+")
# Stands once in the answer to each row, and in no text of a row: there its quotes would be escaped.
_ONCE_A_ROW = b'"prediction_id":'
_ROWS = frozenset(("/predict", "/invocations"))


class Traced:
    """Handles requests by `handle`, and puts a span for each by `put`; `share` of the traces that begin here.

    `whose` tells of a path which model it asks, and what answers for that.
    """

    def __init__(
        self,
        handle: Callable[[Request], Answer],
        put: Callable[[Span], None],
        *,
        whose: Callable[[str], tuple[str, Live | None]],
        share: float,
    ) -> None:
        self._handle, self._put, self._whose, self._share = handle, put, whose, share

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        parent = parent_of(request.headers.get(b"traceparent"))
        recorded = parent.sampled if parent is not None else secrets.randbelow(1 << 32) < self._share * (1 << 32)
        if not recorded:
            return self._handle(request)
        began = time.time_ns()
        answer = self._handle(request)
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(partial(self._note_late, request, parent, began))
        else:
            self._note(request, parent, began, answer)
        return answer

    def _note_late(self, request: Request, parent: Parent | None, began: int, answer: asyncio.Future[Response]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._note(request, parent, began, answer.result())

    def _note(self, request: Request, parent: Parent | None, began: int, response: Response) -> None:
        path = _ID.sub("/predictions/{prediction_id}", request.path) if response.status != 404 else "other"
        model, live = self._whose(request.path)
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "http.route": path,
            "http.response.status_code": response.status,
            "daytwo.model": model,
            "daytwo.version": live.champion.digest[:_SHOWN_DIGEST] if live is not None else "",
        }
        packed = any(name == b"content-encoding" for name, _ in response.headers)
        if path in _ROWS and response.status == 200 and not packed:
            attributes["daytwo.rows"] = response.body.count(_ONCE_A_ROW)
        self._put(
            Span(
                trace_id=secrets.token_hex(16) if parent is None else parent.trace_id,
                span_id=secrets.token_hex(8),
                parent_id="" if parent is None else parent.span_id,
                name=f"{request.method} {path}",
                start_ns=began,
                end_ns=time.time_ns(),
                attributes=attributes,
                failed=response.status >= 500,
            )
        )
