"""What all workers of a server have counted, as one.

Counters and histograms are added. A gauge is added where it counts things (`SUMMED`), is the least where all must have
got so far (`LEAST`), stands for each worker where a sum hides the culprit (`BY_WORKER`), and is else the greatest: what
fails in one worker fails.

A counter must never fall, or whoever watches it takes the fall for a new start. So each worker keeps its counts in a
file, at the latest when somebody is told them, and whoever takes its place goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from daytwo.serving.metrics import METRICS, Labels, Metrics, Snapshot

SUMMED = frozenset(("daytwo_connections", "daytwo_shadow_queue_rows"))
LEAST = frozenset(("daytwo_route_generation",))
BY_WORKER = frozenset(("daytwo_resident_bytes", "daytwo_start_time_seconds"))
_SNAPSHOT = msgspec.json.Decoder(Snapshot)


def total(told: Mapping[int, Snapshot]) -> Metrics:
    """Return the sum of what each worker has told, by its number."""
    made, gauges = Metrics(), dict[tuple[str, Labels], float]()
    for worker, snapshot in sorted(told.items()):
        for name, series in snapshot.values.items():
            for labels, value in series:
                if METRICS[name][0] == "counter" or name in SUMMED:
                    made.add(name, labels, value)
                elif name in BY_WORKER:
                    made.set(name, value, (*labels, ("worker", str(worker))))
                else:
                    pick = min if name in LEAST else max
                    gauges[name, labels] = pick(value, gauges.get((name, labels), value))
        _add_histograms(made, snapshot)
    for (name, labels), value in gauges.items():
        made.set(name, value, labels)
    return made


def _add_histograms(made: Metrics, snapshot: Snapshot) -> None:
    for name, series in snapshot.histograms.items():
        for labels, edges, counts, amount in series:
            histogram = made.histogram(name, labels, edges)
            histogram.counts = [a + b for a, b in zip(histogram.counts, counts, strict=True)]
            histogram.count += sum(counts)
            histogram.sum += amount


class Account:
    """What one worker has counted, together with whoever was in its place before; kept in `folder`."""

    def __init__(self, folder: Path, number: int, metrics: Metrics) -> None:
        self._folder, self._number, self._metrics = folder, number, metrics
        self._before = self.of(number)

    def of(self, number: int) -> Snapshot | None:
        """Return what the worker with this number has kept last, without gauges; None where there is nothing."""
        try:
            return _counts(_SNAPSHOT.decode(self._path(number).read_bytes()))
        except FileNotFoundError:
            return None

    def now(self) -> Snapshot:
        """Return what this worker has counted up to now, and keep it."""
        self._metrics.measure()
        own = self._metrics.snapshot()
        kept = own if self._before is None else _goes_on(self._before, own)
        # Without a sync: it outlives the process, and after a power cut all counts begin anew.
        with suppress(OSError):  # on a full disk the counts that were kept before stand
            draft = self._path(self._number).with_suffix(".draft")
            draft.write_bytes(msgspec.json.encode(kept))
            draft.replace(self._path(self._number))
        return kept

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.counts"


def _goes_on(before: Snapshot, own: Snapshot) -> Snapshot:
    """Return `own` with the counts of its predecessor; the predecessor's gauges died with it."""
    added = total({0: before, 1: _counts(own)}).snapshot()
    return Snapshot({**own.values, **added.values}, added.histograms)


def _counts(snapshot: Snapshot) -> Snapshot:
    counters = {name: series for name, series in snapshot.values.items() if METRICS[name][0] == "counter"}
    return Snapshot(counters, snapshot.histograms)
