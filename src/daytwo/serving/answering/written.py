"""Records and replies of plain requests, written at once as the bytes that they are.

`predictions/record.py` and `replies.py` next door say what stands in them and in which order, and the thorough way
makes them so; here what is the same for every request is written once. A property test holds both ways together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

import msgspec

from daytwo.predictions.record import CHAMPION, prediction_ids
from daytwo.serving.answering.replies import Answer

_encode = msgspec.json.Encoder().encode


class Told(NamedTuple):
    """A plain request, answered: its record, its reply, and its scores."""

    record: bytes
    reply: bytes
    scores: list[float]


_BY_CHAMPION, _NO_FALLBACK, _NO_WARNING = repeat(CHAMPION), repeat(msgspec.UNSET), repeat(())
# A named tuple's own maker costs three times as much, and this runs for every request.
_told = partial(tuple.__new__, Told)


class Writer:
    """Writes for one model, one version of it and one process, whose ids begin with `prefix`."""

    def __init__(self, model: str, version: str, key: str, prefix: str) -> None:
        self._version, self._prefix = repeat(version), prefix
        by, named = _fixed(prefix), _fixed(version)
        self._record = (
            b'{"type":"prediction","request_id":%b%b,"received_at_us":%d,"prefix":'
            + by
            + b',"start":%d,"versions":['
            + named
            + b'],"arms":["champion"],"keys":['
            + _fixed(key)
            + b'],"scores":%b%b,"rows":%b}'
        )
        self._reply = b'{"request_id":%b,"model":' + _fixed(model) + b',"predictions":%b}'
        self._own_id = b'"r-' + by[1:-1] + b'%09x"'

    def told(
        self,
        text: bytes,
        scores: list[float],
        acts: Sequence[bool | None],
        gains: Sequence[float | None],
        intervals: Sequence[tuple[float, float] | msgspec.UnsetType],
        keys: Sequence[str | None],
        *,
        request_id: str | None,
        start: int,
        received_at_us: int,
        fingerprint: int,
        shadow: str,
    ) -> Told:
        """Return the record and the reply to the rows in `text`; without a decision `acts` and `gains` are all None."""
        if request_id is None:
            identity, given = self._own_id % start, b""
        else:
            identity = _encode(request_id)
            given = b',"given":true,"fingerprint":%d' % fingerprint if fingerprint else b',"given":true'
        rest = b""
        if acts[0] is not None:
            rest = b',"acts":%b' % _encode(acts)
            if gains[0] is not None or gains.count(None) != len(gains):
                rest += b',"gains":%b' % _encode(gains)
        if shadow:
            rest += b',"shadow":%b' % _encode(shadow)
        record = self._record % (identity, given, received_at_us, start, _encode(scores), rest, text)
        ids = prediction_ids(self._prefix, start, len(scores))
        fixed = self._version, _BY_CHAMPION, intervals, _NO_FALLBACK, _NO_WARNING
        answers = list(map(Answer, ids, keys, scores, acts, gains, *fixed))
        return _told((record, self._reply % (identity, _encode(answers)), scores))


def _fixed(value: str) -> bytes:
    """Return a text as JSON, as it stands where other things are put in by %."""
    return _encode(value).replace(b"%", b"%%")


def with_condition(reply: bytes, words: str) -> bytes:
    """Return a reply that also says what is wrong with the model."""
    return b'%b,"degraded":%b}' % (reply[:-1], _encode(words))
