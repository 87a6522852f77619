"""Scores that are still being made elsewhere, for a caller who must not wait: one loop that answers many.

An engine in another process (`foreign.py`) may take seconds. Who asks it with `KNOWN` set gets `Later` in place of
scores that are not there soon, does other things until its `coming` is done, and then asks the same once more with the
same `KNOWN`: what was asked is found there. Whoever asks without it waits. `serving/answering/waiting.py` uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.float64]
# What was asked on behalf of one request, by engine and rows.
Asked: TypeAlias = dict[tuple[object, bytes], Future[Scores]]

KNOWN: ContextVar[Asked | None] = ContextVar("daytwo_known_scores", default=None)
# An engine that answers so soon need not be asked twice.
_SOON_S = 0.001


class Later(BaseException):
    """The scores are being made: ask again once `coming` is done.

    No `Exception`, for it is no failure of a model: whatever takes those for one lets this pass.
    """

    def __init__(self, coming: Future[Any]) -> None:
        super().__init__("the scores are being made")
        self.coming = coming


def scores_of(known: Asked, engine: object, rows: bytes, begin: Callable[[], Future[Scores]]) -> Scores:
    """Return the scores that `engine` gives to `rows`; `begin` asks it where that is not `known`.

    Raises
    ------
    Later
        If they are not there soon.
    Exception
        Whatever the engine raised.
    """
    coming = known.get((engine, rows))
    if coming is None:
        coming = known[engine, rows] = begin()
    try:
        return coming.result(_SOON_S)
    except TimeoutError:
        if coming.done():
            return coming.result()
        raise Later(coming) from None
