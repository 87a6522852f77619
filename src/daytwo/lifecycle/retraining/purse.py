"""What retraining may cost in 30 days, what it has cost, and what a decision becomes that the rest does not pay for.

Pure: `settle.py` brings the costs. `[retrain] budget` sets the limit; without one everything is paid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.retraining.retrain import Decision
from daytwo.value.costs import APPROVAL, SWITCH, TRAINING, Cost

SPAN = timedelta(days=30)
BUDGET_KIND = "retrain.budget"
_KINDS = frozenset({TRAINING, APPROVAL, SWITCH})


@dataclass(frozen=True, slots=True)
class Purse:
    """The `budget` of 30 days, 0 for no limit, and what was `spent` in those before a moment, in money.

    `frees_at` is when the oldest of it is 30 days past; None where nothing was spent.
    """

    budget: float
    spent: float = 0.0
    frees_at: datetime | None = None

    def pays(self, amount: float) -> bool:
        """Whether so much more may be spent."""
        return not self.budget or self.spent + amount <= self.budget


def purse(costs: Iterable[Cost], at: datetime, *, budget: float) -> Purse:
    """Return what training, approvals and switches have cost in the 30 days before `at`."""
    recent = [one for one in costs if one.kind in _KINDS and at - SPAN < one.at <= at]
    oldest = min((one.at for one in recent if one.amount > 0), default=None)
    return Purse(budget, sum(one.amount for one in recent), None if oldest is None else oldest + SPAN)


def afforded(decision: Decision, held: Purse, *, price: float, currency: str) -> Decision:
    """Return the decision, or the one not to retrain for want of money; `price` is what a new version costs.

    Examples
    --------
    >>> wanted = Decision(True, "retrain: it pays", 900.0, 80.0, 9.0, 40.0, 5)
    >>> afforded(wanted, Purse(500.0, 200.0), price=400.0, currency="EUR").words
    'leave it: 200 of 500 EUR for 30 days are spent, and a new version costs 400; without a budget: retrain: it pays'
    """
    if not decision.retrain or held.pays(price):
        return decision
    again = "" if held.frees_at is None else f" (some of it comes back on {held.frees_at:%d %B %Y})"
    words = (
        f"leave it: {held.spent:,.0f} of {held.budget:,.0f} {currency} for 30 days are spent{again}, and a new version"
        f" costs {price:,.0f}; without a budget: {decision.words}"
    )
    return replace(decision, retrain=False, words=words)


def want_of_money(words: str, expected_gain: object, *, owner: str, since: datetime) -> Finding:
    """Return what the owner of retraining is told where the budget alone stands against a new version."""
    gain = f"; expected gain {expected_gain:,.0f}" if isinstance(expected_gain, int | float) else ""
    return Finding(
        kind=BUDGET_KIND,
        subject="retraining",
        severity=Severity.WARNING,
        summary=words + gain,
        since=since,
        evidence={"expected_gain": expected_gain},
        owner=owner,
        next_step="Raise [retrain] budget, or make one by hand: daytwo retrain",
    )
