"""What was recorded lately: which request ids are known, and where each prediction lies in the journal.

Only places are kept in memory, a few bytes a request; the record itself is read back from its segment. After a
restart the memory is made again from the segments that are still there, shipped ones of the last hours included. Of
several workers each remembers its own share (`workers/share.py`), and names the keeper of whatever else is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import msgspec

from daytwo.core.errors import Fault, NotFound
from daytwo.predictions.journal import Place
from daytwo.predictions.record import FeedbackRecord, LabelsRecord, PredictionRecord, decode, split_id
from daytwo.predictions.segments import (
    OPEN,
    SEALED,
    SHIPPED,
    Segment,
    read_payload,
    read_segment,
    sealed_segments,
    segment_name,
)
from daytwo.serving.transport.messages import HttpError
from daytwo.serving.workers.share import Keeping, Share

# At some 110 bytes an id this is 30 MB. Older ids are forgotten first.
MAX_IDS = 300_000
# Two numbers of 8 bytes a request.
MAX_REQUESTS = 1_000_000
_OFFSET_BITS = 36
# A segment is named by its process's prefix and a number of so many digits.
_NUMBER_DIGITS = 6


class _Head(msgspec.Struct):
    """The few fields of a record that are remembered; the rest of its text is skipped."""

    type: str
    request_id: str = ""
    given: bool = False
    prefix: str = ""
    start: int = 0
    shadow: str = ""
    version: str = ""


_HEAD = msgspec.json.Decoder(_Head)


@dataclass(slots=True)
class _Starts:
    """The predictions of one process: the number of each request's first, and where it lies; both only grow."""

    starts: array[int] = field(default_factory=lambda: array("Q"))
    places: array[int] = field(default_factory=lambda: array("Q"))


