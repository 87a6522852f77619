"""What a client asks, read from its bytes: every way to be wrong has a name.

`POST /predict` takes `{"rows": [...], ...}`, a bare list of rows, or one row. A request that is no JSON, or no
request, is refused as a whole; a row that is no row is a bad row among good ones. The rows' own text is kept, for
the journal remembers what was sent and not what was made of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from daytwo.predictions.record import BreachRecord, Row, read_row, read_rows, row_texts
from daytwo.serving.answering.repeated_keys import plain_keys, repeated_key
from daytwo.serving.transport.messages import HttpError

# Rows are flat; whatever nests deeper than this was not meant as one.
MAX_DEPTH = 16
MAX_ID_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 2000
_ACTIONS = ("accepted", "overridden", "ignored")


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: msgspec.Raw
    request_id: str | None = None
    explain: bool | None = None
    replay_of: list[str | None] | None = None


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
    """The body of `POST /feedback`."""

    prediction_id: str
    action: str
    reason: str = ""
    by: str = ""


_Body = TypeVar("_Body", LabelsRequest, FeedbackRequest)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_LABELS = msgspec.json.Decoder(LabelsRequest)
_FEEDBACK = msgspec.json.Decoder(FeedbackRequest)


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """Rows to answer. A row that could not be read stands as the breach that says why; `text` is the rows' JSON."""

    text: bytes
    rows: list[Row | BreachRecord]
    request_id: str | None
    explain: bool
    replay_of: list[str | None] | None


def read_predict(body: bytes, max_rows: int) -> PredictRequest:
    """Return the request in `body`.

    Raises
    ------
    HttpError
        400 for what is no JSON or no request, 413 for too many rows, 422 for none.
    """
    try:
        if not body.isascii():
            body.decode()  # what is kept as it was sent is not looked at by the JSON reader
        return _read_predict(body, max_rows)
    except RecursionError as err:
        raise too_deep() from err
    except UnicodeDecodeError as err:
        raise HttpError(400, "encoding", f"the body is not UTF-8: {err.reason}", hint="Send UTF-8") from err
    except msgspec.DecodeError as err:
        raise _malformed(body, err) from err


def _read_predict(body: bytes, max_rows: int) -> PredictRequest:
    first = body[:1] if body[:1] not in b" \t\r\n" else body.lstrip()[:1]
    if first == b"[":
        request = _Envelope(msgspec.Raw(body))
        text, read = body, read_rows(body)
    elif first == b"{" and b'"rows"' in body and (found := _read_envelope(body)) is not None:
        request, text = found, bytes(found.rows)
        read = read_rows(text)
    elif first == b"{":
        text, read = b"[" + body + b"]", [read_row(body)]
        request = _Envelope(msgspec.Raw(text))
    else:
        msgspec.json.decode(body)
        raise HttpError(400, "request", "the body is neither an object nor a list", hint="Send rows as objects")
    rows = _rows(read, max_rows)
    _name_duplicates(text, body, rows, request)
    _check_depth(text, rows)
    if request.replay_of is not None and len(request.replay_of) != len(rows):
        raise HttpError(422, "request", "replay_of has another length than rows", hint="Give one entry, or null, a row")
    return PredictRequest(text, rows, _checked_id(request.request_id), bool(request.explain), request.replay_of)


def read_rows_of(text: bytes, max_rows: int, *, request_id: str | None = None) -> PredictRequest:
    """Return a request for the rows in the JSON list `text`, which was made of another form than `/predict` takes.

    Raises
    ------
    HttpError
        400 for rows that nest deep, 413 for too many rows, 422 for none.
    """
    try:
        rows = _rows(read_rows(text), max_rows)
    except RecursionError as err:
        raise too_deep() from err
    _check_depth(text, rows)
    return PredictRequest(text, rows, _checked_id(request_id), False, None)


def _rows(read: list[Row | msgspec.ValidationError], max_rows: int) -> list[Row | BreachRecord]:
    if not read:
        raise HttpError(422, "empty", "there are no rows in the request", hint="Send at least one")
    if len(read) > max_rows:
        raise HttpError(
            413, "too_many_rows", f"{len(read)} rows are more than {max_rows}", hint="Send them in several requests"
        )
    return [one if isinstance(one, dict) else BreachRecord("", "type", None, f"this is no row: {one}") for one in read]


