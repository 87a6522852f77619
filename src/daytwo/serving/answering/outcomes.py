"""What came true and what people did: labels and feedback, recorded as predictions are.

A request is recorded as a whole or not at all, and under its request_id once. Whether there is, or ever was, a
prediction of the id or key it names is not asked: outcomes come months later, when this process knows nothing of it.
`outcome_requests.py` reads them, `predictions/ship.py` carries them into the tables.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter

import msgspec

from daytwo.contracts.contract import Contract
from daytwo.contracts.labels import label_value
from daytwo.core.errors import DaytwoError
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.predictions.journal import Journal
from daytwo.predictions.record import Feedback, FeedbackRecord, Label, LabelsRecord, encode
from daytwo.serving.answering.live import Live
from daytwo.serving.answering.outcome_requests import (
    FeedbackRequest,
    LabelRequest,
    moment_us,
    read_feedback,
    read_labels,
)
from daytwo.serving.answering.predicting import reused
from daytwo.serving.answering.recent import Recent
from daytwo.serving.metrics import OfModel
from daytwo.serving.transport.messages import HttpError


class Outcomes:
    """Records the labels and the feedback of one model. For the loop's thread only.

    `token`, where one is handed in, is the name of the token that the request came with.
    """

    def __init__(
        self,
        journal: Journal,
        recent: Recent,
        metrics: OfModel,
        *,
        max_entries: int,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._journal, self._recent, self._metrics, self._max_entries = journal, recent, metrics, max_entries
        self._pseudonyms = pseudonyms

    def labels(self, body: bytes, live: Live, token: str = "") -> dict[str, object]:
        """Record what came true, and return what to tell.

        Raises
        ------
        HttpError
            400, 413 or 422 for what cannot be recorded, 409 for a request id that was used for other labels.
        """
        asked = read_labels(body, self._max_entries)
        contract, now = live.champion.model.contract, time.time_ns() // 1000
        keys = [self._key(contract, one) for one in asked.labels]
        # Of what is kept, not of what was sent: a key in clear could be tried out against it.
        fingerprint = _fingerprint([keys, [(one.prediction_id, one.label, one.observed_at) for one in asked.labels]])
        if asked.request_id is not None:
            self._written("labels", asked.request_id)
            known = self._recent.labels_request(asked.request_id)
            if known is not None:
                return self._again("/labels", asked.request_id, known.fingerprint == fingerprint, len(known.labels))
        record = LabelsRecord(
            request_id=asked.request_id or "",
            fingerprint=fingerprint,
            received_at_us=now,
            token=token,
            labels=[_label(contract, i, one, keys[i], now) for i, one in enumerate(asked.labels)],
        )
        self._record("labels", record)
        self._metrics.add("daytwo_labels_total", by=len(record.labels))
        return {"recorded": len(record.labels)}

    def feedback(self, body: bytes, token: str = "") -> dict[str, object]:
        """Record what people did with predictions, and return what to tell.

        Raises
        ------
        HttpError
            400, 413 or 422 for what cannot be recorded, 409 for a request id that was used for other feedback.
        """
        asked = read_feedback(body, self._max_entries)
        fingerprint = _fingerprint(asked.feedback)
        if asked.request_id is not None:
            self._written("feedback", asked.request_id)
            known = self._recent.feedback_request(asked.request_id)
            if known is not None:
                return self._again("/feedback", asked.request_id, known.fingerprint == fingerprint, len(known.feedback))
        record = FeedbackRecord(
            request_id=asked.request_id or "",
            fingerprint=fingerprint,
            received_at_us=time.time_ns() // 1000,
            token=token,
            feedback=[_feedback(one, token) for one in asked.feedback],
        )
        self._record("feedback", record)
        for action, count in Counter(one.action for one in asked.feedback).items():
            self._metrics.add("daytwo_feedback_total", (("action", action),), count)
        return {"recorded": len(record.feedback)}

    def _written(self, kind: str, request_id: str) -> None:
        """Have a request of the same id written that waits for it."""
        if self._recent.is_promised(kind, request_id):
            self._journal.flush()

    def _again(self, path: str, request_id: str, is_same: bool, count: int) -> dict[str, object]:  # noqa: FBT001
        self._metrics.add("daytwo_duplicates_total", (("path", path),))
        if not is_same:
            raise reused(request_id)
        return {"recorded": count, "duplicate": True}

    def _record(self, kind: str, record: LabelsRecord | FeedbackRecord) -> None:
        keep = self._recent.promise_id(kind, record.request_id) if record.request_id else lambda _: None
        self._journal.add(encode(record), keep)

    def _key(self, contract: Contract, asked: LabelRequest) -> str | None:
        """Return a label's key as its prediction's is kept."""
        hides = self._pseudonyms is not None and contract.key is not None and self._pseudonyms.hides(contract.key.name)
        if asked.name is None or not hides:
            return asked.name
        assert self._pseudonyms is not None
        return self._pseudonyms.of(asked.name)


def _fingerprint(content: object) -> int:
    return zlib.crc32(msgspec.json.encode(content))


def _label(contract: Contract, i: int, asked: LabelRequest, key: str | None, now_us: int) -> Label:
    try:
        value = label_value(contract, asked.label)
    except DaytwoError as err:
        raise HttpError(422, "label", f"label {i}: {err.message}", hint=err.hint) from err
    return Label(
        prediction_id=asked.prediction_id,
        key=key,
        label=value,
        observed_at_us=now_us if asked.observed_at is None else moment_us(asked.observed_at),
    )


def _feedback(asked: FeedbackRequest, token: str) -> Feedback:
    """Return what is kept of one entry: who did it is whom the client names, else the token's name."""
    return Feedback(
        prediction_id=asked.prediction_id,
        action=asked.action,
        reason=asked.reason,
        by=asked.by or token,
        outcome=asked.decided,
    )
