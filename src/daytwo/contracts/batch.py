"""Promises of a batch as a whole: how fresh, how many rows, how its values are spread. No single row breaks them.

Pure and light; `whole.py` judges a table by them. They warn, unless their action is "reject": then a batch that
breaks one is refused as a whole, and nothing of it is taken in.

================  ===============================================================================================
rule              a batch fails when
================  ===============================================================================================
null_share        more than `max_null_share` of a column's values are missing
freshness         its newest event time is older than `max_age` at the moment of the check
repeat_share      more than `max_repeat_share` of its rows repeat a row before them in every judged column: a batch
                  that came twice
volume            a whole `window` of event time has fewer than `minimum_rows` or more than `maximum_rows`; without
                  a time column the batch itself is the window
distribution      a column's values are spread otherwise than promised: the total variation distance between the
                  shares seen and `shares` is more than `max_distance`
================  ===============================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from daytwo.contracts.action import Action
from daytwo.core.durations import duration
from daytwo.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Batch:
    """How fresh and how large a batch is, and how much of it repeats itself.

    `window` and `max_age` are durations such as "1d"; "" promises nothing. `max_repeat_share` is a share in [0, 1].
    """

    max_age: str = ""
    window: str = "1d"
    minimum_rows: int | None = None
    maximum_rows: int | None = None
    max_repeat_share: float | None = None
    action: Action = Action.WARN
    evidence: str = ""
    false_alarm_rate: float | None = None

    def __post_init__(self) -> None:
        if self.max_age:
            duration(self.max_age)
        duration(self.window)
        if self.max_repeat_share is not None and not 0 <= self.max_repeat_share <= 1:
            raise SettingsError(
                f"max_repeat_share is a share between 0 and 1, not {self.max_repeat_share}",
                hint="Write 0.05 for 5 % in [batch] of the contract",
            )


# Promises nothing.
ANY_BATCH = Batch()


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one column's values are spread.

    Numbers fall into the bins between `edges` (ascending; a value on an edge belongs to the bin above), categories
    into `levels`, and what is none of them into one more. `shares` are the bins' or levels' shares, then those of
    other levels (categories only), then of missing values; they sum to 1.
    """

    column: str
    max_distance: float
    shares: tuple[float, ...]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    action: Action = Action.WARN
    evidence: str = ""
    false_alarm_rate: float | None = None


class BatchBreach(msgspec.Struct, frozen=True):
    """One promise that a batch as a whole broke. `observed` and `limit` are in the rule's own unit."""

    column: str
    rule: str
    message: str
    action: Action
    observed: float
    limit: float


def distribution_problems(one: Distribution) -> Iterator[str]:
    """Say what is wrong with the promise of a spread."""
    bins = len(one.levels) + 1 if one.levels else len(one.edges) + 1
    if one.levels and one.edges:
        yield "it has either edges or levels"
    if len(one.shares) != bins + 1:
        yield f"it needs {bins + 1} shares, the last that of missing values, not {len(one.shares)}"
    if not all(share >= 0 for share in one.shares) or not math.isclose(sum(one.shares), 1.0, abs_tol=1e-3):
        yield "the shares must be at least 0 and sum to 1"
    if any(low >= high for low, high in zip(one.edges, one.edges[1:], strict=False)):
        yield "the edges must ascend"
    if not 0 <= one.max_distance <= 1:
        yield "max_distance is a share between 0 and 1"
    if one.action is Action.REPAIR:
        yield "it can reject or warn, not repair"
