import numpy as np
import pytest

from daytwo.core.schema import Task
from daytwo.core.settings import ValueSettings
from daytwo.monitoring.estimating.performance import Answers
from daytwo.scoring.payoff import Payoff
from daytwo.training.evaluate import answers
from daytwo.training.regret import against_the_best


def nothing(name):
    raise KeyError(name)


def test_money_is_counted_from_the_right_decision():
    payoff = Payoff.from_settings(ValueSettings(true_positive=3, false_positive=-1, false_negative=-2), Task.BINARY)
    said = answers(payoff, np.array([0.9, 0.1]), nothing, None)
    assert said.money_if_one.tolist() == [3.0, -2.0]
    regret = against_the_best(payoff, said, nothing)
    assert regret.money_if_one.tolist() == [0.0, -5.0]
    assert regret.money_if_zero.tolist() == [-1.0, 0.0]
    assert regret.scores is said.scores


def test_a_regressions_money_is_lost_by_errors_alone_already():
    payoff = Payoff.from_settings(ValueSettings(error_cost=2.0), Task.REGRESSION)
    said = answers(payoff, np.array([4.0]), nothing, None)
    assert against_the_best(payoff, said, nothing) is said
    plain = Answers(np.array([0.5]))
    binary = Payoff.from_settings(ValueSettings(), Task.BINARY)
    assert against_the_best(binary, plain, nothing) is plain


@pytest.mark.parametrize("score", [0.0, 0.3, 0.7, 1.0])
def test_nothing_is_ever_better_than_the_best(score):
    payoff = Payoff.from_settings(ValueSettings(true_positive=3, false_positive=-1), Task.BINARY)
    regret = against_the_best(payoff, answers(payoff, np.array([score]), nothing, None), nothing)
    assert regret.money_if_one[0] <= 0
    assert regret.money_if_zero[0] <= 0
