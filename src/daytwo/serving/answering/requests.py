"""What a client asks, read from its bytes: every way to be wrong has a name.

`POST /predict` takes `{"rows": [...], ...}`, a bare list of rows, or one row. A request that is no JSON, or no
request, is refused as a whole; a row that is no row is a bad row among good ones. The rows' own text is kept, for
the journal remembers what was sent and not what was made of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from daytwo.predictions.record import BreachRecord, Row, read_row, read_rows, row_texts
from daytwo.serving.answering.repeated_keys import plain_keys, repeated_key
from daytwo.serving.transport.messages import HttpError

# Rows are flat; whatever nests deeper than this was not meant as one.
MAX_DEPTH = 16
MAX_ID_CHARACTERS = 200


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: msgspec.Raw
    request_id: str | None = None
    explain: bool | None = None
    replay_of: list[str | None] | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


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
        raise malformed(body, err) from err


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
    return PredictRequest(text, rows, checked_id(request.request_id), bool(request.explain), request.replay_of)


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
    return PredictRequest(text, rows, checked_id(request_id), False, None)


def _rows(read: list[Row | msgspec.ValidationError], max_rows: int) -> list[Row | BreachRecord]:
    if not read:
        raise HttpError(422, "empty", "there are no rows in the request", hint="Send at least one")
    if len(read) > max_rows:
        raise HttpError(
            413, "too_many_rows", f"{len(read)} rows are more than {max_rows}", hint="Send them in several requests"
        )
    return [one if isinstance(one, dict) else BreachRecord("", "type", None, f"this is no row: {one}") for one in read]


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


def checked_id(identity: str | None) -> str | None:
    """Return an id, a client's or ours; raises `HttpError` 422 where its length is none that is kept."""
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


def malformed(body: bytes, err: msgspec.DecodeError) -> HttpError:
    """Return the refusal of a body that is no JSON, or no request."""
    if isinstance(err, msgspec.ValidationError):
        return HttpError(400, "request", f"this is no request: {err}", hint="The documentation shows its form")
    hint = "Send JSON"
    if b"NaN" in body or b"Infinity" in body:
        hint = "JSON has neither NaN nor Infinity: send null for a missing number"
    return HttpError(400, "json", str(err), hint=hint)
