import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.alarming.faults import learn_faults
from daytwo.monitoring.alarming.filtering_fit import Whitened, learn_filter, settled
from daytwo.monitoring.alarming.traits import learn_traits
from daytwo.monitoring.judging.layout import build_layout

NUMBER, LEVEL = (), ("a", "b", "c")


def schema(**kinds):
    return Schema(tuple(Feature(name, levels) for name, levels in kinds.items()))


def laid_out(windows, known):
    whole = np.concatenate(windows)
    return build_layout(whole, np.linspace(0, 1, len(whole)), known)


def seasons(draw, windows, rows=300):
    """Two numbers that a season moves together by half a spread, a level that follows it, and a lonely number."""
    found = []
    for _ in range(windows):
        season = draw.normal()
        numbers = draw.normal(size=(rows, 3)) + np.array([0.5, 0.5, 0.0]) * season
        level = draw.choice(3, rows, p=np.array([0.4, 0.3, 0.3]) + np.array([0.1, -0.1, 0.0]) * np.tanh(season))
        found.append(np.column_stack([numbers, level]).astype(np.float32))
    return found


SEASONS = schema(x=NUMBER, y=NUMBER, z=NUMBER, c=LEVEL)


@pytest.fixture(scope="module")
def learnt():
    windows = seasons(np.random.default_rng(0), 40)
    layout = laid_out(windows, SEASONS)
    return learn_filter(windows, [None] * 40, layout), windows


def test_the_distance_is_that_of_the_inverse_covariance():
    # The direct formula with the covariance written out, against the one by Woodbury's identity.
    draw = np.random.default_rng(1)
    within = np.cov(draw.normal(size=(9, 400)) * np.arange(1, 10)[:, None])
    windows, ways, new = draw.normal(size=(12, 9)) * 3, draw.normal(size=(9, 4)), draw.normal(size=9)
    white = Whitened.of(within, np.vstack([windows, new]), ways)
    inverse = np.linalg.inv(within + np.cov(windows.T, bias=True))
    by_hand = ways.T @ inverse @ (new - windows.mean(axis=0)) / np.sqrt(np.diag(ways.T @ inverse @ ways))
    assert np.allclose(white.far(12, leave_out=np.array([12])), by_hand)
    weights, usual = settled(within, windows.T, ways)
    assert np.allclose(weights @ new - usual, by_hand, atol=1e-4)
    others = np.delete(windows, 3, axis=0)
    inverse = np.linalg.inv(within + np.cov(others.T, bias=True))
    by_hand = ways.T @ inverse @ (windows[3] - others.mean(axis=0)) / np.sqrt(np.diag(ways.T @ inverse @ ways))
    assert np.allclose(white.far(3, leave_out=np.array([3, 12])), by_hand)


def test_a_shift_that_the_season_hides_is_seen(learnt):
    (found, history), _ = learnt
    usual = np.array([one["rise:x"] for one in history])
    shifted = seasons(np.random.default_rng(2), 20)
    for window in shifted:
        window[:, 0] += 0.25
    heard = np.array([found.listen(window, None)["rise:x"] for window in shifted])
    assert (heard[:, None] > usual).mean() > 0.9
    # The same shift of one column by itself is half of what the season does.
    assert np.std([w[:, 0].mean() for w in seasons(np.random.default_rng(2), 40)]) > 0.4


def test_a_new_window_is_as_far_as_the_reference_windows_were_from_the_others(learnt):
    (found, history), _ = learnt
    coming = [found.listen(window, None) for window in seasons(np.random.default_rng(3), 60)]
    for name in ("rise:x", "fall:y", "untied:x", "more:c", "less:c", "unit:z"):
        before = np.array([one[name] for one in history])
        after = np.array([one[name] for one in coming])
        assert 0.3 < (before[:, None] > after).mean() < 0.7, name


