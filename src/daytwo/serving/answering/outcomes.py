"""What came true and what people did: labels and feedback, recorded as predictions are.

`requests.py` reads them, `predictions/ship.py` carries them into the tables.
"""

from __future__ import annotations

import time
import zlib

from daytwo.contracts.labels import label_value
from daytwo.core.errors import DaytwoError
from daytwo.predictions.journal import Journal
from daytwo.predictions.record import FeedbackRecord, Label, LabelsRecord, encode
from daytwo.serving.answering.live import Live
from daytwo.serving.answering.predicting import reused
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.requests import LabelRequest, moment_us, read_feedback, read_labels
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.messages import HttpError


class Outcomes:
    """Records the labels and the feedback of one model. For the loop's thread only."""

    def __init__(self, journal: Journal, recent: Recent, metrics: Metrics, *, max_labels: int) -> None:
        self._journal, self._recent, self._metrics, self._max_labels = journal, recent, metrics, max_labels

    def labels(self, body: bytes, live: Live) -> dict[str, object]:
        """Record what came true, all of a request or nothing, and return what to tell.

        Raises
        ------
        HttpError
            400, 413 or 422 for what cannot be recorded, 409 for a request id that was used for other labels.
        """
        asked = read_labels(body, self._max_labels)
        fingerprint = zlib.crc32(body)
        if asked.request_id is not None:
            if self._recent.is_promised("labels", asked.request_id):
                self._journal.flush()
            known = self._recent.labels_request(asked.request_id)
            if known is not None:
                self._metrics.add("daytwo_duplicates_total", (("path", "/labels"),))
                if known.fingerprint != fingerprint:
                    raise reused(asked.request_id)
                return {"recorded": len(known.labels), "duplicate": True}
        now = time.time_ns() // 1000
        labels = [_label(live, i, one, now) for i, one in enumerate(asked.labels)]
        record = LabelsRecord(
            request_id=asked.request_id or "", fingerprint=fingerprint, received_at_us=now, labels=labels
        )
        if record.request_id:
            self._journal.add(encode(record), self._recent.promise_id("labels", record.request_id))
        else:
            self._journal.add(encode(record), lambda _: None)
        self._metrics.add("daytwo_labels_total", by=len(labels))
        return {"recorded": len(labels)}

    def feedback(self, body: bytes) -> dict[str, object]:
        """Record what a person did with a prediction, and return what to tell.

        Raises
        ------
        HttpError
            400 or 422 for what cannot be recorded.
        """
        asked = read_feedback(body)
        record = FeedbackRecord(
            prediction_id=asked.prediction_id,
            action=asked.action,
            reason=asked.reason,
            by=asked.by,
            received_at_us=time.time_ns() // 1000,
        )
        self._journal.add(encode(record), lambda _: None)
        self._metrics.add("daytwo_feedback_total", (("action", asked.action),))
        return {"recorded": 1}


def _label(live: Live, i: int, asked: LabelRequest, now_us: int) -> Label:
    try:
        value = label_value(live.champion.model.contract, asked.label)
    except DaytwoError as err:
        raise HttpError(422, "label", f"label {i}: {err.message}", hint=err.hint) from err
    return Label(
        prediction_id=asked.prediction_id,
        key=asked.name,
        label=value,
        observed_at_us=now_us if asked.observed_at is None else moment_us(asked.observed_at),
    )
