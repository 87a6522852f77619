"""What the server counts, in Prometheus' text format; every name is in the table below.

Labels are rules, columns of the contract, roles and digests: never a value that a client sent.
"""

from __future__ import annotations

import bisect
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

# name -> (type, help)
METRICS: Mapping[str, tuple[str, str]] = {
    "daytwo_requests_total": ("counter", "Requests answered, by path and status"),
    "daytwo_request_seconds": ("histogram", "Time from a whole request to its answer, by path"),
    "daytwo_predictions_total": ("counter", "Rows answered, by model, version and arm"),
    "daytwo_score": ("histogram", "Scores of rows that were not answered by the fallback, by version"),
    "daytwo_breaches_total": ("counter", "Breaches of the contract, warnings included, by column, rule and action"),
    "daytwo_rejected_rows_total": ("counter", "Rows that broke the contract, by rule; one row may break several"),
    "daytwo_repaired_rows_total": ("counter", "Rows with a mended value"),
    "daytwo_unusual_rows_total": ("counter", "Rows with a value that the model learned from hardly ever"),
    "daytwo_fallbacks_total": ("counter", "Rows that the model did not answer, by what did"),
    "daytwo_model_failures_total": ("counter", "Rows on which the model failed, answered by the fallback"),
    "daytwo_unasked_rows_total": ("counter", "Rows not sent to a model that rests after failures"),
    "daytwo_breaker_open": ("gauge", "1 while a version rests after failures, 0 while it is asked, by version"),
    "daytwo_breaker_opened_total": ("counter", "How often a version was found to fail again and again"),
    "daytwo_labels_total": ("counter", "Labels recorded"),
    "daytwo_feedback_total": ("counter", "Feedback recorded, by action"),
    "daytwo_duplicates_total": ("counter", "Requests that had been recorded before, by path"),
    "daytwo_journal_bytes_total": ("counter", "Bytes written to the journal"),
    "daytwo_unrecorded_turns_total": ("counter", "Turns of the loop whose answers left unrecorded, where that is set"),
    "daytwo_token_requests_total": ("counter", "Requests let in, by token"),
    "daytwo_token_refusals_total": ("counter", "Requests turned away for want of a right, by token and reason"),
    "daytwo_refused_busy_total": ("counter", "Requests refused because too many waited"),
    "daytwo_dropped_total": ("counter", "Requests dropped because their client had gone"),
    "daytwo_journal_failing": ("gauge", "1 while records cannot be written"),
    "daytwo_shadow_rows_total": ("counter", "Rows scored in shadow"),
    "daytwo_shadow_dropped_total": ("counter", "Rows not scored in shadow, by reason"),
    "daytwo_shadow_queue_rows": ("gauge", "Rows waiting for their shadow score"),
    "daytwo_route_generation": ("gauge", "Generation of the route in use"),
    "daytwo_route_failing": ("gauge", "1 while the newest route cannot be used"),
    "daytwo_version_info": ("gauge", "1 for each version in use, by role and digest"),
    "daytwo_connections": ("gauge", "Open connections"),
    "daytwo_certificate_expires_time_seconds": ("gauge", "When the certificate ends, in seconds since 1970; with TLS"),
    "daytwo_cpu_seconds_total": ("counter", "CPU time used by this process"),
    "daytwo_resident_bytes": ("gauge", "Memory of this process"),
    "daytwo_start_time_seconds": ("gauge", "When this process started, in seconds since 1970"),
}
# Seconds: from what one row takes to what a client no longer waits for.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
# From here on an array is faster than one value after the other.
_MANY = 48
SCORES = tuple(round(0.05 * i, 2) for i in range(1, 20))

Labels = tuple[tuple[str, str], ...]


