"""Bets on ranks: the arithmetic under `alarm.py`.

While nothing changes, a block is as likely to rank first among all blocks so far as any of them. If something changed
k blocks ago, this block and those k rank before all others. So at every block a new bet is opened that the change
came with it; the m-th block later it wins if the block ranks among the first m + 1, or among a tenth of the
older ones more, in one style of betting each. A bet that wins is multiplied by one over the chance of winning, which is
known exactly, whatever the data are. Without change the sum of all bets grows by one a block on average.

Sources: J. Shin, A. Ramdas & A. Rinaldo (2022), E-detectors, arXiv 2203.03532 (the sum over starts); V. Vovk,
I. Petej & others (2021), Retrain or not retrain: conformal test martingales, PMLR 152 (ranks as independent p-values).
The rank to win, which grows with the age of the bet, is ours: it keeps blocks after a change from hiding each other.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from daytwo.monitoring.profiles.bins import Floats

# Styles of betting: the share of older blocks that a changed block may rank behind, the part staked on winning, and how
# the money is divided among the styles. The first two know what they look for, the last waits for a faint change.
BEHIND: Floats = np.array([0.0, 0.0, 0.05, 0.15, 0.3])
STAKED: Floats = np.array([0.95, 0.7, 0.8, 0.8, 0.8])
DIVIDED: Floats = np.array([0.3, 0.2, 0.2, 0.2, 0.1])
# So many open starts are kept, the poorest is dropped first; the newest few are too young to be poor.
_MOST_STARTS, _YOUNG = 12, 4
_RICH = 1e12


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
    >>> float(win(np.array(1.0), np.array(61.0), np.array(0.0))[0])  # 0.95 x 61
    57.949999999999996
    >>> ranks = np.arange(1.0, 62.0)
    >>> np.allclose(win(ranks, np.full(61, 61.0), np.full(61, 5.0)).mean(axis=0), 1.0)
    True
    """
    rank, blocks, age = rank[..., None], blocks[..., None], age[..., None]
    winning = np.minimum(np.floor(BEHIND * np.maximum(blocks - 1 - age, 0)) + age + 1, blocks - 1)
    chance = winning / blocks
    found: Floats = np.where(rank <= winning, STAKED / chance, (1 - STAKED) / (1 - chance))
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
    stakes = np.array([(*book.stakes.get(name, blank), *fresh) for name in names])
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
