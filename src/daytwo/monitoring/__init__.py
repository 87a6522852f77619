"""Profiles, drift, alarms, estimated and realised performance: pure statistics.

`from daytwo.monitoring import watch` is the library for use without a project (`watching.py`). Names are looked up when
they are asked for, since the server imports files of this room and no frame library; `__init__.pyi` beside this
file tells type checkers the same.
"""

from importlib import import_module
from typing import Any

__all__ = ["Delay", "Estimate", "Judgement", "Report", "estimate", "expected_delay", "report", "watch"]

_HOMES = {
    "Delay": "judging.delay",
    "Judgement": "watching",
    "Estimate": "estimating.performance",
    "estimate": "estimation",
    "expected_delay": "delays",
    "watch": "watching",
    "Report": "reporting.report",
    "report": "reporting.making",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
