"""What reasons are worth in the score itself: points of a probability, that add up to the difference of two scores.

Contributions add up in log-odds, which no person thinks in, and a step in log-odds is worth more in the middle of the
scale than at its ends. So all that speaks for a higher score is taken as one player and all that speaks against as
another; each gets the mean of what it adds before and after the other, and hands it on in proportion to contributions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def effects(contributions: NDArray[np.float64], base: float, scale: Callable[[float], float]) -> NDArray[np.float64]:
    """Return what each contribution is worth in the score, shape (m,), in the score's unit.

    Parameters
    ----------
    contributions : shape (m,)
        Their sum and `base` are the raw score of the row.
    base : float
        The raw score of the reference.
    scale : function that never falls
        Gives the score of a raw score.

    Returns
    -------
    array, shape (m,)
        Of the sign of the contributions, or 0; in the order of theirs among those of one sign. They add up to
        `scale(base + contributions.sum()) - scale(base)`; where scores lie in [0, 1], each lies in [-1, 1].

    Examples
    --------
    >>> effects(np.array([2.0, 1.0, -1.0]), 10.0, lambda raw: 3 * raw).tolist()
    [6.0, 3.0, -3.0]

    Source: L. Shapley (1953) for the two players; the proportional share within a side keeps the order of reasons.
    """
    rise, fall = float(contributions[contributions > 0].sum()), float(contributions[contributions < 0].sum())
    here, there = scale(base), scale(base + rise + fall)
    up, down = scale(base + rise), scale(base + fall)
    for_it = ((up - here) + (there - down)) / 2
    against = (there - here) - for_it
    shares = np.zeros(len(contributions))
    if rise > 0:
        shares = np.where(contributions > 0, contributions * (for_it / rise), shares)
    if fall < 0:
        shares = np.where(contributions < 0, contributions * (against / fall), shares)
    return shares