def read_labels(body: bytes, max_labels: int) -> LabelsRequest:
    """Return the labels in `body`; raises `HttpError` as `read_predict` does."""
    request = _read(body, _LABELS)
    _checked_id(request.request_id)
    if not request.labels:
        raise HttpError(422, "empty", "there are no labels in the request", hint="Send at least one")
    if len(request.labels) > max_labels:
        raise HttpError(
            413, "too_many_rows", f"{len(request.labels)} labels are more than {max_labels}", hint="Send fewer at once"
        )
    for i, one in enumerate(request.labels):
        if (one.key is None) == (one.prediction_id is None):
            raise HttpError(
                422, "label", f"label {i} must name either a key or a prediction_id", hint="Give exactly one of them"
            )
        if isinstance(one.label, float) and not math.isfinite(one.label):
            raise HttpError(422, "label", f"label {i} is no finite number", hint="Send a finite number")
        _checked_id(one.name)
        _checked_id(one.prediction_id)
    return request


def read_feedback(body: bytes) -> FeedbackRequest:
    """Return the feedback in `body`; raises `HttpError` as `read_predict` does."""
    request = _read(body, _FEEDBACK)
    if request.action not in _ACTIONS:
        raise HttpError(422, "feedback", f"{request.action!r:.80} is no action", hint=f"Send one of {_ACTIONS}")
    _checked_id(request.prediction_id)
    if max(len(request.reason), len(request.by)) > MAX_TEXT_CHARACTERS:
        raise HttpError(422, "feedback", f"a text has over {MAX_TEXT_CHARACTERS} characters", hint="Shorten it")
    return request


def moment_us(moment: datetime) -> int:
    """Return a moment as microseconds since 1970; one without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // datetime.resolution


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read(body: bytes, decoder: msgspec.json.Decoder[_Body]) -> _Body:
    try:
        read = decoder.decode(body)
        twice = repeated_key(body)
    except RecursionError as err:
        raise too_deep() from err
    except UnicodeDecodeError as err:
        raise HttpError(400, "encoding", f"the body is not UTF-8: {err.reason}", hint="Send UTF-8") from err
    except msgspec.DecodeError as err:
        raise _malformed(body, err) from err
    if twice is not None:
        raise HttpError(400, "duplicate_key", f"the key {twice!r} stands twice", hint="Send it once")
    return read


def _read_envelope(body: bytes) -> _Envelope | None:
    """Return the request around the rows, or None where the body is a row that has a column `rows`."""
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError as err:
        shape = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if bytes(shape.get("rows", b"")).lstrip()[:1] == b"[":
            raise HttpError(
                400, "request", f"this is no request: {err}", hint="Its keys: rows, request_id, explain, replay_of"
            ) from err
        return None


def _checked_id(identity: str | None) -> str | None:
    if identity is not None and not 0 < len(identity) <= MAX_ID_CHARACTERS:
        raise HttpError(
            422, "request", f"an id has 1 to {MAX_ID_CHARACTERS} characters", hint="Shorten it, or leave it out"
        )
    return identity


def _name_duplicates(text: bytes, body: bytes, rows: list[Row | BreachRecord], request: _Envelope) -> None:
    """Make a bad row of each row with a key that stands twice; JSON readers drop one of the two without a word.

    Counting is enough to see that there is none: each key ends in `":`. Only what does not add up (a space before a
    colon, a text with `":` in it, a row within a row) is read once more, by a reader that sees every key.
    """
    keys = sum(len(row) for row in rows if isinstance(row, dict))
    around = body is not text and len(text) < len(body)
    if around:
        keys += 1 + sum(one is not None for one in (request.request_id, request.explain, request.replay_of))
    if plain_keys(body) == keys:
        return
    for i, row_text in enumerate(row_texts(text)):
        twice = repeated_key(row_text)
        if twice is not None:
            rows[i] = BreachRecord(twice, "duplicate_key", None, f"the key {twice!r} stands twice in this row")
    if around:
        twice = repeated_key(body.replace(text, b"null", 1))
        if twice is not None:
            raise HttpError(400, "duplicate_key", f"the key {twice!r} stands twice in the request", hint="Send it once")


def _check_depth(text: bytes, rows: list[Row | BreachRecord]) -> None:
    if text.count(b"[") + text.count(b"{") <= len(rows) + 1:
        return  # flat rows in one list, and nothing more
    for row in rows:
        level: list[object] = [row]
        for _ in range(MAX_DEPTH):
            level = [part for one in level for part in _parts(one)]
            if not level:
                break
        else:
            raise too_deep()


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def too_deep() -> HttpError:
    """Return the refusal of a body that nests deeper than rows do."""
    return HttpError(400, "depth", f"the body nests deeper than {MAX_DEPTH} levels", hint="A row is flat: send it so")


def _malformed(body: bytes, err: msgspec.DecodeError) -> HttpError:
    if isinstance(err, msgspec.ValidationError):
        return HttpError(400, "request", f"this is no request: {err}", hint="The documentation shows its form")
    hint = "Send JSON"
    if b"NaN" in body or b"Infinity" in body:
        hint = "JSON has neither NaN nor Infinity: send null for a missing number"
    return HttpError(400, "json", str(err), hint=hint)
