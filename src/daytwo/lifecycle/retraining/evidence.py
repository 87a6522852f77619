"""What the settled windows of a project tell of how models age, as the retraining rule (`retrain.py`) reads it.

Each window keeps what the champion, the first version and the latest challengers lost on its very rows. A model's
place in time is the number of windows whose labels it could learn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from daytwo.core.durations import duration
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.retraining.decay import Evidence
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import LIVE_SINCE, Span

# A window's figures keep under this name what each model lost in it: versions by digest, challengers by name.
LOSSES = "losses"
_CHALLENGER = "challenger "


def challenger_name(index: int) -> str:
    """Return how figures call the challenger that was trained when window `index` was settled.

    Examples
    --------
    >>> challenger_name(3)
    'challenger w0003'
    """
    return f"{_CHALLENGER}w{index:04d}"


def evidence(system: System, span: Span, figures: Mapping[str, Json]) -> Evidence:
    """Return what is known when `span` is settled with these figures."""
    known = {one.span.index: one.settled for one in system.windows.windows() if one.settled}
    known = {index: kept for index, kept in known.items() if index < span.index} | {span.index: dict(figures)}
    now, own = span.index + 1, str(figures["champion_digest"])
    losses = {
        (model, index): float(str(lost))
        for index, kept in known.items()
        if isinstance(told := kept.get(LOSSES), dict)
        for model, lost in told.items()
    }
    places = {model: min(_place(system, model), now) for model in {own, *(model for model, _ in losses)}}
    models = sorted(places, key=lambda one: (places[one], one == own, one))
    table = np.full((len(models), now), np.nan)
    for (model, index), lost in losses.items():
        table[models.index(model), index] = lost
    return Evidence(now, tuple(places[one] for one in models), table, models.index(own), _noise(known))


def _place(system: System, model: str) -> int:
    """Return of how many windows a model could learn the labels."""
    if model.startswith(_CHALLENGER):
        return int(model.removeprefix(f"{_CHALLENGER}w")) + 1
    since, monitor = system.windows.fact(LIVE_SINCE), system.settings.monitor
    if not isinstance(since, str):
        return 0
    labelled = system.registry.find(model).created_at - duration(monitor.label_delay) - datetime.fromisoformat(since)
    return max(0, labelled // duration(monitor.window))


def _noise(known: Mapping[int, Mapping[str, Json]]) -> float | None:
    """Return the standard error of one loss of one window, from those of differences; None where none is known."""
    paired = (kept.get("paired") for kept in known.values())
    errors = [one.get("standard_error") for one in paired if isinstance(one, dict)]
    told = [float(error) ** 2 / 2 for error in errors if isinstance(error, int | float) and error]
    return float(np.sqrt(np.mean(told))) if told else None
