"""Who listens to which channels, and with which share of the budget.

One listener hears the strongest of all channels, one the strongest of each kind, and one each channel alone: a jump of
any one column is heard by the first within two or three blocks, a faint change that lasts by the last. Known faults
(`filtering.py`) are a kind of their own besides. `alarm.py` bets for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.profiles.bins import Floats

_MANY = "all:"
STRONGEST = "all:strongest"
STRONGEST_SHARE, _KINDS_SHARE, _SINGLE_SHARE = 0.25, 0.3, 0.45
# A channel known in so many blocks is listened to with the others, whatever came before.
_GROWN = 60
# Channels of `filtering.py`.
_FILTERED = frozenset({"rise", "fall", "unit", "hole", "more", "less", "untied"})
_KINDS: Mapping[str, frozenset[str]] = {
    "all:feed": frozenset({"missing", "hole", "new", "outside", "unit", "volume", "contract"}),
    "all:shape": frozenset({"column", "rise", "fall", "more", "less", "leftover", "prediction", "attribution"}),
    "all:ties": frozenset({"unfit", "untied", "pair", "dependence"}),
    "all:known": _FILTERED,
}


def shares(names: Sequence[str], muted: Collection[str]) -> dict[str, float]:
    """Return each listener's share of the budget; muted channels are not listened to, and their share is not spent.

    Examples
    --------
    >>> found = shares(["column:wind", "missing:wind"], ["missing:wind"])
    >>> sorted(found), sum(found.values()) < 1
    (['all:shape', 'all:strongest', 'column:wind'], True)
    """
    heard = [name for name in names if name not in muted]
    if not heard:
        return {}
    kinds, all_kinds = {_kind(name) for name in heard}, {_kind(name) for name in names}
    parts = sum(1 for those in _KINDS.values() if all_kinds & those)
    found = {STRONGEST: STRONGEST_SHARE}
    found |= {name: _KINDS_SHARE / max(parts, 1) for name, those in _KINDS.items() if kinds & those}
    return found | {name: _SINGLE_SHARE / len(names) for name in heard}


def ranks(names: Sequence[str], listeners: Collection[str], z: Floats) -> dict[str, tuple[int, int]]:
    """Return each listener's rank of the last block, 1 where it is the loudest, and among how many blocks.

    `z` has one row per block and one column per channel of `names`, NaN where a channel was unknown. A channel that
    is learnt anew is ranked among the blocks it is known in, and joins the others when it is known in enough.
    """
    known = ~np.isnan(z)
    counts = known.sum(axis=0)
    alone = (z >= z[-1]).sum(axis=0)
    heard = np.array([name in listeners for name in names])
    grown = heard & known[-1] & ((counts == len(z)) | (counts >= _GROWN))
    kinds = np.array([_kind(name) for name in names])
    filled = _filled(z, known, np.flatnonzero(grown))
    found = {}
    for listener in (one for one in listeners if one.startswith(_MANY)):
        those = grown if listener == STRONGEST else grown & np.isin(kinds, list(_KINDS[listener]))
        if those.any():
            loud = filled[:, those].max(axis=1)
            found[listener] = (int(np.count_nonzero(loud >= loud[-1])), len(z))
    return found | {name: (int(alone[i]), int(counts[i])) for i, name in enumerate(names) if heard[i] and known[-1, i]}


def _filled(z: Floats, known: NDArray[np.bool_], columns: NDArray[np.intp]) -> Floats:
    """Return `z` with its known values repeated where these columns were unknown."""
    if known[:, columns].all():
        return z
    found = z.copy()
    for i in columns:
        found[~known[:, i], i] = np.resize(z[known[:, i], i], np.count_nonzero(~known[:, i]))
    return found


def unfiltered(names: Sequence[str]) -> list[int]:
    """Return the places of the channels that hold all that differs between blocks."""
    return [i for i, name in enumerate(names) if _kind(name) not in _FILTERED]


def _kind(channel: str) -> str:
    return channel.partition(":")[0]
