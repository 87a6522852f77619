"""How far apart blocks must lie not to resemble each other: so many separate books `alarm.py` keeps.

And how much more evidence is asked for where they do, since blocks are then not quite exchangeable.
"""

from __future__ import annotations

import numpy as np

from daytwo.monitoring.profiles.bins import Floats

# Windows that still resemble each other so far apart wander rather than vary; a quarter of the reference at most.
_MAX_LAG = 15
# So few blocks show no order.
_FEW = 7
# Two in a hundred references without any order are taken for ordered: then alarms are late. Once order is shown,
# doubt counts for a longer distance.
_SHOWN, _DOUBT = 0.02, 0.1
_SHUFFLES = 200
# So much more evidence is asked for than the budget needs, as blocks are seldom quite exchangeable. It costs less
# than half a block of delay where a change is plain. Blocks that resemble their neighbours are less so still, the
# further they do: at an autocorrelation of .8 they spend up to .4 of the budget with 4, at .95 up to .9 with 12.
_MARGIN, _MARGIN_NEAR, _MARGIN_FAR = 2.0, 4.0, 12.0
# From so many blocks apart on, resembling is far.
_FAR = 8


def resembling(history: Floats) -> int:
    """Return from how many blocks apart channels no longer resemble themselves, on average over all channels.

    `history` has shape (blocks, channels), without gaps; constant channels say nothing. The mean rank correlation of
    blocks so far apart is compared with that of the same blocks in random orders, so that channels which move
    together are not taken for evidence each. The orders are the same at every call.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> resembling(draw.normal(size=(60, 30)))
    1
    >>> resembling(np.repeat(draw.normal(size=(20, 30)), 3, axis=0))
    3

    Source: C. Spearman (1904), Am. J. Psychol. 15, 72-101 (correlation of ranks), between a series and itself later;
    R. Fisher (1935), The design of experiments (the test by permutation).
    """
    n = len(history)
    alive = history[:, np.ptp(history, axis=0) > 0] if n else history
    if n <= _FEW or not alive.size:
        return 1
    ranks = centred_ranks(alive)
    ranks /= np.sqrt((ranks**2).sum(axis=0))
    draw = np.random.default_rng(0)
    orders = [draw.permutation(n) for _ in range(_SHUFFLES)]
    # All pairs of blocks at once: the mean over channels of the products of their ranks.
    products = ranks @ ranks.T / ranks.shape[1]
    for lag in range(1, min(_MAX_LAG, n // 4) + 1):
        seen = _along(products, lag)
        chance = (1 + sum(_along(products[np.ix_(o, o)], lag) >= seen for o in orders)) / (1 + _SHUFFLES)
        if chance > (_SHOWN if lag == 1 else _DOUBT):
            return lag
    return _MAX_LAG


def margin(lag: int) -> float:
    """Return by how much more evidence is asked for where blocks resemble each other up to `lag` apart.

    Examples
    --------
    >>> [margin(lag) for lag in (1, 5, 12)]
    [2.0, 4.0, 12.0]
    """
    return _MARGIN if lag == 1 else _MARGIN_NEAR if lag < _FAR else _MARGIN_FAR


def _along(products: Floats, lag: int) -> float:
    return float(np.trace(products, offset=lag))


def centred_ranks(values: Floats) -> Floats:
    """Return ranks by column less their mean; equal values share one, so that ties show no order."""
    found = np.empty_like(values)
    for i, column in enumerate(values.T):
        _, place, count = np.unique(column, return_inverse=True, return_counts=True)
        after = np.cumsum(count)
        found[:, i] = (after - (count - 1) / 2.0)[place]
    centred: Floats = found - found.mean(axis=0)
    return centred
