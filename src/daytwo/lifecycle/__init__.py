"""A model's life as durable steps: gate, approve, shadow, canary, promote, watch, retrain.

`from daytwo.lifecycle import simulate` replays a retraining policy over anybody's losses (`retraining/replay.py`).
Names are looked up when they are asked for, so that a command pays only for what it uses; `__init__.pyi` beside this
file tells type checkers the same.
"""

from importlib import import_module
from typing import Any

__all__ = ["Run", "simulate"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.retraining.replay"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
