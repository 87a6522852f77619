import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import daytwo.lifecycle
from daytwo.core.errors import SettingsError
from daytwo.lifecycle.retraining.decay import Evidence
from daytwo.lifecycle.retraining.replay import oracle, regret, simulate
from daytwo.lifecycle.retraining.retrain import Decision, Prices, cheapest_life, decide, pays_to_know


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


def test_the_words_say_what_would_be_saved_and_from_where_on_it_pays():
    ages = np.arange(8)[None, :] - np.array([[0], [4]])
    losses = np.where(ages >= 0, 100.0 + 5.0 * ages, np.nan)
    seen = Evidence(9, (0, 4), losses, own=0)
    early = decide(seen, age=9, prices=Prices(10_000.0), currency="USD")
    assert not early.retrain
    assert early.words.startswith("leave it: a fresh model would save ")
    assert 35 < early.excess < 45
    assert "USD a window (standard error" in early.words
    now = decide(seen, age=9, prices=Prices(50.0), currency="USD")
    assert now.retrain
    assert now.words.startswith("retrain: a fresh model would save ")
    assert now.expected_gain > 0
    better = decide(
        Evidence(9, (0, 4), np.where(ages >= 0, 100.0 - 9.0 * ages, np.nan), own=0), age=9, prices=Prices(1)
    )
    assert "after 9 windows a fresh model would do no better" in better.words


def test_where_proof_is_asked_for_what_may_be_noise_is_left_alone_and_said_to_be_so():
    ages = np.arange(8)[None, :] - np.array([[0], [4]])
    losses = np.where(ages >= 0, 100.0 + 0.2 * ages, np.nan) + np.random.default_rng(2).normal(0, 3, (2, 8))
    seen = Evidence(9, (0, 4), losses, own=0)
    assert decide(seen, age=9, prices=Prices(1.0)).retrain
    told = decide(seen, age=9, prices=Prices(1.0), surely=3.0)
    assert not told.retrain
    assert told.words.endswith("which may be noise")


def test_before_any_label_nothing_is_done():
    told = decide(Evidence(1, (0,), np.full((1, 0), np.nan), own=0), age=1, prices=Prices(1.0))
    assert (told.retrain, told.words) == (False, "too early: no window has its labels yet")
    assert not pays_to_know(told, Prices(1.0, 0.1))
    with pytest.raises(ValueError, match="an age of 0"):
        decide(Evidence(1, (0,), np.full((1, 0), np.nan), own=0), age=0, prices=Prices(1.0))


def test_where_a_switch_is_nearly_free_every_window_has_a_new_version():
    runs = [
        simulate(stream(40, lambda i, t: 0.01 * (t - i), noise=0.01, seed=seed), switch_cost=0.003) for seed in range(5)
    ]
    assert np.mean([len(run.switches) for run in runs]) > 30


def test_a_young_version_is_judged_by_what_age_cost_those_before_it():
    losses = stream(60, lambda i, t: 0.05 * (t - i), noise=0.01)
    lives = np.diff((0, *simulate(losses, switch_cost=0.1).switches))
    # sqrt(2 * 0.1 / 0.05) = 2 windows; labels of a version's own windows come after two.
    assert np.median(lives[5:]) == 2


@given(st.floats(0.01, 1e6), st.floats(0, 1e4), st.integers(1, 80))
def test_no_life_is_cheaper_than_the_cheapest(price, rate, longest):
    life, average = cheapest_life(price, rate, longest)
    by_hand = [(price + sum(rate * age for age in range(n))) / n for n in range(1, longest + 1)]
    assert 1 <= life <= longest
    assert average == pytest.approx(min(by_hand))
    assert by_hand[life - 1] == pytest.approx(average)


def test_what_knowing_is_worth_is_what_a_draw_of_outcomes_says():
    ages = np.arange(8)[None, :] - np.array([[0], [4]])
    seen = Evidence(10, (0, 4), np.where(ages >= 0, 100.0 + 0.5 * ages, np.nan), own=0)
    told = decide(seen, age=10, prices=Prices(40.0))
    life, average = cheapest_life(40.0, told.rate, 10)
    windows = min(max(life, 10), 10)
    drawn = np.random.default_rng(1).normal(told.excess, told.standard_error, 400_000)
    best = max(told.excess - average, 0.0)
    assert told.worth_knowing == pytest.approx(windows * (np.maximum(drawn - average, 0).mean() - best), rel=0.02)
    assert isinstance(told, Decision)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_the_rule_knows_no_unit_of_money(scale):
    losses = stream(40, lambda i, t: 0.02 * (t - i), noise=0.02)
    plain = simulate(losses, switch_cost=0.3, challenger_cost=0.01)
    other = simulate(losses * scale, switch_cost=0.3 * scale, challenger_cost=0.01 * scale)
    assert (other.switches, other.challengers) == (plain.switches, plain.challengers)


def test_nothing_lost_is_nothing_to_gain():
    assert simulate(np.zeros((8, 8)), switch_cost=1.0).switches == ()


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
