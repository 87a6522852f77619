import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import chebyshev, cityblock, euclidean, jensenshannon

from daytwo.core.errors import DataError
from daytwo.monitoring.profiles import distances

COUNTS = st.lists(st.integers(1, 500), min_size=2, max_size=30)


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.integers(0, 1_000))
def test_distances_agree_with_scipy(a, seed):
    a = np.array(a, dtype=float)
    b = np.random.default_rng(seed).integers(1, 500, a.size).astype(float)
    p, q, x = a / a.sum(), b / b.sum(), np.arange(a.size)
    assert distances.js_distance(a, b) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-7)
    assert distances.wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(x, x, p, q))
    assert distances.hellinger(a, b) == pytest.approx(euclidean(np.sqrt(p), np.sqrt(q)) / np.sqrt(2), abs=1e-12)
    assert distances.total_variation(a, b) == pytest.approx(cityblock(p, q) / 2, abs=1e-12)
    assert distances.l_infinity(a, b) == pytest.approx(chebyshev(p, q), abs=1e-12)
    assert distances.psi(a, b) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))
    table = stats.chi2_contingency([a, b], correction=False)
    assert distances.chi_squared(a, b) == pytest.approx(table.statistic, rel=1e-9, abs=1e-9)
    rows = stats.ks_2samp(np.repeat(x, a.astype(int)), np.repeat(x, b.astype(int)))
    assert distances.ks(a, b) == pytest.approx(rows.statistic, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(COUNTS)
def test_every_distance_is_zero_on_itself_symmetric_and_bounded(a):
    b = a[::-1]
    for name, distance in distances.DISTANCES.items():
        assert distance(a, a) == pytest.approx(0, abs=1e-6), name
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-9), name
    for distance in (distances.js_distance, distances.hellinger, distances.total_variation, distances.ks):
        assert 0 <= distance(a, b) <= 1 + 1e-12


@pytest.mark.parametrize("levels", [2, 20, 31])
@pytest.mark.parametrize("rows", [400, 4_000])
def test_noise_units_do_not_grow_with_levels_or_rows(levels, rows):
    rng = np.random.default_rng(4)
    shares = rng.dirichlet(np.full(levels, 5.0))
    values = [distances.noise_units(rng.multinomial(50_000, shares), rng.multinomial(rows, shares)) for _ in range(200)]
    if rows >= 10 * levels:
        assert abs(np.mean(values)) < 0.5
        assert 0.6 < np.std(values) < 1.4
    assert np.mean(np.array(values) > 6) < 0.02 or rows < 5 * levels


def test_windows_with_other_bins_are_refused_with_a_way_out():
    with pytest.raises(DataError, match=r"reference has 2 bins, the window has 3.*reference's layout"):
        distances.psi([1, 1], [1, 1, 1])
    with pytest.raises(DataError, match="rows on both sides"):
        distances.ks([1, 1], [0, 0])
