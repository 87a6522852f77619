"""Requests in which every row plainly keeps its contract, answered by one version: nearly all, so they are made fast.

Here the reading of the JSON is nearly the whole check: natively where that was compiled (`contracts/rows_c.py`), which
also takes many requests at once, otherwise by generated types (`contracts/typed.py`). What is not plain (a warning, a
mended value, a failure, a key that stands twice, a wish for reasons) is left to `requests.py` and `predict.py`, which
give a plain request the same record and the same reply.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
import numpy as np

from daytwo.contracts.narrow import Narrow
from daytwo.contracts.rows_c import RowReader, row_reader
from daytwo.contracts.typed import TypedRows, compile_typed
from daytwo.predictions.record import text_in
from daytwo.scoring.later import model_us
from daytwo.scoring.model import Model
from daytwo.scoring.trees_c import TreeScorer
from daytwo.serving.answering.advice import BLOCK_ROWS, gains
from daytwo.serving.answering.repeated_keys import plain_keys
from daytwo.serving.answering.written import Told, Writer

MAX_ID_CHARACTERS = 200
# How most requests begin, and what JSON takes for white space.
_ROWS_ALONE, _WHITE = b'{"rows":', b" \t\n\r"
_FLOAT32_BYTES = 4


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: msgspec.Raw
    request_id: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class PlainRows(NamedTuple):
    """Rows that keep their contract, of one request or of several.

    `texts` and `counts` are the list of rows and how many they are, by request; `packed` holds the features of all
    rows, float32 one row behind the other, and `values` the columns that are looked at beside them. `request_id` is
    the id that the client of a single request chose.
    """

    texts: Sequence[bytes]
    counts: Sequence[int]
    packed: bytes
    values: Sequence[Sequence[Any]]
    request_id: str | None


# A named tuple's own maker costs three times as much, and this runs for every request.
_plain_rows = partial(tuple.__new__, PlainRows)


class Plain:
    """The plain door of one model; `key` and `subject` name its columns, empty where it has none.

    `read` gives None for whatever is not plain, `told` for requests on one of which the model failed. For one thread.
    """

    def __init__(
        self, typed: TypedRows, reader: RowReader | None, model: Model, key: str, subject: str, *, decides: bool
    ) -> None:
        self._typed, self._reader, self._model, self._key_name, self._decides = typed, reader, model, key, decides
        self._rows = msgspec.json.Decoder(list[typed.row_type])  # type: ignore[name-defined]  # made at run time
        names = asked_columns(model, key, subject)
        self._getters = [typed.getter(name) for name in names]
        self._key = names.index(key) if key else None
        self._whose = [names.index(one) for one in (subject, key) if one]
        self._amounts = [(name, names.index(name)) for name in model.payoff.columns]
        self._width = len(model.schema.features)
        self._row_bytes = _FLOAT32_BYTES * self._width
        self._unpack = struct.Struct(f"{self._width}f").unpack

    @property
    def takes_many(self) -> bool:
        """Whether several requests are read and scored in one go."""
        return self._reader is not None and self._model.engine.__class__ is TreeScorer

    def read(self, body: bytes, max_rows: int) -> PlainRows | None:
        """Return the request in the body of `POST /predict`, or None where it is not plain."""
        if self._reader is not None:
            found = self._reader.read((body,), max_rows)
            if found.counts[0] > 0:
                return _plain_rows((found.texts, found.counts, found.packed, found.values, None))
        return self._read_one(body, max_rows)

    def read_many(self, bodies: Sequence[bytes], max_rows: int) -> tuple[PlainRows, list[bool]]:
        """Return what is plain of several requests without an id of their own, and which of them that is.

        Only where it `takes_many`.
        """
        assert self._reader is not None
        found = self._reader.read(bodies, max_rows)
        taken = [count > 0 for count in found.counts]
        if all(taken):
            return _plain_rows((found.texts, found.counts, found.packed, found.values, None)), taken
        texts = [text for text, plain in zip(found.texts, taken, strict=True) if plain]
        counts = [count for count in found.counts if count > 0]
        return _plain_rows((texts, counts, found.packed, found.values, None)), taken

    def _read_one(self, body: bytes, max_rows: int) -> PlainRows | None:
        """Read a request that has an id of its own, or where nothing reads natively."""
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
            if request_id is not None and not 0 < len(request_id) <= MAX_ID_CHARACTERS:
                return None
            rows = self._rows.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not 0 < len(rows) <= max_rows or plain_keys(body) != keys + self._typed.keys(rows):
            return None
        features: list[Any] = list(map(self._typed.packed, rows))
        if None in features:
            return None
        values = [list(map(getter, rows)) for getter in self._getters]
        return _plain_rows(((text,), (len(rows),), b"".join(features), values, request_id))

    def subjects(self, asked: PlainRows) -> list[str | None]:
        """Return whose each row is, by its subject or else its key; None where it says neither."""
        found: list[str | None] = [None] * sum(asked.counts)
        for place in self._whose:
            found = [one or text_in(value) for one, value in zip(found, asked.values[place], strict=True)]
        return found

    def writer(self, model: str, prefix: str) -> Writer:
        """Return what writes the records and replies of this version, as the `model` of the process of `prefix`."""
        return Writer(model, self._model.digest, self._key_name, prefix)

    def told(
        self,
        asked: PlainRows,
        writer: Writer,
        *,
        start: int,
        received_at_us: int,
        fingerprint: int = 0,
        shadow: str = "",
        token: str = "",
        timed: bool = False,
    ) -> Told | None:
        """Answer requests; the prediction ids begin with number `start`. None where the model fails on a row.

        `timed` notes how long the model took.
        """
        begun = perf_counter() if timed else 0.0
        scores = self._scores(asked.packed)
        if scores is None:
            return None
        took = model_us(begun, len(scores)) if timed else None
        known = self._model.confidence
        return writer.told(
            asked.texts,
            asked.counts,
            scores,
            self._gains(asked, scores) if self._decides else None,
            None if known is None else list(map(known.interval, scores)),
            None if self._key is None else list(map(text_in, asked.values[self._key])),
            request_id=asked.request_id,
            start=start,
            received_at_us=received_at_us,
            fingerprint=fingerprint,
            shadow=shadow,
            token=token,
            took_us=took,
        )

    def _scores(self, packed: bytes) -> list[float] | None:
        """Return the calibrated scores, None where one is none."""
        model, size = self._model, self._row_bytes
        try:
            if len(packed) < BLOCK_ROWS * size:
                engine, calibrated = model.engine, model.calibration.one
                rows = [packed] if len(packed) == size else [packed[i : i + size] for i in range(0, len(packed), size)]
                if engine.__class__ is TreeScorer:
                    scores = [calibrated(engine.packed(one)) for one in rows]
                else:
                    scores = [calibrated(engine.one(self._unpack(one))) for one in rows]
            else:
                matrix = np.frombuffer(packed, dtype=np.float32).reshape(-1, self._width)
                scores = model.score_many(matrix).tolist()
        except Exception:  # whatever the engine raises, `predict.py` finds out for which rows
            return None
        return scores if all(map(math.isfinite, scores)) else None

    def _gains(self, asked: PlainRows, scores: Sequence[float]) -> list[float | None]:
        payoff = self._model.payoff
        if not self._amounts:
            return gains(payoff, (), scores)
        columns = [asked.values[place] for _, place in self._amounts]
        names = [name for name, _ in self._amounts]
        return gains(payoff, [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], scores)


def asked_columns(model: Model, key: str, subject: str) -> list[str]:
    """Return the columns whose values are looked at beside the features."""
    return list(dict.fromkeys(name for name in (subject, key, *model.payoff.columns) if name))


def plain_door(model: Model, key: str, subject: str, *, decides: bool) -> Plain | None:
    """Return the plain door of `model`, or None where its contract or payoff cannot have one."""
    usual = _usual(model)
    typed = compile_typed(model.contract, usual)
    known = {column.name for column in model.contract.columns}
    if typed is None or not known.issuperset(model.payoff.columns):
        return None
    reader = row_reader(model.contract, asked_columns(model, key, subject), usual)
    return Plain(typed, reader, model, key, subject, decides=decides)


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
