"""Requests in which every row plainly keeps its contract, answered by one version: nearly all, so they are made fast.

Here the reading of the JSON is nearly the whole check (`contracts/typed.py`). What is not plain (a warning, a mended
value, a failure, a key that stands twice, a wish for reasons) is left to `requests.py` and `predict.py`, which give a
plain request the same record and the same reply.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np

from daytwo.contracts.narrow import Narrow
from daytwo.contracts.typed import TypedRow, TypedRows, compile_typed
from daytwo.predictions.record import text_in
from daytwo.scoring.model import Model
from daytwo.scoring.trees_c import TreeScorer
from daytwo.serving.answering.advice import BLOCK_ROWS, gains
from daytwo.serving.answering.repeated_keys import plain_keys
from daytwo.serving.answering.written import Told, Writer

MAX_ID_CHARACTERS = 200
# How most requests begin, and what JSON takes for white space.
_ROWS_ALONE, _WHITE = b'{"rows":', b" \t\n\r"


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: msgspec.Raw
    request_id: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class PlainRequest(NamedTuple):
    """Rows that keep their contract: their text, their features as packed float32, and the id that the client chose."""

    text: bytes
    rows: Sequence[TypedRow]
    features: Sequence[bytes]
    request_id: str | None


# A named tuple's own maker costs three times as much, and this runs for every request.
_plain_request = partial(tuple.__new__, PlainRequest)


class Plain:
    """The plain door of one model; `key` and `subject` name its columns, empty where it has none.

    `read` gives None for whatever is not plain, `told` for a request on which the model failed.
    """

    def __init__(self, typed: TypedRows, model: Model, key: str, subject: str, *, decides: bool) -> None:
        self._typed, self._model, self._key_name, self._decides = typed, model, key, decides
        self._rows = msgspec.json.Decoder(list[typed.row_type])  # type: ignore[name-defined]  # made at run time
        self._key = typed.getter(key) if key else None
        self._whose = [typed.getter(one) for one in (subject, key) if one]
        columns = model.payoff.columns
        self._amounts: Callable[[TypedRow], Any] | None = typed.getter(*columns) if columns else None
        self._width = len(model.schema.features)
        self._unpack = struct.Struct(f"{self._width}f").unpack

    def read(self, body: bytes, max_rows: int) -> PlainRequest | None:
        """Return the request in the body of `POST /predict`, or None where it is not plain."""
        try:
            if not body.isascii():
                body.decode()
            if body.startswith(b"["):
                text, request_id, keys = body, None, 0
            elif body.startswith(_ROWS_ALONE) and body.endswith(b"]}"):
                # Where all between is one list, there is no other key.
                text, request_id, keys = body[len(_ROWS_ALONE) : -1].lstrip(_WHITE), None, 1
            else:
                around = _ENVELOPE.decode(body)
                text, request_id, keys = bytes(around.rows), around.request_id, 1 + (around.request_id is not None)
            rows = self._rows.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not 0 < len(rows) <= max_rows or plain_keys(body) != keys + self._typed.keys(rows):
            return None
        if request_id is not None and not 0 < len(request_id) <= MAX_ID_CHARACTERS:
            return None
        features: list[Any] = list(map(self._typed.packed, rows))
        return None if None in features else _plain_request((text, rows, features, request_id))

    def subjects(self, rows: Sequence[TypedRow]) -> list[str | None]:
        """Return whose each row is, by its subject or else its key; None where it says neither."""
        found: list[str | None] = [None] * len(rows)
        for getter in self._whose:
            found = [one or text_in(getter(row)) for one, row in zip(found, rows, strict=True)]
        return found

    def writer(self, model: str, prefix: str) -> Writer:
        """Return what writes the records and replies of this version, as the `model` of the process of `prefix`."""
        return Writer(model, self._model.digest, self._key_name, prefix)

    def told(
        self,
        asked: PlainRequest,
        writer: Writer,
        *,
        start: int,
        received_at_us: int,
        fingerprint: int = 0,
        shadow: str = "",
    ) -> Told | None:
        """Answer a request; the prediction ids begin with number `start`. None where the model fails on a row."""
        scores = self._scores(asked.features)
        if scores is None:
            return None
        acts: Sequence[bool | None]
        nothing = [None] * len(scores)
        found: Sequence[float | None] = nothing
        if self._decides:
            found = self._gains(asked.rows, scores)
            acts = [gain is not None and gain > 0 for gain in found]
        else:
            acts = nothing
        return writer.told(
            asked.text,
            scores,
            acts,
            found,
            self._intervals(scores),
            nothing if self._key is None else [text_in(key) for key in map(self._key, asked.rows)],
            request_id=asked.request_id,
            start=start,
            received_at_us=received_at_us,
            fingerprint=fingerprint,
            shadow=shadow,
        )

    def _intervals(self, scores: Sequence[Any]) -> Sequence[tuple[float, float] | msgspec.UnsetType]:
        known = self._model.confidence
        return [msgspec.UNSET] * len(scores) if known is None else list(map(known.interval, scores))

    def _scores(self, features: Sequence[bytes]) -> list[float] | None:
        """Return the calibrated scores, None where one is none."""
        model = self._model
        try:
            if len(features) < BLOCK_ROWS:
                engine, calibrated = model.engine, model.calibration.one
                if engine.__class__ is TreeScorer:
                    scores = [calibrated(engine.packed(one)) for one in features]
                else:
                    scores = [calibrated(engine.one(self._unpack(one))) for one in features]
            else:
                matrix = np.frombuffer(b"".join(features), dtype=np.float32).reshape(len(features), self._width)
                scores = model.score_many(matrix).tolist()
        except Exception:  # whatever the engine raises, `predict.py` finds out for which rows
            return None
        return scores if all(map(math.isfinite, scores)) else None

    def _gains(self, rows: Sequence[TypedRow], scores: Sequence[float]) -> list[float | None]:
        payoff = self._model.payoff
        if self._amounts is None:
            return gains(payoff, (), scores)
        names, amounts = payoff.columns, map(self._amounts, rows)
        one = len(names) == 1
        held = [{names[0]: value} if one else dict(zip(names, value, strict=True)) for value in amounts]
        return gains(payoff, held, scores)


def plain_door(model: Model, key: str, subject: str, *, decides: bool) -> Plain | None:
    """Return the plain door of `model`, or None where its contract or payoff cannot have one."""
    typed = compile_typed(model.contract, _usual(model))
    known = {column.name for column in model.contract.columns}
    if typed is None or not known.issuperset(model.payoff.columns):
        return None
    return Plain(typed, model, key, subject, decides=decides)


def _usual(model: Model) -> dict[str, Narrow]:
    """Return what the fast door takes of each feature: unusual rows get their warning at the thorough one."""
    if model.novelty is None:
        return {}
    levels = {feature.name: feature.levels for feature in model.schema.features}
    return {
        name: Narrow(
            usual.low,
            usual.high,
            frozenset(levels[name][code] for code in usual.rare if code < len(levels[name])),
            usual.missing,
        )
        for name, usual in model.novelty.features.items()
        if name in levels
    }
