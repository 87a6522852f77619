"""What the addresses of one model answer: rows, labels, feedback, and what can be asked of it.

`handlers.py` lets requests in and finds the desk that a path names; here is what that model says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from daytwo.serving.answering.live import Live, Version
from daytwo.serving.answering.replies import Reply
from daytwo.serving.answering.requests import PredictRequest, read_predict, read_rows_of
from daytwo.serving.answering.served import Served
from daytwo.serving.dialects.invocations import invocation_reply, read_invocation
from daytwo.serving.dialects.openapi import openapi
from daytwo.serving.transport.messages import JSON, Request, Response, ok


class Desk:
    """Answers for one model. For the loop's thread only.

    `charge` is told how many rows were answered or recorded, `asker` gives the name of the token that a request came
    with, and `secured` whether there must be one. `version` is the one that a path names, empty where it names none.
    """

    def __init__(
        self,
        served: Served,
        *,
        max_rows: int,
        charge: Callable[[int], None],
        asker: Callable[[], str],
        secured: Callable[[], bool],
    ) -> None:
        self.served, self._max_rows = served, max_rows
        self._charge, self._asker, self._secured = charge, asker, secured
        self._document = "", Response(200, b"")

    def live(self) -> Live:
        """Return what answers right now; raises HttpError 503 where nothing is loaded."""
        return self.served.predicting.live()

    def predict_rows(self, asked: PredictRequest, named: Version | None = None) -> Reply:
        """Answer rows, by one version alone if it is `named`."""
        return self._charged(self.served.predicting.predict(asked, named, token=self._asker()))

    def predict(self, request: Request, version: str) -> Response:
        """POST /predict: answer rows, and record them first."""
        if version:
            return ok(self.predict_rows(read_predict(request.body, self._max_rows), self.live().named(version)))
        reply, rows = self.served.predicting.predict_plain(request.body, self._max_rows, self._asker())
        self._charge(rows)
        return Response(200, reply)

    def invocations(self, request: Request, version: str) -> Response:
        """POST /invocations: the same for MLflow's clients."""
        live = self.live()
        named = live.named(version) if version else None
        content_type = request.headers.get(b"content-type", JSON)
        asked = read_invocation(request.body, content_type, (named or live.champion).model.contract)
        read = read_rows_of(asked.text, self._max_rows, request_id=asked.request_id)
        return ok(invocation_reply(self.predict_rows(replace(read, explain=asked.explain), named)))

    def labels(self, request: Request, version: str) -> Response:  # noqa: ARG002
        """POST /labels: record what came true, all of a request or nothing."""
        return self._recorded(self.served.outcomes.labels(request.body, self.live(), self._asker()))

    def feedback(self, request: Request, version: str) -> Response:  # noqa: ARG002
        """POST /feedback: record what people did with predictions."""
        return self._recorded(self.served.outcomes.feedback(request.body, self._asker()))

    def openapi(self, request: Request, version: str) -> Response:  # noqa: ARG002
        """GET /openapi.json: what can be asked, for the contract of the champion."""
        champion = self.live().champion
        if self._document[0] != champion.digest:
            document = openapi(
                champion.model.contract,
                self.served.name,
                champion.digest,
                max_rows=self._max_rows,
                secured=self._secured(),
            )
            self._document = champion.digest, ok(document)
        return self._document[1]

    def route(self, request: Request, version: str) -> Response:  # noqa: ARG002
        """GET /route: which versions answer."""
        live, fault = self.served.watcher.live, self.served.watcher.fault
        if live is None:
            told: dict[str, object] = dict.fromkeys(("generation", "champion", "canary", "shadow"))
            return ok({**told, "canary_share": 0.0, "holdout": 0.0, "loaded": [], "fault": fault})
        return ok({**msgspec.to_builtins(live.route), "loaded": live.loaded, "fault": fault})

    def _charged(self, told: Reply) -> Reply:
        self._charge(len(told.predictions))
        return told

    def _recorded(self, told: dict[str, object]) -> Response:
        count = told["recorded"]
        assert isinstance(count, int)
        self._charge(count)
        return ok(told)


DESK: Mapping[str, tuple[str, Callable[[Desk, Request, str], Response]]] = {
    "/predict": ("POST", Desk.predict),
    "/labels": ("POST", Desk.labels),
    "/feedback": ("POST", Desk.feedback),
    "/route": ("GET", Desk.route),
    "/invocations": ("POST", Desk.invocations),
    "/openapi.json": ("GET", Desk.openapi),
}
