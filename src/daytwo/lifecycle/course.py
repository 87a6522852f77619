"""The course of a model over its windows: what was expected of each, what came true, what was decided then.

Pure: reads what `watch.py` and `settle.py` kept in the window book. `overview.py` puts it beside everything else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.windows import WindowRecord
from daytwo.value.net import WindowValue


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; a bound is None where it is unknown."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the retraining rule said after window `window`, and why. `words` begin with what it chose."""

    window: str
    at: datetime
    retrain: bool
    words: str
    expected_gain: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One window. What is None is unknown: not watched yet, not settled yet, or never measured.

    `verdict` is `ok`, `drift`, `worse`, `warming` or `empty`, and empty where the window was not watched; labels that
    show it to be worse have the last word. `live` is the metric of what was answered, `static` that of the first
    version on the same rows. Money is the sum over the window's rows: all of them where estimated, the labelled ones
    where realised. `maturity` is the share of rows whose label had come when the window was settled, in [0, 1];
    `labels_due` is when they are expected.
    """

    name: str
    start: datetime
    end: datetime
    labels_due: datetime
    version: str
    verdict: str
    rows: int | None = None
    estimated: Figure | None = None
    live: Figure | None = None
    static: Figure | None = None
    money_estimated: Figure | None = None
    money_live: Figure | None = None
    money_static: Figure | None = None
    maturity: float | None = None
    findings: tuple[str, ...] = ()
    choice: Choice | None = None

    @property
    def settled(self) -> bool:
        """Whether its labels have come and been read."""
        return self.choice is not None


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """The budget of false alarms: `budget` as set, `allowed` by it in the `windows` watched so far, and spent.

    `spoken` counts the drift alarms; `judged_false` the alerts that people closed as false.
    """

    budget: str
    windows: int
    allowed: float
    spoken: int
    judged_false: int


def course(records: Iterable[WindowRecord], *, metric: str, label_delay: timedelta) -> tuple[Point, ...]:
    """Return every window with something known, the oldest first, under the headline `metric`."""
    return tuple(_point(record, metric, label_delay) for record in records)


def window_values(records: Iterable[WindowRecord]) -> tuple[WindowValue, ...]:
    """Return the realised money of every settled window whose money is known."""
    found = []
    for record in records:
        settled = record.settled or {}
        live, static = _figure(settled.get("live"), "money"), _figure(settled.get("static"), "money")
        if live is not None and static is not None:
            found.append(WindowValue(live.value, static.value, int(_number(settled.get("labelled")) or 0)))
    return tuple(found)


def false_alarms(records: Sequence[WindowRecord], *, budget: str, judged_false: int) -> FalseAlarms:
    """Add up what the budget allowed and what was spent of it. Each version's reference counts its own alarms."""
    allowed, windows = 0.0, 0
    spoken: dict[str, int] = {}
    for record in records:
        kept = (record.watched or {}).get("budget")
        if record.watched is None or not isinstance(kept, dict):
            continue
        windows += 1
        allowed += _number(kept.get("allowed")) or 0.0
        spoken[str(record.watched.get("version"))] = int(_number(kept.get("spent")) or 0)
    return FalseAlarms(budget, windows, allowed, sum(spoken.values()), judged_false)


def _point(record: WindowRecord, metric: str, label_delay: timedelta) -> Point:
    span, watched, settled = record.span, record.watched or {}, record.settled or {}
    rows = _number(watched.get("rows") if record.settled is None else settled.get("rows"))
    labelled = _number(settled.get("labelled"))
    findings = [*_listed(settled.get("findings")), *_listed(watched.get("findings"))]
    return Point(
        name=span.name,
        start=span.start,
        end=span.end,
        labels_due=span.end + label_delay,
        version=str(settled.get("champion_digest") or watched.get("version") or ""),
        verdict=str(settled.get("verdict") or watched.get("verdict") or ""),
        rows=None if rows is None else int(rows),
        estimated=_figure(watched.get("estimated"), metric),
        live=_figure(settled.get("live"), metric),
        static=_figure(settled.get("static"), metric),
        money_estimated=_figure(watched.get("estimated"), "money"),
        money_live=_figure(settled.get("live"), "money"),
        money_static=_figure(settled.get("static"), "money"),
        maturity=labelled / rows if labelled is not None and rows else None,
        findings=_summaries(findings),
        choice=_choice(record, settled.get("decision"), span.end + label_delay),
    )


def _choice(record: WindowRecord, kept: Json, at: datetime) -> Choice | None:
    if not isinstance(kept, dict):
        return None
    gain = _number(kept.get("expected_gain"))
    return Choice(record.span.name, at, bool(kept.get("retrain")), str(kept.get("words") or ""), gain)


def _listed(kept: Json) -> list[Json]:
    return kept if isinstance(kept, list) else []


def _summaries(findings: list[Json]) -> tuple[str, ...]:
    return tuple(str(one.get("summary")) for one in findings if isinstance(one, dict))


def _figure(figures: Json, name: str) -> Figure | None:
    """Return one of a table of figures, or None where it is missing or no number."""
    kept: Json = figures.get(name) if isinstance(figures, Mapping) else None
    if not isinstance(kept, Mapping):
        return None
    value = _number(kept.get("value"))
    return None if value is None else Figure(value, _number(kept.get("low")), _number(kept.get("high")))


def _number(value: Json) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]
