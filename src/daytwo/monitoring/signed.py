"""Channels with a direction, for small shifts that last: which way each column leans, and the pair that broke most.

A distance over twenty bins spends its strength on all the ways a column can move. A quarter of a standard deviation,
every window, the same way, is seen sooner by the one number that it moves. `channels.py` has the distances;
`alarm.py` ranks both kinds against the reference's own windows, so clumps of rows need no model here.
"""

from __future__ import annotations

import numpy as np

from daytwo.monitoring.bins import Floats
from daytwo.monitoring.channels import Moments, correlations
from daytwo.monitoring.profile import Layout, Profile


def signed_channels(part: Profile, moments: Moments, layout: Layout) -> dict[str, float]:
    """Return `up:NAME` and `down:NAME` per column, and `pair`, of one block.

    Parameters
    ----------
    part : Profile
        The block, with at least one row.
    moments : Moments
        Correlations of the reference's blocks, without this one where it is one of them.

    Returns
    -------
    dict
        `up:NAME` is the mean code of the column's present rows in standard errors of independent rows (codes have
        mean 0 and variance 1 over the reference), `down:NAME` its negative; `pair` the largest deviation of one
        pair's correlation from its usual value, in its usual spreads.

    Source: the mean of rank scores is van der Waerden's family of two-sample statistics with uniform scores
    (Wilcoxon 1945); one-sided bets in both directions are two tests of the same e-detector (Shin et al. 2022).
    """
    found: dict[str, float] = {}
    for i, bins in enumerate(layout.columns):
        present = max(part.rows - float(part.counts[i][bins.size]), 1.0)
        lean = float(f"{part.code_sums[i] / np.sqrt(present):.6g}")
        found |= {f"up:{bins.name}": lean, f"down:{bins.name}": -lean}
    found["pair"] = float(f"{_strongest_pair(correlations(part), moments, part.rows):.6g}")
    return found


def _strongest_pair(matrix: Floats, moments: Moments, rows: int) -> float:
    pairs = np.triu_indices(len(matrix), 1)
    if not pairs[0].size or moments.blocks < 2:
        return 0.0
    mean = moments.total[pairs] / moments.blocks
    raw = (moments.squares[pairs] - moments.blocks * mean**2) / (moments.blocks - 1)
    return float(np.sqrt(np.max((matrix[pairs] - mean) ** 2 / np.maximum(raw, 1.0 / max(rows, 1)))))
