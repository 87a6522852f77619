"""What a budget costs in time, without a project: the delay to expect for a shift of a given size.

`from daytwo.monitoring import expected_delay` is the public door; `judging/delay.py` tries it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daytwo.monitoring.frames import schema_of, together
from daytwo.monitoring.judging.delay import Delay, try_shift
from daytwo.monitoring.watching import Reader, per_window, reference_frames


def expected_delay(
    reference: Any,
    *,
    features: Sequence[str],
    score: str = "score",
    budget: str = "1 per 90 windows",
    shift: float = 0.25,
    columns: Sequence[str] = (),
    tries: int = 5,
) -> dict[str, Delay]:
    """Say how many windows an alarm takes for a shift of a given size, tried on the reference itself.

    Parameters
    ----------
    reference, features, score, budget :
        As for `watch`; eighteen windows or more.
    shift : float
        In standard deviations of the column over the reference.
    columns : names of columns with numbers
        Default: all of them, one at a time.
    tries : int
        Random orders of the windows; a third of them is shifted, the others are the reference.

    Returns
    -------
    dict of Delay
        By column: `.median` in windows, None where it is not found as a rule; `.windows` of each try, `.never`.

    Raises
    ------
    DataError
        If the reference is too short, or a column is not there or holds no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> draw = np.random.default_rng(0)
    >>> usual = [pl.DataFrame({"km": draw.normal(size=500), "score": draw.random(500)}) for _ in range(60)]
    >>> found = expected_delay(usual, features=["km"], shift=1.0)["km"]
    >>> found.never, found.median <= 3
    (0, True)
    """
    frames = reference_frames(reference)
    reader = Reader(schema_of(together(frames, features), features), score, None)
    windows = [reader.read(frame) for frame in frames]
    return try_shift(windows, reader.schema, allowed=per_window(budget), shift=shift, columns=columns, tries=tries)