class Recent:
    """Places of recent records in the journal `folder`, as far as they are this worker's to keep."""

    def __init__(self, folder: Path, share: Keeping = Share()) -> None:  # noqa: B008 (frozen)
        self._folder, self._share = folder, share
        self._segments: list[str] = []
        self._numbers: dict[str, int] = {}
        self._ids: dict[int, int] = {}
        self._predictions: dict[str, _Starts] = {}
        self._requests = 0
        self._promised: set[tuple[str, str]] = set()
        self._due: dict[tuple[str, int], tuple[str, int]] = {}

    def remember_id(self, kind: str, request_id: str, place: Place) -> None:
        """Keep where the request of a client's own id lies; `kind` keeps apart what was asked."""
        if len(self._ids) >= MAX_IDS:
            del self._ids[next(iter(self._ids))]
        self._ids[_hash(kind, request_id)] = self._pack(place)

    def promise_id(self, kind: str, request_id: str) -> Callable[[Place], None]:
        """Return what keeps the place of this request once it is known; until then the id `is_promised`."""
        self._promised.add((kind, request_id))

        def keep(place: Place) -> None:
            self._promised.discard((kind, request_id))
            self.remember_id(kind, request_id, place)

        return keep

    def is_promised(self, kind: str, request_id: str) -> bool:
        """Whether a request with this id waits to be written."""
        return (kind, request_id) in self._promised

    def forget_promises(self) -> None:
        """Drop what was not written after all."""
        self._promised.clear()

    def remember_prediction(self, prefix: str, start: int, place: Place) -> None:
        """Keep where the predictions from `start` on lie."""
        self.remember_predictions(prefix, (start,), place.segment, (place.offset,))

    def remember_predictions(self, prefix: str, starts: Sequence[int], segment: str, offsets: Sequence[int]) -> None:
        """Keep where the predictions of several requests lie, each from its start on."""
        if self._requests >= MAX_REQUESTS:
            self._forget_predictions()
        known = self._predictions.get(prefix)
        if known is None:
            known = self._predictions[prefix] = _Starts()
        base = self._number(segment) << _OFFSET_BITS
        known.starts.extend(starts)
        known.places.extend([base | offset for offset in offsets])
        self._requests += len(offsets)

    def prediction_request(self, request_id: str) -> PredictionRecord | None:
        """Return what was recorded for this id of a client, or None where nothing is known.

        Raises
        ------
        HttpError
            409, if the id is known and its record no longer here.
        Elsewhere
            If another worker keeps this id.
        """
        record = self._known("prediction", request_id)
        return record if isinstance(record, PredictionRecord) and record.request_id == request_id else None

    def labels_request(self, request_id: str) -> LabelsRecord | None:
        """Return the labels that were recorded under this id, or None; raises as `prediction_request` does."""
        record = self._known("labels", request_id)
        return record if isinstance(record, LabelsRecord) and record.request_id == request_id else None

    def feedback_request(self, request_id: str) -> FeedbackRecord | None:
        """Return the feedback that was recorded under this id, or None; raises as `prediction_request` does."""
        record = self._known("feedback", request_id)
        return record if isinstance(record, FeedbackRecord) and record.request_id == request_id else None

    def prediction(self, identity: str) -> tuple[PredictionRecord, int] | None:
        """Return the record of a prediction and its row's number in it, or None where nothing is known.

        Raises
        ------
        Elsewhere
            If another worker keeps it.
        """
        split = split_id(identity)
        if split is None:
            return None
        self._share.must_be_mine(split[0])
        if split[0] not in self._predictions:
            return None
        prefix, number = split
        known = self._predictions[prefix]
        at = bisect_right(known.starts, number) - 1
        record = self._read(known.places[at]) if at >= 0 else None
        if not isinstance(record, PredictionRecord) or not 0 <= number - record.start < len(record.scores):
            return None
        return record, number - record.start

    def rebuild(self, others: Collection[str] = ()) -> None:
        """Remember everything that lies in the folder; what the `others`, prefixes of workers, wrote is not ours."""
        # In the order in which a segment moves, so that none is missed that moves meanwhile.
        found = [
            *self._folder.glob(f"*{OPEN}"),
            *sealed_segments(self._folder),
            *sealed_segments(self._folder / SHIPPED),
        ]
        for name in sorted({segment_name(path) for path in found}):
            if name[:-_NUMBER_DIGITS] not in others:
                self._rebuild_from(name)

    def found_for(self, share: Keeping) -> Recent:
        """Return what lies in the folder as far as it belongs to another `share`; may be called by another thread."""
        found = Recent(self._folder, share)
        found.rebuild()
        return found

    def take_in(self, found: Recent) -> None:
        """Remember what was found besides; nothing of it was written by this process since."""
        for identity, packed in found._ids.items():
            self._ids[identity] = self._moved(found, packed)
        while len(self._ids) > MAX_IDS:
            del self._ids[next(iter(self._ids))]
        for prefix, known in found._predictions.items():
            before = self._predictions.get(prefix)
            self._requests += len(known.starts) - (0 if before is None else len(before.starts))
            places = array("Q", [self._moved(found, packed) for packed in known.places])
            self._predictions[prefix] = _Starts(known.starts, places)
        while self._requests > MAX_REQUESTS:
            self._forget_predictions()
        self._due |= {at: (digest, self._moved(found, packed)) for at, (digest, packed) in found._due.items()}

    def unshadowed(self, version: str) -> Iterator[PredictionRecord]:
        """Yield, once, the requests from before the restart that `version` was to score in shadow and did not."""
        due, self._due = self._due, {}
        for digest, place in due.values():
            record = self._read(place) if digest == version else None
            if isinstance(record, PredictionRecord):
                yield record

    def _rebuild_from(self, name: str) -> None:
        segment = self._segment(name)
        if segment is None:
            return
        for (offset, length), payload in zip(segment.spans, segment.payloads(), strict=True):
            head, place = _HEAD.decode(payload), Place(name, offset, length)
            if head.type == "prediction":
                if self._share.is_mine(head.prefix):
                    self.remember_prediction(head.prefix, head.start, place)
                    if head.shadow:
                        self._due[head.prefix, head.start] = head.shadow, self._pack(place)
                if head.given and self._share.is_mine(head.request_id):
                    self.remember_id("prediction", head.request_id, place)
            elif head.type in {"labels", "feedback"} and head.request_id and self._share.is_mine(head.request_id):
                self.remember_id(head.type, head.request_id, place)
            elif head.type == "shadow":
                self._due.pop((head.prefix, head.start), None)

    def _segment(self, name: str) -> Segment | None:
        """Return the segment of this name, wherever it has got to by now; None where it is gone."""
        for path in (
            self._folder / (name + OPEN),
            self._folder / (name + SEALED),
            self._folder / SHIPPED / (name + SEALED),
        ):
            try:
                return read_segment(path)
            except Fault as err:
                if not isinstance(err.__cause__, FileNotFoundError):
                    raise
        return None

    def _known(self, kind: str, request_id: str) -> object:
        self._share.must_be_mine(request_id)
        place = self._ids.get(_hash(kind, request_id))
        if place is None:
            return None
        record = self._read(place)
        if record is None:
            raise HttpError(
                409,
                "duplicate",
                f"the request_id {request_id!r:.80} was answered long ago",
                hint="Its record is in the tables; send new content under a new id",
            )
        return record

    def _read(self, packed: int) -> object:
        name, offset = self._segments[packed >> _OFFSET_BITS], packed & ((1 << _OFFSET_BITS) - 1)
        try:
            return decode(read_payload(self._folder, name, offset))
        except (NotFound, msgspec.MsgspecError):
            return None

    def _pack(self, place: Place) -> int:
        return self._number(place.segment) << _OFFSET_BITS | place.offset

    def _moved(self, other: Recent, packed: int) -> int:
        """Return a place as it is kept here, of one that is kept by `other`."""
        segment = other._segments[packed >> _OFFSET_BITS]
        return self._number(segment) << _OFFSET_BITS | packed & ((1 << _OFFSET_BITS) - 1)

    def _number(self, segment: str) -> int:
        number = self._numbers.get(segment)
        if number is None:
            number = self._numbers[segment] = len(self._segments)
            self._segments.append(segment)
        return number

    def _forget_predictions(self) -> None:
        """Drop the older half of the oldest process's predictions."""
        prefix = next(iter(self._predictions))
        known = self._predictions[prefix]
        half = (len(known.starts) + 1) // 2
        del known.starts[:half], known.places[:half]
        self._requests -= half
        if not known.starts:
            del self._predictions[prefix]


def _hash(kind: str, request_id: str) -> int:
    text = f"{kind}:{request_id}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=7).digest())
