import doctest
import math

import numpy as np
import pytest

from minebench.minevae import estimates
from minebench.minevae.estimators import CriticSettings, mutual_information, total_correlation

QUICK = CriticSettings(hidden_dim=16, n_steps=150, learning_rate=5e-3)


def pair(n, rho, seed=0):
    x, noise = np.random.default_rng(seed).normal(size=(2, n, 1))
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def test_the_example_of_the_module_holds():
    assert doctest.testmod(estimates).failed == 0
    assert doctest.testmod(estimates).attempted > 4


@pytest.mark.parametrize("method", ["gauss_sample_debiased", "gauss_sample_shrunk", "ksg", "dv", "copula_js"])
def test_the_information_of_two_correlated_normals(method):
    """Correlation 0.8: -1/2 log(1 - 0.64) = 0.511 nats; 2,000 rows, standard error about 0.03."""
    found = mutual_information(*pair(2000, 0.8), method=method, critics=QUICK)
    assert found.value == pytest.approx(0.511, abs=0.1)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.3
    assert found.flags == ()
    assert found.method == method
    assert found.n_rows == 2000


@pytest.mark.parametrize("method", ["gauss_sample_debiased", "tree_js"])
def test_the_total_correlation_of_three_codes(method):
    """Correlation 0.6 between any two: -1/2 log(2.2 x 0.16) = 0.522 nats."""
    draws = np.random.default_rng(0).normal(size=(3000, 4))
    codes = math.sqrt(0.6) * draws[:, :1] + math.sqrt(0.4) * draws[:, 1:]
    assert total_correlation(codes, method=method, critics=QUICK).value == pytest.approx(0.522, abs=0.12)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """100 repetitions: 95 expected, below 87 once in a thousand."""
    hits = 0
    for seed in range(100):
        found = mutual_information(*pair(200, 0.5, seed), method="gauss_sample_debiased")
        hits += found.low < -0.5 * math.log(0.75) < found.high
    assert hits >= 87


def test_labels_are_told_apart_as_names_and_not_as_numbers():
    """x is far from 0 for the label 1 of 0, 1, 2 alone: no linear trend, and H(1/3) = 0.64 nats of information."""
    y = np.arange(1500) % 3
    x = np.random.default_rng(0).normal(size=1500) + 10 * (y == 1)
    found = mutual_information(x, y, method="js", critics=QUICK)
    assert found.value == pytest.approx(0.64, abs=0.15)


def test_an_information_beyond_the_batch_is_flagged_and_so_is_one_below_zero():
    """Two equal columns: infinite information, of which 100 product samples support log 100 - 1 = 3.6 nats."""
    x = np.random.default_rng(0).normal(size=(200, 1))
    sure = CriticSettings(hidden_dim=32, n_steps=200, learning_rate=1e-2, batch_size=80)
    assert "above log batch - 1" in mutual_information(x, x, method="dv", critics=sure).flags
    negative = [mutual_information(*pair(100, 0.0, seed), method="gauss_sample_debiased") for seed in range(10)]
    assert {estimate.flags for estimate in negative} == {("negative",), ()}
    assert all(estimate.value < 0 for estimate in negative if estimate.flags)


def test_what_has_no_finite_value_is_flagged_and_has_no_interval():
    x = np.random.default_rng(0).normal(size=(1000, 1))
    found = mutual_information(x, 2 * x, method="gauss_sample")
    assert found.flags == ("not finite",) or found.value > 10
    constant = total_correlation(np.hstack([x, x, x - x]), method="gauss_sample")
    assert constant.flags == ("not finite",)
    assert math.isnan(constant.low)


def test_one_seed_gives_one_value():
    brief = CriticSettings(hidden_dim=8, n_steps=10)
    found = [mutual_information(*pair(300, 0.8), method="dv", critics=brief, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0].value != found[2].value


def test_bad_samples_are_refused():
    x, y = pair(200, 0.5)
    with pytest.raises(ValueError, match="equally many rows; got 200 and 199"):
        mutual_information(x, y[1:])
    with pytest.raises(ValueError, match="finite and of shape"):
        mutual_information(x * np.nan, y)
    with pytest.raises(ValueError, match=r"100 rows and two columns at least; got \(50, 2\)"):
        mutual_information(x[:50], y[:50])
    with pytest.raises(ValueError, match="unknown method for samples 'mss'; known: gauss_sample"):
        total_correlation(np.hstack([x, y]), method="mss")
