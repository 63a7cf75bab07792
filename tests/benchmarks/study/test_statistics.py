import numpy as np
import pytest
from scipy import stats

from minebench.benchmarks.study.statistics import (
    brown_forsythe,
    compare,
    holm,
    mean_squared_error,
    moments,
    variance_eval,
    variance_train,
)


def draws(n_critics, n, *, critic=0.0, batch=1.0, rest=0.0, seed=0):
    """Effects of critics, batches and both, with given standard deviations."""
    rng = np.random.default_rng(seed)
    return (
        critic * rng.normal(size=(n_critics, 1))
        + batch * rng.normal(size=(1, n))
        + rest * rng.normal(size=(n_critics, n))
    )


def test_moments_by_hand():
    """Values 1, 2, 3 against a truth of 1: bias 1, variance 1, mean squared error 5/3."""
    found = moments(np.array([[1.0, 2.0, 3.0]]), 1.0, batch_size=10)
    assert found.bias.value == pytest.approx(1.0)
    assert found.sigma_eval.value == pytest.approx(1.0)
    assert found.rmse.value == pytest.approx((5 / 3) ** 0.5)
    assert found.sigma_train == 0.0
    assert (found.not_finite, found.above, found.negative) == (0.0, pytest.approx(1 / 3), 0.0)  # 3 > log 10


def test_variances_of_batches_and_critics_are_told_apart():
    """Deviations 2 of critics, 1 of batches, 0.5 of both: sigma_eval^2 = 1.25, sigma_train^2 = 4."""
    values = draws(300, 400, critic=2.0, batch=1.0, rest=0.5)
    assert variance_eval(values) == pytest.approx(1.25, rel=0.15)
    assert variance_train(values) == pytest.approx(4.0, rel=0.25)
    assert variance_train(draws(50, 10, critic=0.0, batch=1.0, rest=3.0)) < 1.0  # a naive one says 0.9 in the mean


def test_values_that_are_not_finite_are_a_row_and_not_a_gap():
    found = moments(np.array([[1.0, np.nan, -3.0], [np.inf, 2.0, 0.5]]), 1.0, batch_size=10)
    assert found.not_finite == pytest.approx(1 / 3)
    assert found.negative == pytest.approx(1 / 4)
    assert np.isnan(found.bias.value)
    assert np.isnan(found.rmse.value)


def test_a_constant_has_no_spread_and_its_error():
    found = moments(np.full((1, 5), 1.0), 3.0, batch_size=10)
    assert found.sigma_eval.value == 0.0
    assert found.rmse.value == pytest.approx(2.0)
    assert np.isnan(found.sigma_eval.low)


def test_intervals_of_the_bias_cover_as_often_as_they_say():
    """300 samples of 4 critics on 12 batches: 95 % less three standard errors is 91.2."""
    hits = 0
    for seed in range(300):
        found = moments(draws(4, 12, critic=1.0, batch=1.0, rest=0.5, seed=seed), 0.0, 256)
        hits += found.bias.low < 0 < found.bias.high
    assert hits / 300 > 0.912


@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_of_a_ratio_covers_where_that_of_the_f_distribution_does_not(skewed):
    """Two independent samples of 60 with equal variance, 250 times; for exponential draws F covers 75 to 80 %."""
    hits = f_hits = 0
    for seed in range(250):
        rng = np.random.default_rng(seed)
        first, second = rng.exponential(size=(2, 1, 60)) if skewed else rng.normal(size=(2, 1, 60))
        found = compare([variance_eval, variance_eval], [first, second])
        hits += found.ratio.low < 1 < found.ratio.high
        f = variance_eval(first) / variance_eval(second)
        f_hits += stats.f.ppf(0.025, 59, 59) < f < stats.f.ppf(0.975, 59, 59)
    assert hits / 250 > 0.9
    assert (f_hits / 250 < 0.85) == skewed


def test_pairing_on_the_same_batches_sharpens_the_comparison():
    """The second is the first, 10 % wider, with a little noise: paired the ratio is sure, apart it is not."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(1, 50))
    second = 1.1 * first + 0.01 * rng.normal(size=(1, 50))
    paired = compare([variance_eval, variance_eval], [second, first])
    apart = compare([variance_eval, variance_eval], [second, rng.permutation(first, axis=1)])
    assert paired.ratio.value == pytest.approx(1.1, abs=0.01)
    assert paired.ratio.low > 1.05
    assert paired.p < 1e-6
    assert apart.ratio.low < 0.95
    assert apart.p > 0.05


def test_a_ratio_counts_the_spread_over_critics():
    """Mean squared errors over 3 critics that disagree: the interval is wide, however many the batches."""
    neural, other = draws(3, 200, critic=2.0, batch=0.1), draws(1, 200, batch=1.0, seed=1)
    error = lambda values: mean_squared_error(values, 0.0)  # noqa: E731
    found = compare([error, error], [neural, other])
    assert found.ratio.low < 1 < found.ratio.high
    one = compare([error, error], [neural[:1], other])
    assert one.ratio.high - one.ratio.low < found.ratio.high - found.ratio.low


def test_averaging_batches_lessens_their_variance_alone():
    """Bias 1, batch variance 4, none of critics: 1 + 4 / 8."""
    values = 1 + 2 * np.array([[-1.0, 1.0] * 500])
    assert mean_squared_error(values, 0.0, averaged=8.0) == pytest.approx(1 + 4 / 8, rel=0.01)


def test_brown_forsythe_tells_spreads_apart_and_equal_ones_not():
    rng = np.random.default_rng(0)
    wide, narrow = 3 * rng.normal(size=(4, 60)), rng.normal(size=(1, 60))
    assert brown_forsythe(wide, narrow) < 1e-3
    p = [brown_forsythe(*(np.random.default_rng(seed).normal(size=(2, 1, 60)))) for seed in range(200)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.11
    assert brown_forsythe(narrow, narrow) == 1.0


def test_holm_by_hand():
    """0.01 x 3, 0.02 x 2, 0.5; never falling in order."""
    assert holm([0.5, 0.01, 0.02]) == pytest.approx([0.5, 0.03, 0.04])
    assert holm([0.04, 0.03]) == pytest.approx([0.06, 0.06])
    assert holm([]) == []


def test_ratios_of_what_is_not_finite_or_constant_have_no_interval():
    found = compare([variance_eval, variance_eval], [np.array([[1.0, np.nan, 2.0]]), np.ones((1, 3))])
    assert np.isnan(found.ratio.value)
    assert found.p == 1.0
    assert compare([variance_eval, variance_eval], [np.ones((1, 5)), draws(1, 5)]).p == 1.0
