"""Pseudonyms in place of what is personal in a request, before anything is done with it.

Whatever comes after (check, route, journal, shadow, reply) knows the pseudonyms only. A row that can be read keeps its
form; one that is no row, or cannot be read, is kept as one pseudonym of all its text: enough to tell that it came
again, and no more. `core/pseudonyms.py` makes them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import msgspec

from daytwo.core.pseudonym_key import pseudonyms_by
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.predictions.record import BreachRecord, Row, row_texts
from daytwo.serving.answering.repeated_keys import plain_keys
from daytwo.serving.answering.requests import PredictRequest
from daytwo.serving.config import ModelConfig


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[dict[str, object]]
    request_id: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ROWS = msgspec.json.Decoder(list[dict[str, object]])


def hidden_body(body: bytes, pseudonyms: Pseudonyms) -> bytes | None:
    """Return a body of `POST /predict` with pseudonyms for what is personal in it, None where its rows are not plain.

    Plain rows are flat, and no key stands twice: of those, nothing that `requests.py` would refuse is lost here.
    """
    try:
        if not body.isascii():
            body.decode()
        if body.startswith(b"["):
            rows, request_id, keys = _ROWS.decode(body), None, 0
        else:
            around = _ENVELOPE.decode(body)
            rows, request_id, keys = around.rows, around.request_id, 1 + (around.request_id is not None)
        brackets = len(rows) + 1 + (keys > 0)
        if body.count(b"{") + body.count(b"[") != brackets or plain_keys(body) != keys + sum(map(len, rows)):
            return None
        kept = [pseudonyms.row(row) for row in rows]
        return msgspec.json.encode(kept if request_id is None else {"rows": kept, "request_id": request_id})
    except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError):
        return None


def hidden(asked: PredictRequest, pseudonyms: Pseudonyms) -> PredictRequest:
    """Return the request with pseudonyms for what is personal in its rows, also in the text that is kept of them."""
    rows: list[Row | BreachRecord] = []
    kept: list[object] = []
    texts = row_texts(asked.text) if any(isinstance(row, BreachRecord) for row in asked.rows) else []
    for i, row in enumerate(asked.rows):
        if isinstance(row, BreachRecord):
            rows.append(row)
            kept.append(_unreadable(texts[i], pseudonyms))
        else:
            made = cast("Row", pseudonyms.row(row))
            rows.append(made)
            kept.append(made)
    return replace(asked, text=msgspec.json.encode(kept), rows=rows)


def _unreadable(text: bytes, pseudonyms: Pseudonyms) -> object:
    """Return what is kept of a row that stands as a breach: one with a key twice keeps its form."""
    try:
        read = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        read = None
    return pseudonyms.row(read) if isinstance(read, dict) else pseudonyms.of(text.decode(errors="replace"))


def pseudonyms_for(config: ModelConfig) -> Pseudonyms | None:
    """Return what hides the personal columns of a model that is served, None where it has none.

    Raises
    ------
    SettingsError
        If the key is not there, or is too short to be a secret.
    """
    return pseudonyms_by(config.personal, config.pseudonym_key) if config.personal else None
