"""What decisions lose against the right ones: money beside the best that could have been had on the same rows.

Money by itself falls when there is less to earn; what wrong decisions lose falls only when fewer are wrong.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.performance import Answers
from daytwo.scoring.payoff import Lookup, Payoff


def against_the_best(payoff: Payoff, said: Answers, column: Lookup) -> Answers:
    """Return the answers with their money counted from what the right decision would have brought, so at most 0.

    A regression's money is that already: its best error is none. Where money is not known the loss counts as 0.
    """
    if payoff.task is Task.REGRESSION or said.money_if_one is None or said.money_if_zero is None:
        return said
    amounts = payoff.amounts_many(len(said.scores), column)
    best_if_one = np.maximum(amounts["true_positive"], amounts["false_negative"])
    best_if_zero = np.maximum(amounts["false_positive"], amounts["true_negative"])
    return replace(
        said,
        money_if_one=np.nan_to_num(said.money_if_one - best_if_one),
        money_if_zero=np.nan_to_num(said.money_if_zero - best_if_zero),
    )
