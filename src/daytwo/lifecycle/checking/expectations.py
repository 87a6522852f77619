"""Whether a model's answers move as people expect when one value of a row is changed: invariance and direction.

Pure; `behaviour.py` changes the rows and asks the model.

Source: M. T. Ribeiro, T. Wu, C. Guestrin & S. Singh (2020), Beyond Accuracy: Behavioral Testing of NLP Models with
CheckList, ACL, 4902-4912 (invariance and directional expectation tests), carried over to rows of a table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from daytwo.core.settings import ExpectSettings

# Fewer changed rows than these show nothing, so that an expectation nobody can break does not pass.
FEWEST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Behaved:
    """How answers moved: over `rows` changed rows, `held` is the share that did as expected, `moved` the mean move.

    `worst` is the row, counted from 0 among those asked, that went against the expectation most; None where none did.
    """

    passed: bool
    words: str
    rows: int
    held: float
    moved: float
    worst: int | None


def expectation_name(expected: ExpectSettings) -> str:
    """Return what an expectation is called.

    Examples
    --------
    >>> expectation_name(ExpectSettings(column="wind", change="+10", expect="up"))
    'wind +10: up'
    """
    return expected.name or f"{expected.column} {expected.change}: {expected.expect}"


def behaved(expected: ExpectSettings, before: ArrayLike, after: ArrayLike) -> Behaved:
    """Hold answers to an expectation.

    Parameters
    ----------
    before, after : shape (n,)
        Answers to the same rows, as they are and with one value changed, in the model's unit.

    Examples
    --------
    >>> more = ExpectSettings(column="wind", change="+10", expect="up")
    >>> behaved(more, [0.1] * 20, [0.2] * 20).passed, behaved(more, [0.2] * 20, [0.1] * 20).held
    (True, 0.0)
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if old.shape != new.shape:
        raise ValueError(f"{old.size} answers before and {new.size} after")
    if old.size < FEWEST_ROWS:
        words = f"only {old.size} rows could be changed so, and {FEWEST_ROWS} are needed to show anything"
        return Behaved(False, words, old.size, 0.0, 0.0, None)
    move = new - old
    wrong = np.abs(move) if expected.expect == "same" else -move if expected.expect == "up" else move
    wrong = np.where(np.isnan(wrong), np.inf, wrong)
    held = float((wrong <= expected.tolerance).mean())
    moved = float(move.mean())
    is_move = expected.expect != "same" and expected.at_least > 0
    far = not is_move or (moved if expected.expect == "up" else -moved) >= expected.at_least
    passed = held >= expected.holds and far
    worst = int(wrong.argmax()) if held < 1 else None
    return Behaved(passed, _words(expected, old.size, held, moved, far=far), old.size, held, moved, worst)


def _words(expected: ExpectSettings, rows: int, held: float, moved: float, *, far: bool) -> str:
    must = {"same": "stay as they are", "up": "not fall", "down": "not rise"}[expected.expect]
    bearable = f" (by up to {expected.tolerance:g})" if expected.tolerance else ""
    said = f"answers must {must}{bearable}: {held:.1%} of {rows:,} do"
    if held < expected.holds:
        said += f", {expected.holds:.1%} are asked for"
    said += f"; they move by {moved:+.4g} on average"
    return said if far else f"{said}, and at least {expected.at_least:g} is asked for"
