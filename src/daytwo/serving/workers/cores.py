"""How many workers there are when nobody says: one for each processor core that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def worker_count(asked: int, *, quota: Path = _QUOTA) -> int:
    """Return `asked`, or for 0 the number of cores that this process may use, at least 1.

    A container's limit on processor time counts as cores, rounded down: two and a half cores bear two workers.
    """
    if asked:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _limit(quota)))


def _limit(quota: Path) -> int:
    """Return how many cores the container may use, more than any machine has where nothing limits it."""
    none = 1 << 30
    try:
        most, _, period = quota.read_text(encoding="ascii").partition(" ")
        return none if most == "max" else int(most) // int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return none
