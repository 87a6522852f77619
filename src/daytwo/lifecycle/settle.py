"""A window's labels have come: what it was worth, whether a fresh model is better, whether retraining pays.

Compares on the very same rows what was answered, the first version (had nobody retrained), the champion, and the
challenger that was trained before the window. The marginal rule (`retrain.py`) decides in money; doing nothing is
recorded with its reason too. A new champion that is worse for sure than the one before it is rolled back.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.files import write_whole
from daytwo.core.finding import Finding, Severity
from daytwo.core.schema import Task
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.gates import Paired, quality_difference
from daytwo.lifecycle.releases import OPEN, State
from daytwo.lifecycle.retrain import PairedWindow, decide
from daytwo.lifecycle.rollout import roll_back
from daytwo.lifecycle.rows import LiveRows, history, live_rows
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion, load_model, money_answers
from daytwo.lifecycle.watch import read_span, tell_people
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.monitoring.performance import realised, realised_money, standard_error
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.model import Model
from daytwo.training.challenger import Challenger, train_challenger
from daytwo.value.costs import TRAINING, cpu_cost

Floats = NDArray[np.float64]
# After a refusal the rule rests for so many windows: the same rows would be refused again.
_REST_WINDOWS = 2


class _KeptChallenger(msgspec.Struct, frozen=True):
    """A challenger as it waits on disk for the window it will be compared in."""

    text: str
    calibration: str
    features: int


def settle_window(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Settle one window: realised figures, the decision on retraining, the next challenger."""
    span = read_span(arguments)
    figures = run.step("compare", lambda: _compare(system, span))
    if figures is None:
        return {"retrain": False, "words": "no labelled rows in this window"}
    decision = run.step("decide", lambda: _decide(system, span, figures))
    run.step("challenger", lambda: _train_next(run.id, system, span))

    def record() -> dict[str, Json]:
        settled = figures | {"decision": decision}
        watched = {one.span.index: one.watched for one in system.windows.windows()}.get(span.index)
        system.windows.put(WindowRecord(span, watched, settled))
        return {"rolled_back": _guard(system, span, figures, run.id)}

    guarded = run.step("record", record)
    return decision | guarded


def _compare(system: System, span: Span) -> dict[str, Json] | None:
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
        "static": _figures(static, rows, static.score_many(rows.matrix), None),
        "paired": None,
        "against_earlier": None,
    }
    challenger = _challenger(system, span.index - 1)
    if challenger is not None:
        money["challenger"] = _money_of(model, rows, challenger.score_many(rows.matrix))
        difference = money["challenger"] - money["champion"]
        error = standard_error(difference - difference.mean(), rows.days) * len(difference)
        figures["paired"] = {
            "champion": -float(money["champion"].sum()),
            "challenger": -float(money["challenger"].sum()),
            "standard_error": error if np.isfinite(error) else None,
        }
        figures["challenger"] = _figures(model, rows, challenger.score_many(rows.matrix), None)
    if earlier is not None and system.registry.find(earlier).digest != model.digest:
        old = load_model(system.bundles, earlier)
        paired = Paired(rows.labels, model.score_many(rows.matrix), old.score_many(rows.matrix), rows.days)
        interval = quality_difference(paired, task=task)
        figures["against_earlier"] = {"difference": _number(interval.mean), "high": _number(interval.high)}
    return figures


def _figures(model: Model, rows: LiveRows, scores: Floats, act: Floats | None) -> dict[str, Json]:
    """Realised metrics and money of scores on labelled rows; `act` where the decisions were taken already."""
    said = money_answers(model.payoff, scores, rows.column, rows.days)
    if act is not None:
        amounts = {n: np.nan_to_num(m) for n, m in model.payoff.amounts_many(rows.rows, rows.column).items()}
        said = replace(
            said,
            act=act,
            money_if_one=np.where(act == 1, amounts["true_positive"], amounts["false_negative"]),
            money_if_zero=np.where(act == 1, amounts["false_positive"], amounts["true_negative"]),
        )
    return {name: _finite(asdict(one)) for name, one in realised(said, rows.labels, task=model.task).items()}


def _money(model: Model, rows: LiveRows) -> Floats:
    return _money_of(model, rows, model.score_many(rows.matrix))