class Histogram:
    """Counts of values up to each edge."""

    __slots__ = ("count", "counts", "edges", "sum")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges, self.counts = edges, [0] * (len(edges) + 1)
        self.count, self.sum = 0, 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count one value, once or more often."""
        self.counts[bisect.bisect_left(self.edges, value)] += times
        self.count += times
        self.sum += value * times

    def add_many(self, values: Sequence[float]) -> None:
        """Count many values."""
        if len(values) < _MANY:
            for value in values:
                self.add(value)
            return
        held = np.asarray(values, dtype=np.float64)
        found = np.bincount(np.searchsorted(self.edges, held), minlength=len(self.counts)).tolist()
        self.counts = [count + more for count, more in zip(self.counts, found, strict=True)]
        self.count += len(values)
        self.sum += float(held.sum())


class Snapshot(msgspec.Struct, frozen=True):
    """All numbers of one moment: by metric the series of labels and value, or labels, edges, counts and sum."""

    values: dict[str, list[tuple[Labels, float]]]
    histograms: dict[str, list[tuple[Labels, tuple[float, ...], list[int], float]]]


class OfModel:
    """The numbers of one model: its name is the first label of each."""

    def __init__(self, metrics: Metrics, model: str) -> None:
        self._metrics, self._model = metrics, ("model", model)

    def add(self, name: str, labels: Labels = (), by: float = 1.0) -> None:
        """Count `by` more."""
        self._metrics.add(name, (self._model, *labels), by)

    def set(self, name: str, value: float, labels: Labels = ()) -> None:
        """Set a gauge, or a count that is kept elsewhere."""
        self._metrics.set(name, value, (self._model, *labels))


class Metrics:
    """All numbers of one process."""

    def __init__(self) -> None:
        self._started = time.time()
        self._values: dict[str, dict[Labels, float]] = {}
        self._histograms: dict[str, dict[Labels, Histogram]] = {}

    def add(self, name: str, labels: Labels = (), by: float = 1.0) -> None:
        """Count `by` more."""
        series = self._values.setdefault(name, {})
        series[labels] = series.get(labels, 0.0) + by

    def series(self, name: str) -> dict[Labels, float]:
        """Return the numbers of one metric by their labels, to be kept by whoever adds to them often."""
        return self._values.setdefault(name, {})

    def set(self, name: str, value: float, labels: Labels = ()) -> None:
        """Set a gauge."""
        self._values.setdefault(name, {})[labels] = value

    def of(self, model: str) -> OfModel:
        """Return the same numbers, as one model of several counts them."""
        return OfModel(self, model)

    def clear(self, name: str) -> None:
        """Forget every series of a gauge, before it is set anew."""
        self._values.pop(name, None)

    def histogram(self, name: str, labels: Labels, edges: tuple[float, ...]) -> Histogram:
        """Return the histogram of these labels, to be kept by whoever adds to it often."""
        series = self._histograms.setdefault(name, {})
        if labels not in series:
            series[labels] = Histogram(edges)
        return series[labels]

    def total(self, name: str, *labels: tuple[str, str]) -> float:
        """Return the sum over all series that have these labels."""
        series = self._values.get(name, {})
        return sum(value for held, value in series.items() if all(label in held for label in labels))

    def measure(self) -> None:
        """Set what this process has used up to now."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.set("daytwo_cpu_seconds_total", usage.ru_utime + usage.ru_stime)
        self.set("daytwo_resident_bytes", resident_bytes())
        self.set("daytwo_start_time_seconds", self._started)

    def snapshot(self) -> Snapshot:
        """Return all numbers as a value."""
        return Snapshot(
            {name: list(series.items()) for name, series in self._values.items()},
            {
                name: [(labels, one.edges, list(one.counts), one.sum) for labels, one in series.items()]
                for name, series in self._histograms.items()
            },
        )

    def text(self) -> bytes:
        """Return everything in Prometheus' text format, as of now."""
        self.measure()
        return self.told()

    def told(self) -> bytes:
        """Return what was counted, and nothing that is measured now, in Prometheus' text format."""
        lines: list[str] = []
        for name, (kind, words) in METRICS.items():
            if name not in self._values and name not in self._histograms:
                continue
            lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
            for labels, value in self._values.get(name, {}).items():
                lines.append(f"{name}{_braces(labels)} {value:.17g}")
            for labels, histogram in self._histograms.get(name, {}).items():
                lines += _histogram_lines(name, labels, histogram)
        return ("\n".join(lines) + "\n").encode()


def resident_bytes() -> int:
    """Return how much memory this process holds; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()


def _histogram_lines(name: str, labels: Labels, histogram: Histogram) -> Iterable[str]:
    total = 0
    for edge, count in zip((*histogram.edges, float("inf")), histogram.counts, strict=True):
        total += count
        shown = "+Inf" if edge == float("inf") else f"{edge:g}"
        yield f"{name}_bucket{_braces((*labels, ('le', shown)))} {total}"
    yield f"{name}_sum{_braces(labels)} {histogram.sum:.17g}"
    yield f"{name}_count{_braces(labels)} {histogram.count}"


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
