import numpy as np
import pytest

import daytwo.lifecycle
from daytwo.core.errors import SettingsError
from daytwo.lifecycle.retraining.replay import oracle, regret, simulate
from daytwo.lifecycle.retraining.retrain import PairedWindow, decide


def stream(n, excess, noise=0.0, seed=0):
    """Losses of 1 a window plus what a version trained before window i loses more on window t."""
    rng = np.random.default_rng(seed)
    i, t = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    shared = rng.normal(0, 5 * noise, n)[None, :]
    losses = 1.0 + excess(i, t) + shared + rng.normal(0, noise, (n, n))
    return np.where(t >= i, losses, np.nan)


def test_linear_decay_is_replaced_near_the_economic_order_quantity():
    losses = stream(120, lambda i, t: 0.02 * (t - i))
    run = simulate(losses, switch_cost=1.0)
    lives = np.diff((0, *run.switches))
    # Harris: the cheapest life under linear growth b is sqrt(2 K / b) = 10 windows.
    assert 8 <= np.mean(lives) <= 14
    assert regret(run, oracle(losses, switch_cost=1.0)) < 0.03


def test_a_jump_is_answered_soon_after_its_labels():
    losses = stream(40, lambda i, t: 0.5 * ((i <= 20) & (t >= 20)), noise=0.01)
    run = simulate(losses, switch_cost=1.0)
    assert len(run.switches) == 1
    assert 22 <= run.switches[0] <= 26


def test_where_nothing_decays_almost_nothing_is_spent():
    extra = []
    for seed in range(10):
        losses = stream(60, lambda i, t: 0.0 * i, noise=0.01, seed=seed)
        extra.append(regret(simulate(losses, switch_cost=0.5), oracle(losses, switch_cost=0.5)))
    assert np.mean(extra) < 0.02


def test_the_policy_reads_only_labels_that_were_known():
    losses = stream(40, lambda i, t: 0.03 * (t - i), noise=0.02)
    whole = simulate(losses, switch_cost=0.3).switches
    assert whole
    for t in (10, 20, 30):
        other = losses.copy()
        late = np.arange(40) >= t - 1
        other[:, late] = np.where(np.isnan(other[:, late]), np.nan, 99.0)
        assert [s for s in simulate(other, switch_cost=0.3).switches if s <= t] == [s for s in whole if s <= t]


def test_the_oracle_is_never_beaten():
    for seed in range(10):
        losses = stream(25, lambda i, t: 0.02 * np.abs(t - i) ** 1.5, noise=0.05, seed=seed)
        best = oracle(losses, switch_cost=0.2, challenger_cost=0.01)
        for policy in ("marginal", "marginal every 4", "every 3", "always", "never"):
            run = simulate(losses, switch_cost=0.2, challenger_cost=0.01, policy=policy)
            assert run.total >= best.total - 1e-9
            assert run.cost == pytest.approx(0.2 * len(run.switches) + 0.01 * len(run.challengers))


def test_a_policy_or_matrix_that_is_none_is_refused():
    with pytest.raises(SettingsError, match=r"no retraining policy.*marginal"):
        simulate(stream(3, lambda i, t: 0.0 * i), switch_cost=1, policy="often")
    with pytest.raises(SettingsError):
        simulate(stream(3, lambda i, t: 0.0 * i), switch_cost=1, policy="every 0")
    with pytest.raises(ValueError, match="square"):
        simulate([[1.0, 2.0]], switch_cost=1)
    with pytest.raises(ValueError, match="NaN"):
        oracle([[1.0, np.nan], [np.nan, 1.0]], switch_cost=1)


def test_the_guard_holds_back_what_may_be_noise_and_says_so():
    noisy = [PairedWindow(10 + wobble, 10, standard_error=8.0) for wobble in (1, 3, 2, 4, 3, 4)]
    decision = decide(noisy, age=60, switch_cost=1.0, currency="USD")
    assert not decision.retrain
    assert "may be noise" in decision.words
    sure = [PairedWindow(w.champion, w.challenger, standard_error=0.5) for w in noisy]
    decision = decide(sure, age=60, switch_cost=1.0, currency="USD")
    assert decision.retrain
    assert decision.expected_gain > 0
    assert "retrain" in decision.words


def test_a_young_or_better_champion_is_left_alone():
    assert "too early" in decide([], age=1, switch_cost=1).words
    assert "do no better" in decide([PairedWindow(1, 2)] * 5, age=6, switch_cost=1).words
    with pytest.raises(ValueError, match="5 labelled windows"):
        decide([PairedWindow(1, 2)] * 5, age=4, switch_cost=1)


def test_the_replay_is_public_and_reads_no_loss_that_was_not_known():
    random = np.random.default_rng(5)
    for _ in range(60):
        n = int(random.integers(6, 24))
        age = np.subtract.outer(np.arange(n), np.arange(n)).T
        losses = np.where(age >= 0, 5 + random.exponential(0.5) * age + random.normal(size=(n, n)), np.nan)
        cut, cost = int(random.integers(2, n)), float(random.choice([1.0, 5.0, 20.0]))
        changed = losses.copy()
        changed[:, cut - 1 :] += np.where(age[:, cut - 1 :] >= 0, random.normal(size=(n, n - cut + 1)) * 50, 0.0)
        runs = [daytwo.lifecycle.simulate(one, switch_cost=cost, challenger_cost=0.02) for one in (losses, changed)]
        assert {t for t in runs[0].switches if t <= cut} == {t for t in runs[1].switches if t <= cut}


@pytest.mark.parametrize(
    "costs", [{"switch_cost": -1}, {"switch_cost": np.inf}, {"switch_cost": 1, "challenger_cost": -1}]
)
def test_a_cost_that_is_no_price_is_refused(costs):
    with pytest.raises(ValueError, match="must be an amount of money"):
        simulate(np.ones((4, 4)), **costs)


def test_losses_without_end_are_refused():
    with pytest.raises(ValueError, match="infinity"):
        simulate(np.full((4, 4), np.inf), switch_cost=1)


def test_free_challengers_are_trained_each_window_and_dear_ones_seldom():
    losses = stream(40, lambda i, t: 0.0 * i, noise=0.01)
    assert simulate(losses, switch_cost=1.0).challengers == tuple(range(1, 40))
    dear = simulate(losses, switch_cost=1.0, challenger_cost=0.1)
    assert len(dear.challengers) < 14
    # While nothing decays, challengers get rarer.
    assert np.diff(dear.challengers)[-1] > np.diff(dear.challengers)[0]


def test_a_switch_always_uses_a_challenger_of_its_window_and_pays_for_it():
    losses = stream(40, lambda i, t: 0.1 * (t - i), noise=0.05)
    run = simulate(losses, switch_cost=1.0, challenger_cost=0.1)
    assert run.switches
    assert set(run.switches) <= set(run.challengers)
    assert run.cost == pytest.approx(len(run.switches) + 0.1 * len(run.challengers))


def test_where_nothing_decays_dear_challengers_cost_little():
    losses = [stream(40, lambda i, t: 0.0 * i, noise=0.01, seed=seed) for seed in range(10)]
    for challenger_cost in (0.01, 0.05):
        runs = [simulate(one, switch_cost=0.5, challenger_cost=challenger_cost) for one in losses]
        never = [simulate(one, switch_cost=0.5, policy="never") for one in losses]
        assert np.mean([run.total for run in runs]) <= 1.03 * np.mean([run.total for run in never])
