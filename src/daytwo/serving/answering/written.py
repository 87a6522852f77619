"""Records and replies of plain requests, written at once as the bytes that they are.

`predictions/record.py` and `replies.py` next door say what stands in them and in which order, and the thorough way
makes them so; here what is the same for every request is written once. A property test holds both ways together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode
_TRUTH = {True: b"true", False: b"false"}


class Told(NamedTuple):
    """Plain requests, answered: their records and replies, and the scores of all their rows."""

    records: list[bytes]
    replies: list[bytes]
    scores: list[float]


# A named tuple's own maker costs three times as much, and this runs for every turn.
_told = partial(tuple.__new__, Told)


class Writer:
    """Writes for one model, one version of it and one process, whose ids begin with `prefix`."""

    def __init__(self, model: str, version: str, key: str, prefix: str) -> None:
        by, named = _fixed(prefix), _fixed(version)
        rest = b',"received_at_us":%d,"prefix":' + by + b',"start":%d,"versions":[' + named
        rest += b'],"arms":["champion"],"keys":[' + _fixed(key) + b'],"scores":[%b]%b,"rows":%b}'
        begin, around = b'{"type":"prediction","request_id":', b',"model":' + _fixed(model) + b',"predictions":['
        self._own_id = b'"r-' + by[1:-1] + b'%09x"'
        self._record, self._own_record = begin + b"%b%b" + rest, begin + self._own_id + rest
        self._reply = b'{"request_id":%b' + around + b"%b]}"
        answer = b'{"prediction_id":"' + by[1:-1] + b'%09x","key":%b,"score":%b,"act":%b,"gain":%b,"version":' + named
        self._answer = answer + b',"arm":"champion","warnings":[]}'
        self._sure_answer = answer + b',"arm":"champion","interval":[%b,%b],"warnings":[]}'
        own = b'{"request_id":' + self._own_id + around
        self._own_reply, self._own_sure_reply = own + self._answer + b"]}", own + self._sure_answer + b"]}"

    def told(
        self,
        texts: Sequence[bytes],
        counts: Sequence[int],
        scores: list[float],
        gains: Sequence[float | None] | None,
        intervals: Sequence[tuple[float, float]] | None,
        keys: Sequence[str | None] | None,
        *,
        request_id: str | None,
        start: int,
        received_at_us: int,
        fingerprint: int,
        shadow: str,
        token: str,
        took_us: float | None = None,
    ) -> Told:
        """Return the records and replies of requests with these texts and numbers of rows; the rest is by row.

        `gains` is None without a decision, `intervals` and `keys` where there are none. `request_id` is for one request
        alone, as are `fingerprint`, `shadow`, the `token` that it came with, and `took_us`, the model's time for a row.
        """
        rows = len(scores)
        told = _numbers(scores)
        nothing = [b"null"] * rows
        acts = nothing if gains is None else [_TRUTH[gain is not None and gain > 0] for gain in gains]
        brought = nothing if gains is None else _numbers(gains)
        named = nothing if keys is None else list(map(_encode, keys))
        columns: tuple[Iterable[object], ...] = (range(start, start + rows), named, told, acts, brought)
        template, alone = self._answer, self._own_reply
        if intervals is not None:
            template, alone = self._sure_answer, self._own_sure_reply
            columns += (_numbers([low for low, _ in intervals]), _numbers([high for _, high in intervals]))
        if rows == len(texts) and request_id is None and not (shadow or token or took_us is not None):
            # Single rows under ids of our own, as most are: each is written in one go.
            record, at = self._own_record, received_at_us
            rests = [b""] * rows if gains is None else list(map(_decided_alone, acts, brought))
            told_rows = zip(columns[0], told, rests, texts, strict=True)
            records = [record % (number, at, number, score, rest, text) for number, score, rest, text in told_rows]
            replies = [alone % (row[0], *row) for row in zip(*columns, strict=True)]
            return _told((records, replies, scores))
        answers = [template % row for row in zip(*columns, strict=True)]
        given = _given(request_id, fingerprint)
        records, replies, begin = [], [], 0
        for text, count in zip(texts, counts, strict=True):
            end, number = begin + count, start + begin
            identity = self._own_id % number if request_id is None else _encode(request_id)
            rest = b"" if gains is None else _decided(acts[begin:end], brought[begin:end])
            if shadow:
                rest += b',"shadow":%b' % _encode(shadow)
            if token:
                rest += b',"token":%b' % _encode(token)
            if took_us is not None:
                rest += b',"model_us":[%b]' % _encode(took_us)
            if count == 1:
                score, answer = told[begin], answers[begin]
            else:
                score, answer = b",".join(told[begin:end]), b",".join(answers[begin:end])
            records.append(self._record % (identity, given, received_at_us, number, score, rest, text))
            replies.append(self._reply % (identity, answer))
            begin = end
        return _told((records, replies, scores))


def _numbers(values: Sequence[float | None]) -> list[bytes]:
    """Return each number as JSON."""
    return _encode(values)[1:-1].split(b",")


def _given(request_id: str | None, fingerprint: int) -> bytes:
    """Return what a record says of an id that its client chose."""
    if request_id is None:
        return b""
    return b',"given":true,"fingerprint":%d' % fingerprint if fingerprint else b',"given":true'


def _decided_alone(act: bytes, gain: bytes) -> bytes:
    """Return what a record says of one decision."""
    return b',"acts":[%b]' % act if gain == b"null" else b',"acts":[%b],"gains":[%b]' % (act, gain)


def _decided(acts: Sequence[bytes], gains: Sequence[bytes]) -> bytes:
    """Return what a record says of decisions."""
    if len(acts) == 1:
        return _decided_alone(acts[0], gains[0])
    told = b',"acts":[%b]' % b",".join(acts)
    return told if all(gain == b"null" for gain in gains) else b'%b,"gains":[%b]' % (told, b",".join(gains))


def _fixed(value: str) -> bytes:
    """Return a text as JSON, as it stands where other things are put in by %."""
    return _encode(value).replace(b"%", b"%%")


def with_condition(reply: bytes, words: str) -> bytes:
    """Return a reply that also says what is wrong with the model."""
    return b'%b,"degraded":%b}' % (reply[:-1], _encode(words))
