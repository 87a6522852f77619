"""Late labels in a project: kept windows read as figures, and what they say of the estimates to come.

`monitoring/estimating/late_labels.py` has the statistics; `watch.py` corrects with it, `settle.py` keeps what it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.windows import WindowRecord
from daytwo.monitoring.estimating.late_labels import Bias, Miss, bias
from daytwo.monitoring.estimating.performance import Estimate


def figures_of(kept: object) -> dict[str, Estimate]:
    """Read figures back from the record; an interval without an end was kept as None."""
    figures: dict[str, dict[str, Any]] = kept if isinstance(kept, dict) else {}
    open_ends: dict[str, Any] = {"low": -math.inf, "high": math.inf, "standard_error": math.inf}
    found = {}
    for name, one in figures.items():
        closed = {key: open_ends.get(key) if value is None else value for key, value in one.items()}
        found[name] = msgspec.convert(closed, Estimate)
    return found


def inputs_alone(watched: Mapping[str, Json] | None) -> dict[str, Estimate]:
    """Return what was estimated of a window from its inputs alone, before any correction by late labels."""
    kept = watched or {}
    return figures_of(kept.get("uncorrected") or kept.get("estimated"))


def biases(records: Iterable[WindowRecord], *, version: str, window: int) -> dict[str, Bias]:
    """Return by metric what the labelled windows of one version say of its estimate of window number `window`.

    That of money is per row. Windows judged by another version are no evidence.
    """
    misses: dict[str, list[Miss]] = {}
    for record in records:
        if record.span.index >= window or not _same(record, version):
            continue
        for name, miss in _misses(record).items():
            misses.setdefault(name, []).append(miss)
    found = {name: bias(looks, window=window) for name, looks in misses.items()}
    return {name: one for name, one in found.items() if one is not None}


def _same(record: WindowRecord, version: str) -> bool:
    watched, settled = record.watched or {}, record.settled or {}
    return watched.get("version") == version and settled.get("champion_digest") == version


def _misses(record: WindowRecord) -> dict[str, Miss]:
    settled = record.settled or {}
    guesses, truths = inputs_alone(record.watched), figures_of(settled.get("champion"))
    rows = (record.watched or {}).get("rows")
    found = {}
    for name in guesses.keys() & truths.keys():
        guess = per_row(guesses[name], name, rows)
        truth = per_row(truths[name], name, settled.get("labelled"))
        error = truth.standard_error
        # The estimate's error holds the labels' own chance too; what is more than that is the estimator's.
        beyond = math.sqrt(max(guess.standard_error**2 - error**2, 0.0)) if math.isfinite(error) else 0.0
        found[name] = Miss(record.span.index, truth.value - guess.value, error, beyond)
    return found


def per_row(figure: Estimate, metric: str, rows: Json) -> Estimate:
    """Return money, which was kept as a sum over so many rows, per row; every other figure as it stands."""
    if metric != "money" or not isinstance(rows, int | float) or rows <= 1:
        return figure
    parts = {name: getattr(figure, name) / rows for name in ("value", "low", "high", "standard_error")}
    return replace(figure, **parts)
