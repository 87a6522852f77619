"""The gates on how a version behaves: under broken inputs, and in what it leans on, beside the champion. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.gates import GateResult

_NAMED = 3


def robustness_gate(
    scores: ArrayLike, disturbed: Mapping[str, ArrayLike], *, task: Task, max_jump: float, reach: float = 1.0
) -> GateResult:
    """Refuse a version that answers disturbed rows absurdly: no number, out of range, or far off on average.

    Parameters
    ----------
    scores : shape (n,)
        Answers to unharmed rows.
    disturbed : name -> answers, or pairs of answers, before and after
        Answers to rows harmed in one way, such as `without wind_speed`. Shape (m,): to the same rows as `scores`;
        shape (2, m): the answers to these very rows unharmed, then harmed.
    max_jump : float
        How far the mean answer may move by one harm: in probability, or in widths of a regression's range of answers.
    reach : float
        A regression may leave the range of `scores` by this many times its width; a probability stays in [0, 1].
    """
    base = np.asarray(scores, dtype=np.float64)
    width = 1.0 if task is Task.BINARY else float(np.ptp(base))
    low, high = (0.0, 1.0) if task is Task.BINARY else (base.min() - width * reach, base.max() + width * reach)
    absurd, moves = [], {}
    for name, answers in disturbed.items():
        given = np.asarray(answers, dtype=np.float64)
        before, values = (base, given) if given.ndim == 1 else (given[0], given[1])
        moves[name] = float(values.mean() - before.mean())
        if not np.isfinite(values).all() or (values < low).any() or (values > high).any():
            absurd.append(name)
    jumps = [name for name, move in moves.items() if name not in absurd and abs(move) > max_jump * width]
    jumps.sort(key=lambda name: -abs(moves[name]))
    wrong = [f"absurd answers {', '.join(absurd)}"] if absurd else []
    wrong += [
        f"{name} moves the mean answer by {moves[name]:+.3g}, over {max_jump * width:.3g}" for name in jumps[:_NAMED]
    ]
    far = max(moves, key=lambda name: abs(moves[name]), default="")
    words = f"sound answers under {len(disturbed)} disturbances" + (f"; most: {far}, {moves[far]:+.3g}" if far else "")
    evidence: dict[str, object] = {
        "low": float(low),
        "high": float(high),
        "max_jump": max_jump * width,
        "moves": {name: move if np.isfinite(move) else None for name, move in moves.items()},
    }
    return GateResult("robustness", not wrong, "; ".join(wrong) or words, evidence)


def reasons_gate(candidate: ArrayLike, champion: ArrayLike, names: Sequence[str], *, max_shift: float) -> GateResult:
    """Refuse a candidate that leans on other columns than the champion: people's reasons would change overnight.

    Parameters
    ----------
    candidate, champion : shape (n, d)
        What each column adds to each row's raw score, for both versions on the same rows and columns `names`.
    max_shift : float in [0, 1]
        The share of all weight that may move from some columns to others: half the sum of the differences of shares.

    Examples
    --------
    >>> reasons_gate([[1.0, 1.0]], [[2.0, 0.0]], ["wind", "rain"], max_shift=0.4).evidence["shift"]
    0.5
    """
    new, old = _shares(candidate), _shares(champion)
    moved = new - old
    shift = float(np.abs(moved).sum() / 2)
    passed = shift <= max_shift
    first = np.argsort(-np.abs(moved))[:_NAMED]
    told = ", ".join(f"{names[i]} {old[i]:.0%} to {new[i]:.0%}" for i in first if abs(moved[i]) > 0)
    words = (
        f"{shift:.0%} of the weight of the reasons lies on other columns than the champion's,"
        f" {'within' if passed else 'over'} {max_shift:.0%}{f': {told}' if told else ''}"
    )
    shares = {name: {"candidate": float(new[i]), "champion": float(old[i])} for i, name in enumerate(names)}
    return GateResult("reasons", passed, words, {"shift": shift, "max_shift": max_shift, "shares": shares})


def _shares(contributions: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return each column's share of the mean size of contributions; evenly spread where there are none at all."""
    sizes = np.abs(np.asarray(contributions, dtype=np.float64)).mean(axis=0)
    total = float(sizes.sum())
    return sizes / total if total > 0 else np.full(sizes.size, 1 / max(sizes.size, 1))
