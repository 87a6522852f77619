"""Whether a champion may be compared with a candidate of a sample: not where it knows the answers, or far more rows.

Pure. A live version has learnt from all rows there were, so on a sample of them it would nearly always win.
"""

from __future__ import annotations

import numpy as np

from daytwo.registry.bundle import Lineage
from daytwo.training.dataset import Split
from daytwo.training.lineage import newest_seen

# A champion that learnt from more than so many times the candidate's rows is better for that alone.
_MOST_MORE = 1.5


def not_comparable(champion: Lineage, parts: Split) -> str:
    """Return in words why the champion cannot be compared on the rows set aside; empty where it can."""
    rows = sum(window.rows for window in champion.windows.values())
    newest = newest_seen(champion)
    if parts.test.times is not None and newest is not None and newest >= parts.test.times[0]:
        days = np.datetime_as_string([newest, parts.test.times[0]], unit="D")
        return f"it has learnt from rows up to {days[0]}, and the rows to judge on begin on {days[1]}"
    if parts.test.times is None and rows:
        return "rows bear no time, so it may have learnt from those that it would be judged on"
    if rows > _MOST_MORE * parts.train.rows:
        return f"it has learnt from {rows:,} rows, and a candidate of the sample from {parts.train.rows:,}"
    return ""
