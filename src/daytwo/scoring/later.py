"""Scores that are still being made elsewhere, for a caller who must not wait: one loop that answers many.

An engine in another process (`foreign.py`) may take seconds. Who asks it with an `Errand` in `ERRAND` gets `Later` in
place of scores that are not there soon, does other things until its `coming` is done, and then begins the same errand
anew: what was asked is found there, and what may happen only once (`once`) does not happen again. Whoever asks without
one waits. `serving/answering/waiting.py` uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.float64]
T = TypeVar("T")

# An engine that answers so soon need not be asked twice.
_SOON_S = 0.001


@dataclass(slots=True, eq=False)
class Errand:
    """What is done for one request, however often it is begun.

    `began` is when it first was, in seconds of `perf_counter`. `asked` is what was asked of engines, by engine and
    rows, and `done` what was done for good, by name.
    """

    began: float = field(default_factory=perf_counter)
    asked: dict[tuple[object, bytes], Future[Scores]] = field(default_factory=dict)
    done: dict[str, object] = field(default_factory=dict)

    def drop(self) -> None:
        """Take back what was asked of engines and has not begun: nobody waits for it any more."""
        for coming in self.asked.values():
            coming.cancel()


ERRAND: ContextVar[Errand | None] = ContextVar("daytwo_errand", default=None)


class Later(BaseException):
    """The scores are being made: begin again once `coming` is done.

    No `Exception`, for it is no failure of a model: whatever takes those for one lets this pass.
    """

    def __init__(self, coming: Future[Any]) -> None:
        super().__init__("the scores are being made")
        self.coming = coming


def begun() -> float:
    """Return when the errand was begun for the first time; now, where there is none."""
    errand = ERRAND.get()
    return perf_counter() if errand is None else errand.began


def model_us(begun: float, rows: int) -> float:
    """Return how long a model has taken for each of `rows` >= 1 rows since `begun` (`perf_counter`), in microseconds.

    For an engine elsewhere it counts from when its errand was begun for the first time.
    """
    errand = ERRAND.get()
    since = begun if errand is None or not errand.asked else errand.began
    return round((perf_counter() - since) * 1e6 / rows, 1)


def once(name: str, do: Callable[[], T]) -> T:
    """Return what `do` returns, or returned when the errand was begun before; an exception of it is not kept."""
    errand = ERRAND.get()
    if errand is None:
        return do()
    if name not in errand.done:
        errand.done[name] = do()
    return cast("T", errand.done[name])


def scores_of(errand: Errand, engine: object, rows: bytes, begin: Callable[[], Future[Scores]]) -> Scores:
    """Return the scores that `engine` gives to `rows`; `begin` asks it where that was not done for the errand.

    Raises
    ------
    Later
        If they are not there soon.
    Exception
        Whatever the engine raised.
    """
    coming = errand.asked.get((engine, rows))
    if coming is None:
        coming = errand.asked[engine, rows] = begin()
    try:
        return coming.result(_SOON_S)
    except TimeoutError:
        if coming.done():
            return coming.result()
        raise Later(coming) from None
