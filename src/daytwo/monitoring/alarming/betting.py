"""From a value among others to a p-value, and from a p-value to a bet: the arithmetic under `alarm.py`."""

from __future__ import annotations

import numpy as np

from daytwo.monitoring.profiles.bins import Floats

# With fewer others the tail beyond the largest cannot be fitted.
_MIN_TAIL = 10
# Half of every bet stands on these steps: p-values as small as 1 / 14 or 1 / 90 are common, and shall count.
_STEPS = (0.02, 0.05, 0.1, 0.2)


def bet(p: float) -> float:
    """Return the e-value of a p-value: a mixture over powers and over steps, with mean at most 1.

    Examples
    --------
    >>> bet(0.001) > 20 > bet(0.04) > 1 > bet(0.5)
    True
    >>> float(np.mean([bet(p) for p in (np.arange(20_000) + 0.5) / 20_000])) <= 1.0
    True

    Source: V. Vovk & R. Wang (2021), E-values: calibration, combination and applications, Ann. Stat. 49(3), eq. (1).
    """
    ladder = sum(1.0 / alpha for alpha in _STEPS if p <= alpha) / len(_STEPS)
    if p >= 1.0:
        return 0.25 + ladder / 2
    log = float(np.log(p))
    powers = (p * log - p + 1.0) / (p * log * log)
    return float(powers / 2 + ladder / 2)


def p_value(values: Floats) -> float:
    """Return the conformal p-value of the last value among all: small when it is large.

    The share of values at least as large. When it is the largest of all, and far, a tail of power two fitted to
    the largest fifth of the others says how far.
    """
    others, last = values[:-1], float(values[-1])
    n = values.size
    rank = float(np.count_nonzero(values >= last))
    if rank > 1 or n <= _MIN_TAIL:
        return rank / n
    base = float(np.quantile(others, 0.8))
    beyond = others[others > base] - base
    if not beyond.size:
        return 1.0 / n
    # A generalised Pareto tail of shape 1/2 with mean excess m has survival (1 + x / m)^-2.
    tail = beyond.size / n * (1.0 + (last - base) / float(beyond.mean())) ** -2
    return float(min(1.0 / n, max(tail, 1e-6)))
