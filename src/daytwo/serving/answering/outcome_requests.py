"""What a client says about answers of before, read from its bytes: what came true, and what a person did.

`POST /labels` takes `{"labels": [...]}`; `POST /feedback` takes `{"feedback": [...]}` or one of them alone. Whatever
is wrong refuses the request as a whole, by name. `requests.py` next door reads rows to predict.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from daytwo.serving.answering.repeated_keys import repeated_key
from daytwo.serving.answering.requests import checked_id, malformed, too_deep
from daytwo.serving.transport.messages import HttpError

MAX_TEXT_CHARACTERS = 2000
MAX_OUTCOME_CHARACTERS = 200
ACTIONS = ("accepted", "overridden", "ignored")


class LabelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """One label as sent; what `label` may be is the model's matter. `name` is the key as it is recorded, a text."""

    label: str | int | float | bool
    key: str | int | None = None
    prediction_id: str | None = None
    observed_at: datetime | None = None

    @property
    def name(self) -> str | None:
        """The key as a text."""
        return None if self.key is None else str(self.key)


class LabelsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /labels`."""

    labels: list[LabelRequest]
    request_id: str | None = None


class FeedbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a person did with one prediction: a body of `POST /feedback`, or a part of one.

    `outcome` is what the person decided in its place; `request_id` stands only where it is the whole body.
    """

    prediction_id: str
    action: str
    reason: str = ""
    by: str = ""
    outcome: str | int | float | bool | None = None
    request_id: str | None = None

    @property
    def decided(self) -> str:
        """The outcome as it is recorded, a text."""
        if isinstance(self.outcome, str):
            return self.outcome
        return "" if self.outcome is None else msgspec.json.encode(self.outcome).decode()


class FeedbacksRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The other body of `POST /feedback`."""

    feedback: list[FeedbackRequest]
    request_id: str | None = None


_Body = TypeVar("_Body", LabelsRequest, FeedbackRequest, FeedbacksRequest)
_LABELS = msgspec.json.Decoder(LabelsRequest)
_FEEDBACK = msgspec.json.Decoder(FeedbackRequest)
_FEEDBACKS = msgspec.json.Decoder(FeedbacksRequest)


def read_labels(body: bytes, max_labels: int) -> LabelsRequest:
    """Return the labels in `body`; raises `HttpError` as `read_predict` does."""
    request = _read(body, _LABELS)
    checked_id(request.request_id)
    _check_count(len(request.labels), max_labels, "labels")
    for i, one in enumerate(request.labels):
        if (one.key is None) == (one.prediction_id is None):
            raise HttpError(
                422, "label", f"label {i} must name either a key or a prediction_id", hint="Give exactly one of them"
            )
        if isinstance(one.label, float) and not math.isfinite(one.label):
            raise HttpError(422, "label", f"label {i} is no finite number", hint="Send a finite number")
        checked_id(one.name)
        checked_id(one.prediction_id)
    return request


def read_feedback(body: bytes, max_entries: int) -> FeedbacksRequest:
    """Return the feedback in `body`, in either form; raises `HttpError` as `read_predict` does."""
    request = _read(body, _FEEDBACKS) if _is_batch(body) else _alone(_read(body, _FEEDBACK))
    checked_id(request.request_id)
    _check_count(len(request.feedback), max_entries, "entries of feedback")
    for i, one in enumerate(request.feedback):
        _check_feedback(i, one)
    return request


def moment_us(moment: datetime) -> int:
    """Return a moment as microseconds since 1970; one without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // datetime.resolution


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _alone(one: FeedbackRequest) -> FeedbacksRequest:
    request_id, one.request_id = one.request_id, None
    return FeedbacksRequest([one], request_id)


def _is_batch(body: bytes) -> bool:
    """Whether the body has a key `feedback`; whatever is wrong with it is told by whoever reads it."""
    if b'"feedback"' not in body:
        return False
    try:
        return "feedback" in msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _check_feedback(i: int, one: FeedbackRequest) -> None:
    if one.action not in ACTIONS:
        raise HttpError(
            422, "feedback", f"feedback {i}: {one.action!r:.80} is no action", hint=f"Send one of {', '.join(ACTIONS)}"
        )
    if one.request_id is not None:
        raise HttpError(
            422, "feedback", f"feedback {i} has a request_id of its own", hint="Send one for the whole request"
        )
    if isinstance(one.outcome, float) and not math.isfinite(one.outcome):
        raise HttpError(422, "feedback", f"feedback {i}: the outcome is no finite number", hint="Send a finite number")
    for name, text, most in (
        ("reason", one.reason, MAX_TEXT_CHARACTERS),
        ("by", one.by, MAX_TEXT_CHARACTERS),
        ("outcome", one.decided, MAX_OUTCOME_CHARACTERS),
    ):
        if len(text) > most:
            raise HttpError(422, "feedback", f"feedback {i}: {name} has over {most} characters", hint="Shorten it")
    checked_id(one.prediction_id)


def _check_count(count: int, most: int, what: str) -> None:
    if not count:
        raise HttpError(422, "empty", f"there are no {what} in the request", hint="Send at least one")
    if count > most:
        raise HttpError(413, "too_many_rows", f"{count} {what} are more than {most}", hint="Send fewer at once")


def _read(body: bytes, decoder: msgspec.json.Decoder[_Body]) -> _Body:
    try:
        read = decoder.decode(body)
        twice = repeated_key(body)
    except RecursionError as err:
        raise too_deep() from err
    except UnicodeDecodeError as err:
        raise HttpError(400, "encoding", f"the body is not UTF-8: {err.reason}", hint="Send UTF-8") from err
    except msgspec.DecodeError as err:
        raise malformed(body, err) from err
    if twice is not None:
        raise HttpError(400, "duplicate_key", f"the key {twice!r} stands twice", hint="Send it once")
    return read
