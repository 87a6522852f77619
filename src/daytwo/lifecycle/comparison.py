"""A settled window in figures: what was answered, the first version, the champion and the challenger, on equal rows.

Money counts on nobody of the holdout group being acted on, by whichever version; metrics take all rows.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.gating.gates import Paired, quality_difference
from daytwo.lifecycle.retraining.challengers import latest_challengers
from daytwo.lifecycle.retraining.evidence import LOSSES, challenger_name
from daytwo.lifecycle.rows import LiveRows, live_rows
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion, load_model, money_answers
from daytwo.lifecycle.windows import Span
from daytwo.monitoring.estimating.performance import Answers, realised, realised_money, standard_error
from daytwo.scoring.model import Model
from daytwo.training.evaluate import check_metric
from daytwo.training.regret import against_the_best

Floats = NDArray[np.float64]


def compare(system: System, span: Span) -> dict[str, Json] | None:
    """Return the realised figures of a window whose labels have come, or None where none has."""
    model = champion(system)
    first = system.registry.versions()
    if model is None or not first:
        return None
    every = live_rows(system, model.contract, model.payoff.columns, span.start, span.end)
    rows = every.labelled()
    if not rows.rows:
        return None
    task = system.settings.model.task
    installed = [change for change in system.registry.history() if change.route.champion != model.digest]
    earlier = installed[-1].route.champion if installed else None
    money = {"champion": _money(model, rows)}
    static = load_model(system.bundles, first[0].digest)
    figures: dict[str, Json] = {
        "rows": every.rows,
        "labelled": rows.rows,
        "champion_digest": model.digest,
        "live": _figures(model, rows, rows.scores, rows.acts if task is Task.BINARY else None),
        "champion": _figures(model, rows, model.score_many(rows.matrix), None),
        "static": _figures(static, rows, static.score_many(rows.matrix), _acts(static, rows)),
        "paired": None,
        "against_earlier": None,
    }
    scores = {one: challenger.score_many(rows.matrix) for one, challenger in latest_challengers(system, span.index)}
    figures[LOSSES] = {
        model.digest: _lost(model, rows, model.score_many(rows.matrix)),
        first[0].digest: _lost(model, rows, static.score_many(rows.matrix)),
        **{challenger_name(one): _lost(model, rows, said) for one, said in scores.items()},
    }
    if scores:
        newest = scores[max(scores)]
        money["challenger"] = _money_of(model, rows, newest)
        difference = money["challenger"] - money["champion"]
        error = standard_error(difference - difference.mean(), rows.days) * len(difference)
        figures["paired"] = {
            "champion": -float(money["champion"].sum()),
            "challenger": -float(money["challenger"].sum()),
            "standard_error": error if np.isfinite(error) else None,
        }
        figures["challenger"] = _figures(model, rows, newest, None)
    if earlier is not None and system.registry.find(earlier).digest != model.digest:
        check_metric(system.settings.gate.metric, task)  # it may have been changed since the training looked at it
        old = load_model(system.bundles, earlier)
        paired = _paired(model, rows, model.score_many(rows.matrix), old.score_many(rows.matrix))
        interval = quality_difference(paired, task=task, metric=system.settings.gate.metric)
        figures["against_earlier"] = {
            "digest": earlier,
            "difference": number(interval.mean),
            "high": number(interval.high),
        }
    return figures | _ripened(figures)


def _ripened(figures: dict[str, Json]) -> dict[str, Json]:
    """Say of every figure which share of the window's rows it rests on: those with a label."""
    maturity = int(str(figures["labelled"])) / int(str(figures["rows"]))
    return {
        kind: {name: one | {"maturity": maturity} for name, one in kept.items() if isinstance(one, dict)}
        for kind in ("live", "champion", "static", "challenger")
        if isinstance(kept := figures.get(kind), dict)
    }


def _paired(model: Model, rows: LiveRows, new: Floats, old: Floats) -> Paired:
    """Put two versions side by side, both deciding by the present payoff."""

    def acts(scores: Floats) -> Floats | None:
        return money_answers(model.payoff, scores, rows.column, rows.days).act

    return Paired(rows.labels, new, old, rows.days, acts(new), acts(old))


def _figures(model: Model, rows: LiveRows, scores: Floats, act: Floats | None) -> dict[str, Json]:
    """Realised metrics and money of scores on labelled rows; `act` where the decisions were taken already."""
    said = money_answers(model.payoff, scores, rows.column, rows.days)
    if act is not None:
        said = _decided(said, act, model, rows)
    return {name: finite(asdict(one)) for name, one in realised(said, rows.labels, task=model.task).items()}


def _decided(said: Answers, act: Floats, model: Model, rows: LiveRows) -> Answers:
    """Return answers on which was acted as `act` says, with the money of that."""
    amounts = {name: np.nan_to_num(money) for name, money in model.payoff.amounts_many(rows.rows, rows.column).items()}
    return replace(
        said,
        act=act,
        money_if_one=np.where(act == 1, amounts["true_positive"], amounts["false_negative"]),
        money_if_zero=np.where(act == 1, amounts["false_positive"], amounts["true_negative"]),
    )


def _acts(model: Model, rows: LiveRows) -> Floats | None:
    """Return on whom a version would have acted; nobody acts on the holdout group, whoever is champion."""
    act = money_answers(model.payoff, model.score_many(rows.matrix), rows.column, rows.days).act
    return None if act is None or not rows.held.any() else np.where(rows.held, 0.0, act)


def _money(model: Model, rows: LiveRows) -> Floats:
    return _money_of(model, rows, model.score_many(rows.matrix))


def _lost(model: Model, rows: LiveRows, scores: Floats) -> float:
    """Return what decisions by these scores lost, in money, counted from the right decision of each row."""
    money = realised_money(
        against_the_best(model.payoff, _said(model, rows, scores), rows.column), rows.labels, model.task
    )
    return 0.0 if money is None else -float(np.nan_to_num(money).sum())


def _money_of(model: Model, rows: LiveRows, scores: Floats) -> Floats:
    money = realised_money(_said(model, rows, scores), rows.labels, model.task)
    return np.zeros(rows.rows) if money is None else np.nan_to_num(money)


def _said(model: Model, rows: LiveRows, scores: Floats) -> Answers:
    """Return what these scores decide; nobody acts on the holdout group."""
    said = money_answers(model.payoff, scores, rows.column, rows.days)
    if said.act is not None and rows.held.any():
        said = _decided(said, np.where(rows.held, 0.0, said.act), model, rows)
    return said


def number(value: float) -> float | None:
    """Return a figure as JSON knows it: None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def finite(figures: dict[str, object]) -> dict[str, Json]:
    """Return figures as JSON knows them."""
    return {
        name: number(value) if isinstance(value, float) else value  # type: ignore[misc]
        for name, value in figures.items()
    }
