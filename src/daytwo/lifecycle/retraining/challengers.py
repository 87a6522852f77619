"""Challengers: after each window a quick model learns from everything labelled, and waits for the next one.

It is compared with the champion on rows that neither has seen (`comparison.py`), so that people and the retraining
rule know every week what a fresh model would bring. It is never served.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from daytwo.core.files import write_whole
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.rows import history
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion
from daytwo.lifecycle.windows import Span
from daytwo.scoring.calibration import Calibration
from daytwo.training.challenger import Challenger, train_challenger
from daytwo.value.costs import TRAINING, cpu_cost

_CAUSE = "challenger:"
_LATELY = 10
# So many of them are scored in each window: how they age tells how the next version will.
_SCORED = 8


class _KeptChallenger(msgspec.Struct, frozen=True):
    """A challenger as it waits on disk for the window it will be compared in."""

    text: str
    calibration: str
    features: int


def train_next(cause: str, system: System, span: Span, decision: Mapping[str, Json]) -> dict[str, Json]:
    """Train the challenger that the next window will be compared with, on everything labelled by now.

    None is trained where knowing more is worth less than it costs, as the `decision` says (`retrain.py`), nor in
    between `[retrain] every` windows.
    """
    retrain = system.settings.retrain
    if retrain.policy == "never" or span.index % retrain.every:
        return {"trained": False}
    worth = decision.get("worth_knowing")
    if isinstance(worth, int | float) and worth < challenger_cost(system) and not decision.get("retrain"):
        return {"trained": False, "words": "a challenger would cost more than what it tells is worth"}
    model = champion(system)
    assert model is not None
    begun = time.process_time()
    data = history(system, model.contract, model.payoff.columns, span.end)
    challenger = train_challenger(data, system.settings, seed=system.settings.seed)
    write_whole(_path(system, span.index), _text(challenger))
    spent = time.process_time() - begun
    system.costs.add(cpu_cost(f"{_CAUSE}{cause}", span.end, TRAINING, spent, system.settings.cost))
    return {"trained": True, "rows": data.rows}


def challenger_cost(system: System) -> float:
    """Return what a challenger has cost on average lately, in money; 0 where none was trained yet."""
    spent = [one.amount for one in system.costs.costs() if one.cause.startswith(_CAUSE)][-_LATELY:]
    return sum(spent) / len(spent) if spent else 0.0


def challenger_before(system: System, index: int) -> Challenger | None:
    """Return the newest challenger that knew nothing of window `index`, if there is one."""
    return next((challenger for _, challenger in latest_challengers(system, index, most=1)), None)


def latest_challengers(system: System, index: int, *, most: int = _SCORED) -> Iterator[tuple[int, Challenger]]:
    """Yield the newest challengers that knew nothing of window `index`, with the windows they were trained after."""
    kept = sorted(int(path.stem.removeprefix("w")) for path in _folder(system).glob("w*.json"))
    for earlier in reversed([one for one in kept if one < index][-most:]):
        yield earlier, _read(_path(system, earlier).read_bytes())


def _text(challenger: Challenger) -> bytes:
    kept = _KeptChallenger(challenger.text.decode(), challenger.calibration.to_json().decode(), challenger.features)
    return msgspec.json.encode(kept)


def _read(text: bytes) -> Challenger:
    kept = msgspec.json.decode(text, type=_KeptChallenger)
    return Challenger(kept.text.encode(), Calibration.from_json(kept.calibration.encode()), kept.features)


def _path(system: System, index: int) -> Path:
    return _folder(system) / f"w{index:04d}.json"


def _folder(system: System) -> Path:
    return system.state / "challengers"
