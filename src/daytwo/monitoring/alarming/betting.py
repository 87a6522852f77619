"""Bets on ranks: the arithmetic under `alarm.py`.

While nothing changes, a block is as likely to rank first among all blocks so far as any of them. If something changed
k blocks ago, this block and those k tend to rank before all others. So at every block a new bet is opened that the
change came with it; the m-th block later it pays by how likely this block's rank is one of the m + 1 changed ones, and
nothing or little where it is not. What a bet pays has a mean of one over all ranks, whatever the data are; so
without change the sum of all bets grows by one a block on average. Styles differ in how large a change they expect.

Sources: J. Shin, A. Ramdas & A. Rinaldo (2022), E-detectors, arXiv 2203.03532 (the sum over starts); V. Vovk,
I. Petej & others (2021), Retrain or not retrain: conformal test martingales, PMLR 152 (ranks as independent p-values).
That a bet expects as many changed blocks as its age says is ours: so blocks after a change do not hide each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from statistics import NormalDist

import msgspec
import numpy as np

from daytwo.monitoring.profiles.bins import Floats

# Styles of betting: by how many spreads a change is expected to move blocks (the last two: beyond all others), the part
# that is staked, and how the money is divided among the styles.
EXPECTED: Floats = np.array([1.0, 1.7, 3.0, 30.0, 8.0])
STAKED: Floats = np.array([1.0, 1.0, 0.95, 0.95, 0.7])
DIVIDED: Floats = np.array([0.15, 0.25, 0.25, 0.25, 0.1])
# So many open starts are kept, the poorest is dropped first; the newest few are too young to be poor.
_MOST_STARTS, _YOUNG = 12, 4
_RICH = 1e12
# Log odds that are certain, and halvings enough to find the level at which so many blocks are drawn.
_SURE, _HALVINGS = 40.0, 50


class Book(msgspec.Struct, frozen=True):
    """Open bets: `ages` are the blocks since each start, oldest start first.

    `stakes` are by listener, one tuple of styles per start.
    """

    ages: tuple[int, ...] = ()
    stakes: dict[str, tuple[tuple[float, ...], ...]] = {}

    def older(self) -> Book:
        """Return the book one block later, without a bet."""
        return Book(tuple(age + 1 for age in self.ages), self.stakes)

    def worth(self) -> dict[str, float]:
        """Return the sum of each listener's bets."""
        return {name: float((np.array(rows) @ DIVIDED).sum()) if rows else 0.0 for name, rows in self.stakes.items()}


def win(rank: Floats, blocks: Floats, age: Floats) -> Floats:
    """Return what bets are multiplied by.

    Parameters
    ----------
    rank : shape (...)
        How many of all blocks, this one included, are at least as extreme as this one: 1 for the most extreme.
    blocks : shape (...)
        All blocks known, this one included; at least 2.
    age : shape (...)
        Blocks between the bet's start and this one: 0 where it starts here.

    Returns
    -------
    shape (..., styles)
        Never negative; its mean over the ranks 1 to `blocks` is 1.

    Examples
    --------
    >>> float(win(np.array(1.0), np.array(61.0), np.array(0.0))[3].round(1))  # of 0.95 x 61
    57.9
    >>> ranks = np.arange(1.0, 62.0)
    >>> np.allclose(win(ranks, np.full(61, 61.0), np.full(61, 5.0)).mean(axis=0), 1.0)
    True
    """
    found = np.empty((*rank.shape, len(EXPECTED)))
    for many, old in {*zip(blocks.ravel().tolist(), age.ravel().tolist(), strict=True)}:
        here = (blocks == many) & (age == old)
        found[here] = _payments(int(many), int(old))[rank[here].astype(np.intp) - 1]
    return found


@lru_cache(maxsize=4096)
def _payments(blocks: int, age: int) -> Floats:
    """Return what each rank pays in each style, shape (blocks, styles).

    Ranks stand for the normal scores of so many blocks, each with odds to be one of the changed that grow by its
    score times the expected move. The payment is the chance that the rank is one of `age + 1` blocks drawn with these
    odds (nearly: the exact chances cannot be computed stably where odds are long), over its mean.

    Source: J. Hajek (1964), Asymptotic theory of rejective sampling, Ann. Math. Stat. 35, 1491-1523.
    """
    normal = NormalDist()
    scores = np.array([normal.inv_cdf(1.0 - (rank - 0.5) / blocks) for rank in range(1, blocks + 1)])
    odds, drawn = EXPECTED[:, None] * scores, min(age + 1, blocks - 1)
    high = np.max(np.abs(odds), axis=1) + _SURE
    low = -high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        many = _chances(odds, middle).sum(axis=1) > drawn
        low, high = np.where(many, low, middle), np.where(many, middle, high)
    chances = _chances(odds, (low + high) / 2)
    paid = chances / chances.mean(axis=1, keepdims=True)
    found: Floats = (STAKED[:, None] * paid + 1.0 - STAKED[:, None]).T
    return found


def _chances(odds: Floats, level: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-odds - level[:, None]))
    return found


def play(
    book: Book, ranks: Mapping[str, tuple[int, int]], shares: Mapping[str, float], *, most: int = _MOST_STARTS
) -> Book:
    """Open a new start with this block, settle every bet by this block's ranks, and drop the poorest start too many.

    `ranks` are each listener's rank of this block and among how many; `shares` are the listeners' parts of the
    budget: they say which start is poorest. A listener that is new, or was not heard for a block, joins with this
    start.
    """
    names = tuple(ranks)
    ages = np.array([*book.ages, 0], dtype=np.float64)
    fresh = ((1.0,) * len(DIVIDED),)
    blank = ((0.0,) * len(DIVIDED),) * len(book.ages)
    owned = [(*book.stakes.get(name, blank), *fresh) for name in names]
    stakes = np.array(owned, dtype=np.float64).reshape(len(names), len(ages), len(DIVIDED))
    placed = np.array([ranks[name] for name in names], dtype=np.float64).reshape(-1, 2)
    shape = (len(names), len(ages))
    rank, blocks = (np.broadcast_to(placed[:, [i]], shape) for i in (0, 1))
    won = win(rank, blocks, np.broadcast_to(ages, shape))
    stakes = np.minimum(stakes * won, _RICH)
    kept = np.arange(len(ages))
    if len(ages) > most:
        worth = np.array([shares[name] for name in names]) @ (stakes @ DIVIDED)
        kept = np.delete(kept, int(np.argmin(worth[:-_YOUNG])))
    rows = {
        name: tuple(tuple(_short(x) for x in row) for row in part)
        for name, part in zip(names, stakes[:, kept].tolist(), strict=True)
    }
    return Book(tuple(int(age) for age in ages[kept]), rows)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
