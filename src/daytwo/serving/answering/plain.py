"""Requests in which every row plainly keeps its contract, answered by one version: nearly all, so they are made fast.

Here the reading of the JSON is nearly the whole check (`contracts/typed.py`). What is not plain (a warning, a mended
value, a failure, a key that stands twice, a wish for reasons) is left to `requests.py` and `predict.py`, which give a
plain request the same record and the same reply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from daytwo.contracts.narrow import Narrow
from daytwo.contracts.typed import TypedRow, TypedRows, compile_typed
from daytwo.predictions.record import CHAMPION, PredictionRecord, prediction_ids, text_in
from daytwo.scoring.model import Model
from daytwo.serving.answering.advice import BLOCK_ROWS, gains
from daytwo.serving.answering.repeated_keys import plain_keys
from daytwo.serving.answering.replies import Answer, Reply

MAX_ID_CHARACTERS = 200


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: msgspec.Raw
    request_id: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """Rows that keep their contract: their text, their features, and the id that the client chose.

    The features are lists of numbers for a few rows, packed float32 for many.
    """

    text: msgspec.Raw
    rows: Sequence[TypedRow]
    features: Sequence[Any]
    request_id: str | None


class Plain:
    """The plain door of one model; `key` and `subject` name its columns, empty where it has none.

    `read` gives None for whatever is not plain, `answer` for a request on which the model failed.
    """

    def __init__(self, typed: TypedRows, model: Model, key: str, subject: str, *, decides: bool) -> None:
        self._typed, self._model, self._key_name, self._decides = typed, model, key, decides
        self._rows = msgspec.json.Decoder(list[typed.row_type])  # type: ignore[name-defined]  # made at run time
        self._key = typed.getter(key) if key else None
        self._whose = [typed.getter(one) for one in (subject, key) if one]
        columns = model.payoff.columns
        self._amounts: Callable[[TypedRow], Any] | None = typed.getter(*columns) if columns else None
        self._width = len(model.schema.features)

    def read(self, body: bytes, max_rows: int) -> PlainRequest | None:
        """Return the request in the body of `POST /predict`, or None where it is not plain."""
        try:
            if not body.isascii():
                body.decode()
            if body.startswith(b"["):
                text, request_id, keys = msgspec.Raw(body), None, 0
            else:
                around = _ENVELOPE.decode(body)
                text, request_id, keys = around.rows, around.request_id, 1 + (around.request_id is not None)
            rows = self._rows.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not 0 < len(rows) <= max_rows or plain_keys(body) != keys + self._typed.keys(rows):
            return None
        if request_id is not None and not 0 < len(request_id) <= MAX_ID_CHARACTERS:
            return None
        take = self._typed.features if len(rows) < BLOCK_ROWS else self._typed.packed
        features: list[Any] = list(map(take, rows))
        return None if None in features else PlainRequest(text, rows, features, request_id)

    def subjects(self, rows: Sequence[TypedRow]) -> list[str | None]:
        """Return whose each row is, by its subject or else its key; None where it says neither."""
        found: list[str | None] = [None] * len(rows)
        for getter in self._whose:
            found = [one or text_in(getter(row)) for one, row in zip(found, rows, strict=True)]
        return found

    def answer(
        self,
        asked: PlainRequest,
        *,
        prefix: str,
        start: int,
        received_at_us: int,
        fingerprint: int,
        shadow: str,
    ) -> PredictionRecord | None:
        """Return the record of the answered request; the prediction ids begin with number `start`."""
        scores = self._scores(asked.features)
        if scores is None:
            return None
        found = self._gains(asked.rows, scores) if self._decides else []
        return PredictionRecord(
            request_id=asked.request_id or f"r-{prefix}{start:09x}",
            given=asked.request_id is not None,
            fingerprint=fingerprint,
            received_at_us=received_at_us,
            prefix=prefix,
            start=start,
            versions=(self._model.digest,),
            arms=(CHAMPION,),
            keys=(self._key_name,),
            scores=list(scores),
            acts=[gain is not None and gain > 0 for gain in found],
            gains=found if any(gain is not None for gain in found) else [],
            shadow=shadow,
            rows=asked.text,
        )

    def reply(self, record: PredictionRecord, rows: Sequence[TypedRow], model: str) -> Reply:
        """Return the reply to a request that `answer` has answered, as `replies.reply` makes it."""
        keys = [text_in(key) for key in map(self._key, rows)] if self._key else [None] * len(rows)
        ids = prediction_ids(record.prefix, record.start, len(rows))
        acts: Sequence[bool | None] = record.acts or [None] * len(rows)
        gains: Sequence[float | None] = record.gains or [None] * len(rows)
        version = self._model.digest
        intervals = self._intervals(record.scores)
        answers = [
            Answer(identity, key, score, act, gain, version, CHAMPION, interval, msgspec.UNSET, ())
            for identity, key, score, act, gain, interval in zip(
                ids, keys, record.scores, acts, gains, intervals, strict=True
            )
        ]
        return Reply(record.request_id, model, answers)

    def _intervals(self, scores: Sequence[Any]) -> Sequence[tuple[float, float] | msgspec.UnsetType]:
        known = self._model.confidence
        return [msgspec.UNSET] * len(scores) if known is None else list(map(known.interval, scores))

    def _scores(self, features: Sequence[Any]) -> list[float] | None:
        """Return the calibrated scores, None where one is none."""
        model = self._model
        try:
            if len(features) < BLOCK_ROWS:
                scores = [model.score(one) for one in features]
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
