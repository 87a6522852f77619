"""What a request adds to the metrics: `metrics.py` keeps and prints the numbers, here stands what is counted.

Runs on every request, so the series that are used again and again are kept at hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from daytwo.contracts.action import Action
from daytwo.contracts.contract import Contract
from daytwo.predictions.record import ASKED, CHAMPION, FALLBACK, UNUSUAL, BreachRecord, PredictionRecord
from daytwo.serving.metrics import SCORES, SECONDS, Histogram, Labels, Metrics


class Counts:
    """Counts requests, and the predictions of one `model`."""

    def __init__(self, metrics: Metrics, model: str = "") -> None:
        self._metrics, self._model = metrics, ("model", model)
        self._own: Labels = (self._model,)
        self._scores: dict[str, Histogram] = {}
        self._requests: dict[tuple[str, int], tuple[Labels, Histogram]] = {}
        self._arms: dict[tuple[str, str], tuple[Labels, Histogram]] = {}
        self._request_series = metrics.series("daytwo_requests_total")
        self._arm_series = metrics.series("daytwo_predictions_total")
        self._byte_series = metrics.series("daytwo_journal_bytes_total")

    def request(self, path: str, status: int, seconds: float, times: int = 1) -> None:
        """Count an answered request, or several alike; `path` is one of ours, never what a client wrote."""
        known = self._requests.get((path, status))
        if known is None:
            histogram = self._metrics.histogram("daytwo_request_seconds", (("path", path),), SECONDS)
            known = self._requests[path, status] = (("path", path), ("status", str(status))), histogram
        labels, histogram = known
        self._request_series[labels] = self._request_series.get(labels, 0.0) + times
        histogram.add(seconds, times)

    def predictions(self, record: PredictionRecord, contract: Contract, size: int) -> None:
        """Count the rows of a request whose record is written, `size` bytes of it.

        `contract` names the columns that may stand as a label.
        """
        self._byte_series[self._own] = self._byte_series.get(self._own, 0.0) + size
        if record.arms == (ASKED,):
            labels = (self._model, ("version", record.versions[0][:12]), ("arm", ASKED))
            self._metrics.add("daytwo_predictions_total", labels, len(record.scores))
            return
        if len(record.versions) == 1 and not (record.bad or record.failed or record.warnings):
            self._answered(record.versions[0], record.arms[0], [one for one in record.scores if one is not None])
            return
        lost = {one.row for one in record.bad}.union(record.failed)
        answered, given_up = [0] * len(record.versions), [0] * len(record.versions)
        histograms = [self._score_histogram(version) for version in record.versions]
        for i, score in enumerate(record.scores):
            by = record.version_of[i] if record.version_of else 0
            if i in lost or score is None:
                given_up[by] += 1
            else:
                answered[by] += 1
                histograms[by].add(score)
        for by, digest in enumerate(record.versions):
            version = (self._model, ("version", digest[:12]))
            if answered[by]:
                self._metrics.add("daytwo_predictions_total", (*version, ("arm", record.arms[by])), answered[by])
            if given_up[by]:
                self._metrics.add("daytwo_predictions_total", (*version, ("arm", FALLBACK)), given_up[by])
        self._failures(record)
        for fallback, rows in Counter(record.fallbacks.values()).items() if record.fallbacks else ():
            self._metrics.add("daytwo_fallbacks_total", (self._model, ("fallback", fallback)), rows)
        if record.bad or record.warnings:
            self._breaches(record, {column.name for column in contract.columns})

    def plain(self, version: str, scores: Sequence[float], size: int) -> None:
        """Count rows that the champion has answered, every one; their records have `size` bytes."""
        self._byte_series[self._own] = self._byte_series.get(self._own, 0.0) + size
        self._answered(version, CHAMPION, scores)

    def _answered(self, version: str, arm: str, scores: Sequence[float]) -> None:
        """Count rows that one version has answered, every one."""
        known = self._arms.get((version, arm))
        if known is None:
            series: Labels = (self._model, ("version", version[:12]), ("arm", arm))
            known = self._arms[version, arm] = series, self._score_histogram(version)
        labels, histogram = known
        self._arm_series[labels] = self._arm_series.get(labels, 0.0) + len(scores)
        if len(scores) == 1:
            histogram.add(scores[0])
        else:
            histogram.add_many(scores)

    def _failures(self, record: PredictionRecord) -> None:
        """Count the rows whose model failed, and those that were not sent to one that rests, by version."""
        for metric, rows in (
            ("daytwo_model_failures_total", set(record.failed).difference(record.unasked)),
            ("daytwo_unasked_rows_total", record.unasked),
        ):
            counted = Counter(record.versions[record.version_of[i] if record.version_of else 0] for i in rows)
            for digest, count in counted.items():
                self._metrics.add(metric, (self._model, ("version", digest[:12])), count)

    def _breaches(self, record: PredictionRecord, columns: set[str]) -> None:
        for bad in record.bad:
            for rule in {one.rule for one in bad.breaches}:
                self._metrics.add("daytwo_rejected_rows_total", (self._model, ("rule", rule)))
            for one in bad.breaches:
                self._breach(one, columns, Action.REJECT)
        rejected = {bad.row for bad in record.bad}
        for i, some in record.warnings.items():
            if any(one.rule == UNUSUAL for one in some):
                self._metrics.add("daytwo_unusual_rows_total", self._own)
            mended = [one.repaired is not msgspec.UNSET for one in some]
            if any(mended) and i not in rejected:
                self._metrics.add("daytwo_repaired_rows_total", self._own)
            for one, is_mended in zip(some, mended, strict=True):
                self._breach(one, columns, Action.REPAIR if is_mended else Action.WARN)

    def _breach(self, one: BreachRecord, columns: set[str], action: Action) -> None:
        # A name that only the client knows is a value, and no label.
        column = one.column if one.column in columns else ""
        labels = (self._model, ("column", column), ("rule", one.rule), ("action", str(action)))
        self._metrics.add("daytwo_breaches_total", labels)

    def _score_histogram(self, version: str) -> Histogram:
        histogram = self._scores.get(version)
        if histogram is None:
            labels = (self._model, ("version", version[:12]))
            histogram = self._scores[version] = self._metrics.histogram("daytwo_score", labels, SCORES)
        return histogram
