"""What the fast door of `typed.py` takes, where that is less than the contract allows: the rest goes to the decoder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Narrow:
    """What the fast door takes of one feature, where that is less than the contract allows.

    Numbers in [`low`, `high`] (None: any), no level of `without`, and nothing missing unless `missing`.
    """

    low: float | None = None
    high: float | None = None
    without: frozenset[str] = frozenset()
    missing: bool = True
