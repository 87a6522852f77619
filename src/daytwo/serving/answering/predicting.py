"""Rows answered, recorded and counted: what every address that predicts has in common.

Nothing is acknowledged that is not in the journal. `predict.py` makes the record, `replies.py` the reply of it.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import replace

from daytwo.predictions.journal import Journal
from daytwo.predictions.record import encode
from daytwo.serving.answering.live import Live, Version, Watcher
from daytwo.serving.answering.predict import answer
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.replies import Reply, reply, reply_again
from daytwo.serving.answering.requests import PredictRequest
from daytwo.serving.answering.router import Router
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.config import ServerConfig
from daytwo.serving.counts import Counts
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.messages import HttpError

# Reasons cost a hundred times a score, so a request may ask them of so many rows.
MAX_EXPLAINED_ROWS = 100


class Predicting:
    """Answers rows. For the loop's thread only."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        prefix: str,
        watcher: Watcher,
        journal: Journal,
        recent: Recent,
        shadow: ShadowQueue,
        metrics: Metrics,
        counts: Counts,
    ) -> None:
        self._model, self._prefix, self._watcher = config.model, prefix, watcher
        self._journal, self._recent, self._shadow = journal, recent, shadow
        self._metrics, self._counts = metrics, counts
        self._router = Router(config.salt)
        self._next = 0

    def live(self) -> Live:
        """Return what answers right now.

        Raises
        ------
        HttpError
            503, if nothing is loaded.
        """
        if self._watcher.live is None:
            raise HttpError(
                503,
                "not_ready",
                f"no model is loaded: {self._watcher.fault or 'nothing is routed yet'}",
                hint="`daytwo status` shows what is missing",
                retry_after_s=1,
            )
        return self._watcher.live

    def predict(self, asked: PredictRequest, only: Version | None = None) -> Reply:
        """Answer rows, and record them first; `only` is the champion where it is to answer without a canary.

        Raises
        ------
        HttpError
            409 for a request id that was used for other content, 413 for reasons of too many rows, 503 if nothing is
            loaded.
        """
        if asked.explain and len(asked.rows) > MAX_EXPLAINED_ROWS:
            raise HttpError(
                413, "too_many_rows", f"reasons are given for {MAX_EXPLAINED_ROWS} rows at most", hint="Send fewer"
            )
        fingerprint = 0
        if asked.request_id is not None:
            fingerprint = zlib.crc32(asked.text)
            known = self._recent.prediction_request(asked.request_id)
            if known is not None:
                self._metrics.add("daytwo_duplicates_total", (("path", "/predict"),))
                if known.fingerprint != fingerprint:
                    raise reused(asked.request_id)
                return reply_again(known, self._model)
        live = self.live()
        made = answer(
            asked,
            live if only is None else replace(live, canary=None),
            self._router,
            prefix=self._prefix,
            start=self._next,
            received_at_us=time.time_ns() // 1000,
            fingerprint=fingerprint,
        )
        record = made.record
        payload = encode(record)
        place = self._journal.append(payload)
        self._metrics.add("daytwo_journal_bytes_total", by=len(payload))
        self._next += len(record.scores)
        self._recent.remember_prediction(record.prefix, record.start, place)
        if record.given:
            self._recent.remember_id("prediction", record.request_id, place)
        self._counts.predictions(record, live.champion.model.contract)
        if live.shadow is not None:
            self._shadow.put(record, live.shadow)
        return reply(record, self._model, made.reasons, asked.rows)


def reused(request_id: str) -> HttpError:
    """Return the refusal of a request id that stands for other content already."""
    return HttpError(
        409,
        "duplicate",
        f"the request_id {request_id!r:.80} was used for other content",
        hint="Send a new request_id with new content",
    )
