"""The gates on what a version stands on and what it takes: rows, memory, computing. Pure; `supply.py` asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from daytwo.lifecycle.gating.gates import GateResult

_MEBI = 1 << 20
_DAYS = 30


@dataclass(frozen=True, slots=True)
class Supply:
    """The rows behind a candidate: how many were offered and rejected by the contract, how many it could learn from.

    `age` is how old the newest labelled row is, None where rows bear no time.
    """

    offered: int
    rejected: int
    learnt_from: int
    age: timedelta | None


def data_gate(supply: Supply, *, max_rejected: float, fewest_rows: int, max_age: timedelta | None) -> GateResult:
    """Refuse a candidate whose rows mostly broke the contract, are too few, or end too long ago.

    Parameters
    ----------
    max_rejected : float in [0, 1]
        Bearable share of rejected rows among all that were taken in.
    max_age : timedelta or None
        None sets no limit.

    Examples
    --------
    >>> data_gate(Supply(100, 60, 40, None), max_rejected=0.5, fewest_rows=20, max_age=None).words
    '60.0% of 100 rows broke the contract, over 50.0%'
    """
    share = supply.rejected / supply.offered if supply.offered else 0.0
    wrong = []
    if share > max_rejected:
        wrong.append(f"{share:.1%} of {supply.offered:,} rows broke the contract, over {max_rejected:.1%}")
    if supply.learnt_from < fewest_rows:
        wrong.append(f"learnt from {supply.learnt_from:,} rows, and {fewest_rows:,} are asked for")
    days = None if supply.age is None else supply.age / timedelta(days=1)
    if max_age is not None and days is None:
        wrong.append("rows bear no time, so how fresh they are is not known")
    elif max_age is not None and supply.age is not None and supply.age > max_age:
        wrong.append(f"the newest labelled row is {days:.1f} days old, over {max_age / timedelta(days=1):.1f}")
    fresh = "" if days is None else f", the newest labelled one {days:.1f} days old"
    words = f"learnt from {supply.learnt_from:,} rows{fresh}; {share:.1%} of {supply.offered:,} broke the contract"
    evidence: dict[str, object] = {
        "offered": supply.offered,
        "rejected_share": share,
        "learnt_from": supply.learnt_from,
        "age_days": days,
    }
    return GateResult("data", not wrong, "; ".join(wrong) or words, evidence)


def memory_gate(resident_bytes: int, bundle_bytes: int, *, max_mb: float) -> GateResult:
    """Refuse a version that takes more than `max_mb` MiB of a server's memory once it is loaded.

    Examples
    --------
    >>> memory_gate(600 << 20, 1 << 20, max_mb=512).words
    'takes 600 MiB of memory once loaded, over 512 MiB (1 MiB on disk)'
    """
    mb = resident_bytes / _MEBI
    passed = mb <= max_mb
    side = "within" if passed else "over"
    words = f"takes {mb:.3g} MiB of memory once loaded, {side} {max_mb:g} MiB ({bundle_bytes / _MEBI:.3g} MiB on disk)"
    return GateResult("memory", passed, words, {"memory_mb": mb, "disk_mb": bundle_bytes / _MEBI, "max_mb": max_mb})


def cost_gate(cpu_us: float, rows_a_day: float, *, core_hour: float, budget: float, currency: str) -> GateResult:
    """Refuse a version whose answers alone would cost more in 30 days than the plan's budget.

    Parameters
    ----------
    cpu_us : float
        Processor time of one answer, in microseconds.
    rows_a_day : float
        How many rows a day came so far.
    core_hour, budget : float, money
        The price of a core for an hour, and what the model may cost in 30 days.

    Examples
    --------
    >>> cost_gate(1000.0, 3_600_000, core_hour=0.05, budget=1.0, currency="USD").passed
    False
    """
    cost = cpu_us / 1e6 / 3600 * core_hour * rows_a_day * _DAYS
    passed = cost <= budget
    words = (
        f"{rows_a_day:,.0f} rows a day take {cost:.3g} {currency} of computing in {_DAYS} days"
        f" ({cpu_us:.3g} us a row), {'within' if passed else 'over'} the budget of {budget:,.0f}"
    )
    evidence: dict[str, object] = {"cost": cost, "cpu_us": cpu_us, "rows_a_day": rows_a_day, "budget": budget}
    return GateResult("cost", passed, words, evidence)