def _money_of(model: Model, rows: LiveRows, scores: Floats) -> Floats:
    money = realised_money(money_answers(model.payoff, scores, rows.column, rows.days), rows.labels, model.task)
    return np.zeros(rows.rows) if money is None else np.nan_to_num(money)


def _decide(system: System, span: Span, figures: dict[str, Json]) -> dict[str, Json]:
    """Ask the marginal rule, unless something stands against asking it."""
    settings = system.settings.retrain
    if settings.policy == "never":
        return _no("the policy is never to retrain")
    if any(release.state in OPEN for release in system.releases.releases()):
        return _no("a release is under way already")
    digest = figures["champion_digest"]
    lives = [one for one in system.windows.windows() if one.settled and one.settled["champion_digest"] == digest]
    paired = [one.settled["paired"] for one in lives if one.settled and one.span.index < span.index]
    windows = [PairedWindow(**one) for one in [*paired, figures["paired"]] if isinstance(one, dict)]  # type: ignore[arg-type]
    refused = [r for r in system.releases.releases() if r.state in {State.REFUSED, State.DECLINED, State.STOPPED}]
    length = span.end - span.start
    if refused and span.end - refused[-1].opened_at < (_REST_WINDOWS + 1) * length:
        return _no(f"the last candidate was turned down on {refused[-1].changed_at:%d %B}; the rule rests")
    decision = decide(
        windows,
        age=len(lives) + 1,
        switch_cost=settings.switch_cost,
        currency=system.settings.value.currency,
    )
    return _finite(asdict(decision))


def _train_next(cause: str, system: System, span: Span) -> dict[str, Json]:
    """Train the challenger that the next window will be compared with, on everything labelled by now."""
    if span.index % system.settings.retrain.every:
        return {"trained": False}
    model = champion(system)
    assert model is not None
    begun = time.process_time()
    data = history(system, model.contract, model.payoff.columns, span.end)
    challenger = train_challenger(data, system.settings, seed=system.settings.seed)
    write_whole(_challenger_path(system, span.index), _challenger_text(challenger))
    spent = time.process_time() - begun
    system.costs.add(cpu_cost(f"challenger:{cause}", span.end, TRAINING, spent, system.settings.cost))
    return {"trained": True, "rows": data.rows}


def _challenger(system: System, index: int) -> Challenger | None:
    """Return the newest challenger trained at or before window `index`, if one was."""
    for earlier in range(index, max(index - system.settings.retrain.every, -1), -1):
        path = _challenger_path(system, earlier)
        if path.is_file():
            return _read_challenger(path.read_bytes())
    return None


def _challenger_text(challenger: Challenger) -> bytes:
    kept = _KeptChallenger(challenger.text.decode(), challenger.calibration.to_json().decode(), challenger.features)
    return msgspec.json.encode(kept)


def _read_challenger(text: bytes) -> Challenger:
    kept = msgspec.json.decode(text, type=_KeptChallenger)
    return Challenger(kept.text.encode(), Calibration.from_json(kept.calibration.encode()), kept.features)


def _challenger_path(system: System, index: int) -> Path:
    return system.state / "challengers" / f"w{index:04d}.json"


def _guard(system: System, span: Span, figures: dict[str, Json], cause: str) -> bool:
    """Roll back a new champion that labels show to be worse than the one before it."""
    against = figures["against_earlier"]
    changes = system.registry.history()
    since = next(c.at for c in changes if c.route.champion == figures["champion_digest"])
    fresh = span.end - since <= 3 * (span.end - span.start)
    if not fresh or not isinstance(against, dict) or against["high"] is None:
        return False
    if float(str(against["high"])) >= -system.settings.gate.margin:
        return False
    reason = f"realised quality is worse than the version before by {-float(str(against['difference'])):.4f}, for sure"
    roll_back(system, to=None, by="daytwo", reason=reason, now=span.end, cause=f"rollback:{cause}")
    finding = Finding("release.rolled_back", "champion", Severity.CRITICAL, reason, since=since)
    tell_people(system, [finding], at=span.end, opened_by=f"settle {span.name}")
    return True


def _no(words: str) -> dict[str, Json]:
    return {"retrain": False, "words": words}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _finite(figures: dict[str, object]) -> dict[str, Json]:
    """JSON knows no infinity."""
    return {
        name: _number(value) if isinstance(value, float) else value  # type: ignore[misc]
        for name, value in figures.items()
    }
