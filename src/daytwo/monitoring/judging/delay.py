"""How long an alarm takes for a shift of a given size: tried on the reference's own windows.

The windows are put in random order; the first two thirds stand for the reference, one column of the others is
shifted, and the alarm is let loose. So nothing is assumed about the data but that the order of windows says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema
from daytwo.monitoring.alarming.alarm import start, step
from daytwo.monitoring.judging.normal import Normal, Rows, learn_normal
from daytwo.monitoring.profiles.profile import profile

# Fewer windows leave no reference to try anything on.
_LEAST_WINDOWS = 18
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Delay:
    """How many windows an alarm took in each try, the shifted one that was decisive included.

    `windows` are the tries that ended with an alarm; in `never` tries none came within `longest` windows. Where the
    reference is short, `longest` is short too.
    """

    column: str
    shift: float
    windows: tuple[int, ...]
    never: int
    longest: int

    @property
    def median(self) -> float | None:
        """The median delay over all tries; None where half of them or more found nothing."""
        tries = sorted([*self.windows, *[self.longest + 1] * self.never])
        middle = float(np.median(tries))
        return None if middle > self.longest else middle


def try_shift(
    windows: Sequence[Rows],
    schema: Schema,
    *,
    allowed: float,
    shift: float,
    columns: Sequence[str] = (),
    tries: int = 5,
) -> dict[str, Delay]:
    """Return, by column, how long a shift of so many standard deviations takes to be alarmed.

    Parameters
    ----------
    windows : windows in which all was well
        Eighteen or more; their order does not matter.
    allowed : float in (0, 1]
        False alarms bearable per window.
    shift : float
        In standard deviations of the column over all windows.
    columns : names of columns with numbers
        Default: all of them.
    tries : int
        So many random orders, the same at every call.

    Raises
    ------
    DataError
        If there are too few windows, or a column holds no numbers.
    """
    names = [feature.name for feature in schema.features]
    numbers = [feature.name for feature in schema.features if not feature.is_category]
    wrong = [name for name in columns if name not in numbers]
    if len(windows) < _LEAST_WINDOWS or wrong:
        what = (
            f"{wrong[0]} is no column with numbers" if wrong else f"{len(windows)} windows are too few to try a shift"
        )
        raise DataError(what, hint=f"Give {_LEAST_WINDOWS} windows or more, and columns of {', '.join(numbers)}")
    whole = np.concatenate([matrix for matrix, _, _ in windows])
    steps = {name: shift * float(np.nanstd(whole[:, names.index(name)])) for name in columns or numbers}
    found: dict[str, list[int | None]] = {name: [] for name in steps}
    cut = len(windows) * 2 // 3
    for seed in range(tries):
        order = np.random.default_rng(seed).permutation(len(windows))
        normal, history = learn_normal([windows[i] for i in order[:cut]], schema)
        coming = [windows[i] for i in order[cut:]][:_LONGEST]
        for name, by in steps.items():
            found[name].append(_first(normal, history, coming, names.index(name), by, allowed))
    longest = min(len(windows) - cut, _LONGEST)
    return {
        name: Delay(name, shift, tuple(one for one in tried if one is not None), tried.count(None), longest)
        for name, tried in found.items()
    }


def _first(
    normal: Normal,
    history: Sequence[Mapping[str, float]],
    coming: Sequence[Rows],
    column: int,
    by: float,
    allowed: float,
) -> int | None:
    names = tuple(history[0])
    state = start(names, tuple(tuple(row[name] for name in names) for row in history))
    for number, (matrix, scores, phase) in enumerate(coming, start=1):
        moved: NDArray[np.float32] = matrix.copy()
        moved[:, column] += by
        heard = normal.compare(profile(moved, scores, normal.layout), moved, phase)
        state, alarm = step(state, heard, per_block=allowed, label=str(number))
        if alarm:
            return number
    return None
