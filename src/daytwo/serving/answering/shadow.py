"""The shadow version scores what the others have answered, when nobody waits: after the replies, a slice at a time.

The queue is bounded by bytes; what comes while it is full is dropped and counted. A score in shadow is recorded in
the journal like an answer, and a request whose shadow was cut short by a kill is done again after the restart.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from daytwo.core.errors import Fault
from daytwo.predictions.journal import Journal
from daytwo.predictions.record import (
    PredictionRecord,
    Row,
    ShadowRecord,
    encode,
    good_row,
    mended,
    read_rows,
    text_of,
)
from daytwo.scoring.later import ERRAND, Errand, Later, model_us
from daytwo.serving.answering.live import Version
from daytwo.serving.answering.predict import breach_record, score_rows
from daytwo.serving.answering.waiting import when_there
from daytwo.serving.metrics import OfModel

# About a millisecond of work, so that a request that comes meanwhile hardly waits.
_SLICE_ROWS = 64
# So many of the latest drops are remembered for the health answer.
_DROPS = 100


@dataclass(slots=True)
class _Job:
    """One recorded request on its way through the shadow version."""

    record: PredictionRecord
    version: Version
    rows: list[Row] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    took_us: list[float] = field(default_factory=list)
    errand: Errand = field(default_factory=Errand)

    @property
    def size(self) -> int:
        return len(bytes(self.record.rows))


class ShadowQueue:
    """Requests that wait for their shadow score. For the loop's thread only."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        journal: Journal,
        metrics: OfModel,
        max_bytes: int,
    ) -> None:
        self._loop, self._journal, self._metrics, self._max_bytes = loop, journal, metrics, max_bytes
        self._jobs: deque[_Job] = deque()
        self._bytes = 0
        self._rows = 0
        self._scheduled = False
        self._dropped: deque[tuple[float, int]] = deque(maxlen=_DROPS)

    def dropped_since(self, moment: float) -> int:
        """Return how many rows were dropped since `moment`, in seconds since 1970, as far as that is remembered."""
        return sum(rows for at, rows in self._dropped if at >= moment)

    def put(self, record: PredictionRecord, version: Version) -> None:
        """Queue the rows of a recorded request for `version`, or drop them where the queue is full.

        What is queued is scored even when the route has changed meanwhile: the record has promised it.
        """
        size, rows = len(bytes(record.rows)), len(record.scores)
        if self._bytes + size > self._max_bytes:
            self._drop("full", rows)
            return
        self._jobs.append(_Job(record, version))
        self._bytes += size
        self._count(rows)
        self._schedule()

    def drain(self) -> None:
        """Score everything that waits, now."""
        while self._jobs:
            self._step()

    def _schedule(self) -> None:
        if self._jobs and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._jobs:
            before = ERRAND.set(self._jobs[0].errand)
            try:
                self._step()
            except Later as later:
                self._scheduled = True
                when_there(later, self._turn)
                return
            finally:
                ERRAND.reset(before)
        self._schedule()

    def _step(self) -> None:
        """Score one slice of the first request in the queue; record it when it is done."""
        job = self._jobs[0]
        if not job.rows:
            job.rows = [good_row(row) for row in read_rows(job.record.rows)]
        _score_slice(job, range(len(job.scores), min(len(job.scores) + _SLICE_ROWS, len(job.rows))))
        if len(job.scores) < len(job.rows):
            return
        try:
            self._journal.append(encode(_shadow_record(job)))
        except Fault:
            self._finish("journal")
        else:
            self._finish("")

    def _finish(self, dropped: str) -> None:
        job = self._jobs.popleft()
        rows = len(job.record.scores)
        self._bytes -= job.size
        self._count(-rows)
        if dropped:
            self._drop(dropped, rows)
        else:
            self._metrics.add("daytwo_shadow_rows_total", by=rows)

    def _drop(self, reason: str, rows: int) -> None:
        self._dropped.append((time.time(), rows))
        self._metrics.add("daytwo_shadow_dropped_total", (("reason", reason),), rows)

    def _count(self, rows: int) -> None:
        self._rows += rows
        self._metrics.set("daytwo_shadow_queue_rows", self._rows)


def _score_slice(job: _Job, slice_: range) -> None:
    """Score some of the rows, and put what the version saw of each in its place."""
    version, rows = job.version, job.rows
    checked: list[list[float] | None] = []
    for i in slice_:
        values, breaches = version.model.decoder.check(rows[i])
        rows[i] = mended(rows[i], map(breach_record, breaches)) if breaches else rows[i]
        checked.append(values)
    good = [values for values in checked if values is not None]
    begun = time.perf_counter()
    scores = iter(score_rows(version, good) if version.breaker.allows() else [None] * len(good))
    if good:
        job.took_us.append(model_us(begun, len(good)))
    for i, values in zip(slice_, checked, strict=True):
        score = None if values is None else next(scores)
        job.scores.append(score)
        if score is None and values is not None:
            job.failed.append(i)


def _shadow_record(job: _Job) -> ShadowRecord:
    record, version = job.record, job.version
    return ShadowRecord(
        prefix=record.prefix,
        start=record.start,
        version=version.digest,
        received_at_us=record.received_at_us,
        scores=job.scores,
        failed=tuple(job.failed),
        times=[text_of(row, version.time) for row in job.rows] if version.time else [],
        model_us=round(sum(job.took_us) / len(job.took_us), 1) if job.took_us else None,
    )
