"""How far each column of a window moved: its distances to the reference, and how far beyond the reference itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from daytwo.monitoring.profiles.bins import Bins
from daytwo.monitoring.profiles.distances import DISTANCES
from daytwo.monitoring.profiles.profile import Profile

# Where fewer reference windows are known, what they reached says little.
_KNOWN = 10
# Then this many noise units stand for what a reference reaches.
_NOISE = 4.0
_SCORE = "score"
_OF_COLUMNS = frozenset({"column", "missing", "new", "outside", "prediction"})
_IN_ORDER = frozenset({"ks", "wasserstein"})


def reach(value: float, history: Sequence[float]) -> float:
    """Return how far a channel moved, in units of the furthest that the reference's own windows went.

    Parameters
    ----------
    value : noise units (`alarming/channels.py`)
    history : the reference windows' values of the same channel

    Returns
    -------
    float
        0 or below where it is as usual; 1 as far as the furthest reference window; more beyond it.

    Examples
    --------
    >>> reach(4.0, [0.0, 1.0] * 5), reach(8.0, [])
    (7.0, 2.0)
    """
    if len(history) < _KNOWN:
        return value / _NOISE
    middle = float(np.median(history))
    # A channel that hardly moved in the reference is measured by its noise.
    return (value - middle) / max(float(np.max(history)) - middle, 0.5)


def distances(columns: Sequence[Bins], before: Profile, now: Profile) -> dict[str, dict[str, float]]:
    """Return every distance of every column and the score, and the share of missing values; `now` has rows.

    Distances in order (KS, Wasserstein) are of numbers alone, the Wasserstein distance in bins.
    """
    found: dict[str, dict[str, float]] = {}
    for i, bins in enumerate(columns):
        a, b = before.counts[i][: bins.size], now.counts[i][: bins.size]
        found[bins.name] = {"missing": float(now.counts[i][bins.size] / now.rows)}
        if a.sum() and b.sum():
            found[bins.name] |= {
                name: measure(a, b)
                for name, measure in DISTANCES.items()
                if not (bins.is_category and name in _IN_ORDER)
            }
    return found


def reaches(channels: Mapping[str, float], heard: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return by column how far it moved (`reach`): the furthest of its channels, the score's under `score`."""
    found: dict[str, float] = {}
    for channel, value in channels.items():
        kind, _, column = channel.partition(":")
        name = _SCORE if kind == "prediction" else column
        if name and kind in _OF_COLUMNS:
            far = round(reach(value, heard.get(channel, ())), 3)
            found[name] = max(far, found.get(name, far))
    return found
