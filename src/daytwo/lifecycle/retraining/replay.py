"""Replay a retraining policy over recorded losses, and find out what hindsight would have paid.

`losses[i, t]` is the mean loss, in money, on window t of a model trained on all that was labelled before window i;
NaN where t < i. Pure; the rule itself is `retrain.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import SettingsError
from daytwo.lifecycle.retraining.decay import Evidence
from daytwo.lifecycle.retraining.retrain import Decision, Prices, decide, pays_to_know

Floats = NDArray[np.float64]
# Labels come one window late: before window t, those up to t - 2 are known.
_LATE = 1
_POLICIES = "'marginal', 'marginal every 4', 'every 4' (windows), 'always' or 'never'"


@dataclass(frozen=True, slots=True)
class Run:
    """What a policy did: windows at whose start it switched, and at whose start it trained a challenger.

    `loss` sums the losses of the versions in use, `cost` the switches and challengers, `total` both.
    """

    switches: tuple[int, ...]
    challengers: tuple[int, ...]
    loss: float
    cost: float

    @property
    def total(self) -> float:
        """Losses and costs together, in money."""
        return self.loss + self.cost


def simulate(losses: ArrayLike, *, switch_cost: float, challenger_cost: float = 0.0, policy: str = "marginal") -> Run:
    """Replay `policy` over all windows, the first version (trained before window 0) being in use at the start.

    At window t the policy reads only losses on windows before t - 1: labels come one window late.

    Parameters
    ----------
    losses : shape (n, n), money per window
        Upper triangle; `losses[i, t]` as above. NaN below the diagonal.
    switch_cost : float, money
        What one replacement costs, >= 0. The first version is free.
    challenger_cost : float, money
        What training and scoring one challenger costs, >= 0. A switch uses the challenger trained at its window.
    policy : str
        `marginal` (the rule of `retrain.py`, challengers as often as they can pay), `marginal every K` (a challenger
        each K windows), `every K`, `always`, `never`.

    Raises
    ------
    ValueError
        If the losses are not square or not finite on and above the diagonal, or a cost is negative or not finite.
    SettingsError
        If there is no such policy.

    Examples
    --------
    >>> age = np.arange(8)[None, :] - np.arange(8)[:, None]
    >>> losses = np.where(age >= 0, 10.0 * age, np.nan)
    >>> simulate(losses, switch_cost=1_000).switches
    ()
    >>> simulate(losses, switch_cost=15, policy="every 2").switches
    (2, 4, 6)
    """
    matrix = _matrix(losses)
    for name, price in (("switch_cost", switch_cost), ("challenger_cost", challenger_cost)):
        if not 0 <= price < np.inf:
            raise ValueError(f"{name} must be an amount of money that is not negative, not {price}")
    every, by_rule = _policy(policy)
    prices = Prices(switch_cost, challenger_cost)
    lives: list[int] = [0]
    challengers: list[int] = []
    total = 0.0
    for t in range(len(matrix)):
        if t and not by_rule:
            trains = switches = every > 0 and t % every == 0
        elif t and (not every or t % every == 0):
            said = _asked(matrix, lives[-1], challengers, t, prices)
            switches = said.retrain
            trains = switches or every > 0 or pays_to_know(said, prices)
        else:
            trains = switches = False
        challengers += [t] if trains else []
        lives += [t] if switches else []
        total += float(matrix[lives[-1], t])
    cost = switch_cost * (len(lives) - 1) + challenger_cost * len(challengers)
    return Run(tuple(lives[1:]), tuple(challengers), total, cost)


def oracle(losses: ArrayLike, *, switch_cost: float, challenger_cost: float = 0.0) -> Run:
    """Return the cheapest run that hindsight could have chosen, by dynamic programming.

    It trains only the challengers that it switches to.

    Examples
    --------
    >>> age = np.arange(8)[None, :] - np.arange(8)[:, None]
    >>> oracle(np.where(age >= 0, 10.0 * age, np.nan), switch_cost=40).switches
    (2, 5)
    """
    matrix = _matrix(losses)
    n = len(matrix)
    price = switch_cost + challenger_cost
    # best[i]: least cost from window i on, with a version installed at i.
    best, after = np.zeros(n + 1), np.zeros(n + 1, dtype=np.intp)
    for i in range(n - 1, -1, -1):
        ends = np.arange(i + 1, n + 1)
        options = np.cumsum(matrix[i, i:]) + best[ends] + np.where(ends < n, price, 0.0)
        choice = int(np.argmin(options))
        best[i], after[i] = options[choice], ends[choice]
    switches, i, total = [], 0, 0.0
    while i < n:
        end = int(after[i])
        total += float(matrix[i, i:end].sum())
        switches += [end] if end < n else []
        i = end
    return Run(tuple(switches), tuple(switches), total, price * len(switches))


def regret(run: Run, best: Run) -> float:
    """Return how much dearer a run was than the best one, as a share of the best's total.

    Raises
    ------
    ValueError
        If the best run lost nothing: then there is nothing to take a share of, and `run.total - best.total` says all.
    """
    if not best.total > 0:
        raise ValueError(f"no share of a total of {best.total:g}: count losses from the right decisions")
    return run.total / best.total - 1.0


def _asked(matrix: Floats, own: int, challengers: list[int], t: int, prices: Prices) -> Decision:
    """Ask the marginal rule at window t about the version of `own`, on what was known of all models by then."""
    trained = (0, *challengers)
    losses = matrix[list(trained), : max(t - _LATE, 0)]
    return decide(Evidence(t, trained, losses, trained.index(own)), age=t - own, prices=prices)


def _policy(text: str) -> tuple[int, bool]:
    """Return after how many windows to act (0: never, or when the rule says), and whether the rule decides."""
    if text in {"never", "marginal"}:
        return 0, text == "marginal"
    if text == "always":
        return 1, False
    match = re.fullmatch(r"(marginal )?every (\d+)", text)
    if match and int(match[2]) > 0:
        return int(match[2]), bool(match[1])
    raise SettingsError(f"{text!r} is no retraining policy", hint=f"Choose {_POLICIES}")


def _matrix(losses: ArrayLike) -> Floats:
    matrix = np.asarray(losses, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"losses must be square, not {matrix.shape}")
    if not np.isfinite(matrix[np.triu_indices(len(matrix))]).all():
        raise ValueError("losses hold NaN or infinity on or above the diagonal")
    return matrix
