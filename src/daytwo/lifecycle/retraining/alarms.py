"""Policy `on alarm`: which findings of a window make a new version, and what that would have cost so far.

The alarms are those that were raised while other versions answered: had a new one been made, later windows might have
been quiet. So the figure is of how often alarms came, not of what a fresh version would have been told of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from daytwo.core.finding import Severity
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.retraining.replay import Run
from daytwo.lifecycle.windows import WindowRecord

ALARM = "on alarm"
# By these a policy of alarms retrains.
_KINDS = ("drift.", "performance.")


def early_alarms(watched: dict[str, Json] | None) -> tuple[str, ...]:
    """Return what was found before the labels came and was not for information only."""
    return _grave((watched or {}).get("findings"))


def alarms_of(record: WindowRecord) -> tuple[str, ...]:
    """Return everything found of a window that makes a new version under this policy."""
    return (*early_alarms(record.watched), *_grave((record.settled or {}).get("findings")))


def on_alarms(
    losses: NDArray[np.float64], found: Sequence[Sequence[str]], *, switch_cost: float, challenger_cost: float = 0.0
) -> Run:
    """Replay the policy: a new version where window t - 2, the newest whose labels are known at t, had a finding.

    `losses` are as `simulate` takes them; `found[t]` are the findings of window t. It trains only what it switches to.

    Examples
    --------
    >>> age = np.arange(6)[None, :] - np.arange(6)[:, None]
    >>> losses = np.where(age >= 0, 10.0 * age, np.nan)
    >>> on_alarms(losses, [(), ("worse",), (), (), (), ()], switch_cost=5.0).switches
    (3,)
    """
    switches = tuple(t for t in range(2, len(losses)) if found[t - 2])
    own, total = 0, 0.0
    for t in range(len(losses)):
        own = t if t in switches else own
        total += float(losses[own, t])
    return Run(switches, switches, total, (switch_cost + challenger_cost) * len(switches))


def _grave(kept: Json) -> tuple[str, ...]:
    told = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
    grave = [one for one in told if one["severity"] != Severity.INFO]
    return tuple(str(one["summary"]) for one in grave if str(one["kind"]).startswith(_KINDS))