@pytest.mark.parametrize(
    ("channel", "change"),
    [
        ("fall:z", lambda w, d: w[:, 2].__isub__(0.3)),
        ("hole:y", lambda w, d: w[:, 1].__setitem__(d.random(len(w)) < 0.1, np.nan)),
        ("unit:z", lambda w, d: w[:, 2].__setitem__(d.random(len(w)) < 0.2, w[0, 2] * 0 + 12.0)),
        ("more:c", lambda w, d: w[:, 3].__setitem__(d.random(len(w)) < 0.4, 0.0)),
        ("untied:x", lambda w, d: w[:, 0].__setitem__(slice(None), d.permutation(w[:, 0]))),
    ],
)
def test_each_fault_is_heard_by_its_channel(channel, change):
    draw = np.random.default_rng(4)
    windows = seasons(draw, 40)
    for window in windows:
        window[:, 1] = 0.8 * window[:, 0] + 0.6 * window[:, 1]
    found, history = learn_filter(windows, [None] * 40, laid_out(windows, SEASONS))
    for window in seasons(draw, 3):
        window[:, 1] = 0.8 * window[:, 0] + 0.6 * window[:, 1]
        change(window, draw)
        assert found.listen(window, None)[channel] > max(one[channel] for one in history)


def test_a_small_window_says_less(learnt):
    (found, _), _ = learnt
    window = seasons(np.random.default_rng(5), 1)[0]
    window[:, 2] += 1.0
    large, small = found.listen(window, None)["rise:z"], found.listen(window[:30], None)["rise:z"]
    assert large > 2 * small > 0


def test_few_windows_teach_nothing():
    windows = seasons(np.random.default_rng(6), 9)
    assert learn_filter(windows, [None] * 9, laid_out(windows, SEASONS)) is None
    scores_alone = [np.zeros((5, 0), dtype=np.float32)] * 12
    assert learn_filter(scores_alone, [None] * 12, laid_out(scores_alone, schema())) is None


def test_phases_that_differ_are_no_change():
    draw = np.random.default_rng(7)
    windows = seasons(draw, 40)
    phases = ["week", "weekend"] * 20
    for window, phase in zip(windows, phases, strict=True):
        window[:, 2] += 1.0 * (phase == "weekend")
    found, history = learn_filter(windows, phases, laid_out(windows, SEASONS))
    window = seasons(draw, 1)[0]
    window[:, 2] += 1.0
    assert found.listen(window, "weekend")["rise:z"] < 2.0 < found.listen(window, "week")["rise:z"]
    assert max(one["rise:z"] for one in history) < 4.0


def test_traits_are_shares_that_can_be_counted_by_hand():
    rows = np.array([[1, 0], [2, 0], [3, 1], [np.nan, 1]], dtype=np.float32)
    layout = laid_out([rows], schema(n=NUMBER, c=("a", "b")))
    means = learn_traits(rows, layout).of(rows).mean(axis=0)
    # n: three values and missing; c: a, b (with any level never seen) and missing; ends of n; the pair n and c; cells.
    assert means[:4].tolist() == [0.25, 0.25, 0.25, 0.25]
    assert means[8:11].tolist() == [0.5, 0.5, 0.0]
    assert means[4:8].tolist() == [0.0, 0.0, 0.0, 0.0]
    # Two rows of four have a small n and an a, none has a large n and an a.
    cells = dict(zip(map(tuple, learn_traits(rows, layout).cells.tolist()), means[12:].tolist(), strict=True))
    assert all(share in {0.0, 0.25, 0.5} for share in cells.values())
    assert cells


def test_a_fault_is_what_it_adds_to_the_traits():
    rows = np.array([[0], [0], [1], [2]] * 50, dtype=np.float32)
    layout = laid_out([rows], schema(c=LEVEL))
    traits = learn_traits(rows, layout)
    found = {(fault.channel, fault.opposite): fault.direction for fault in learn_faults([rows], traits)}
    assert np.allclose(found["hole:c", ""], [-0.5, -0.25, -0.25, 1.0])
    assert set(found) == {("hole:c", ""), ("more:c", "less:c")}


def test_runs_of_like_windows_to_come_are_no_further_than_those_of_the_reference():
    # Each season lasts for six windows: a window told with its like would look nearer than any run to come.
    draw = np.random.default_rng(8)

    def runs(count):
        found = []
        for _ in range(count):
            away = draw.normal(size=3) * 0.6
            found += [(draw.normal(size=(300, 3)) + away).astype(np.float32) for _ in range(6)]
        return found

    known = schema(x=NUMBER, y=NUMBER, z=NUMBER)
    further = []
    for _ in range(4):
        windows = runs(10)
        found, history = learn_filter(windows, [None] * 60, laid_out(windows, known))
        before = np.array([one["rise:x"] for one in history])
        after = np.abs([found.listen(window, None)["rise:x"] for window in runs(10)])
        further.append(np.median(after) / np.median(np.abs(before)))
    assert np.median(further) < 1.3
