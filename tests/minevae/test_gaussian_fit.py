import math

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf

from minebench.baselines.contract import Gaussian
from minebench.minevae.gaussian_fit import (
    GaussianFitEstimator,
    GaussianTotalCorrelation,
    covariance_total_correlation,
    fitted_total_correlation,
    shrink,
    shrinkage,
    wishart_bias,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_total_correlation_of_a_covariance_by_hand():
    """Two pairs with correlation 0.8, independent of one another: -1/2 log(1 - 0.64) each, none between them."""
    pair = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    covariance = torch.block_diag(pair, 9 * pair)
    assert covariance_total_correlation(covariance).item() == pytest.approx(-math.log(1 - 0.64))
    assert covariance_total_correlation(covariance, ((0, 1), (2, 3))).item() == pytest.approx(0.0, abs=1e-12)
    assert covariance_total_correlation(covariance, ((0, 2), (1, 3))).item() == pytest.approx(-math.log(1 - 0.64))


@pytest.mark.parametrize("groups", [None, ((0, 1, 2), (3, 4))])
def test_the_debiased_fit_has_no_bias_on_gaussian_samples(groups):
    """20 samples of 5 correlated codes, 20,000 times; standard error 0.004; the raw fit is off by the Wishart bias."""
    mix = normal(5, 5, seed=3)
    codes = normal(20_000, 20, 5) @ mix
    truth = covariance_total_correlation(mix.T @ mix, groups).item()
    raw = fitted_total_correlation(codes, groups).mean().item()
    debiased = fitted_total_correlation(codes, groups, correction="debiased").mean().item()
    assert debiased == pytest.approx(truth, abs=0.02)
    assert raw == pytest.approx(truth + wishart_bias(20, 5, groups), abs=0.02)
    assert wishart_bias(20, 5, groups) > 0.15


def test_the_bias_of_two_codes_by_hand():
    """D = 2: 1/2 [digamma((n - 1) / 2) - digamma((n - 2) / 2)]; with n = 4 that is 1/2 [psi(3/2) - psi(1)]."""
    expected = 0.5 * (2 - 2 * math.log(2))  # psi(3/2) = psi(1) + 2 - 2 log 2
    assert wishart_bias(4, 2) == pytest.approx(expected)


def test_the_shrunk_covariance_is_that_of_scikit_learn():
    codes = normal(30, 8) @ normal(8, 8, seed=1)
    centred = codes - codes.mean(0)
    covariance, weight = ledoit_wolf(codes.numpy())
    assert shrinkage(centred).item() == pytest.approx(weight, rel=1e-9)
    mine = shrink(centred.T @ centred / 30, shrinkage(centred))
    np.testing.assert_allclose(mine.numpy(), covariance, rtol=1e-9, atol=1e-12)


def test_more_codes_than_samples_need_shrinkage():
    with pytest.raises(ValueError, match="more than 8 samples; got 8"):
        fitted_total_correlation(normal(8, 8))
    assert torch.isfinite(fitted_total_correlation(normal(8, 8), correction="shrunk"))


def test_means_tell_another_correlation_than_samples(world):
    """Means are N(0, R - s^2 I) with R_ij = 0.6, s^2 = 0.2: correlation 0.75; samples have 0.6."""
    batch = world.draw(2000, 0)
    of_means = -0.5 * math.log((1 + 3 * 0.75) * 0.25**3)
    assert GaussianTotalCorrelation("sample").value(batch).item() == pytest.approx(world.truth, abs=0.1)
    assert GaussianTotalCorrelation("mean").value(batch).item() == pytest.approx(of_means, abs=0.15)


def linear_world(n=4000):
    """Codes: the label -1 or +1 in code 0, noise of variance 1 in code 1; posteriors of variance 1/4."""
    labels = torch.arange(n) % 2
    means = torch.stack([2.0 * labels - 1, normal(n, seed=5).float()], 1)
    return Gaussian(means, torch.full((n, 2), math.log(0.25))), torch.stack([labels, torch.full_like(labels, -1)], 1)


def test_information_on_a_label_by_hand():
    """Code 0: variance 1 of means, 0 within a value: 1/2 log((1 + 1/4) / (1/4)). No code is labelled with factor 1.

    The covariance of the codes is the identity: shrunk as a whole, it would tell nothing of the label.
    """
    fit = GaussianFitEstimator(2, 2, n_samples=4000)
    fit.add(*linear_world())
    expected = 0.5 * math.log(5)
    assert fit.information().tolist() == pytest.approx([expected, 0.0], abs=0.01)
    assert fit.information([1])[0].item() == pytest.approx(0.0, abs=0.01)


def test_information_and_rate_are_never_negative_however_few_the_samples():
    for seed in range(20):
        fit = GaussianFitEstimator(12, 1, n_samples=30)
        codes = Gaussian(normal(6, 12, seed=seed).float(), torch.zeros(6, 12))
        assert fit.rate().item() == 0.0
        fit.add(codes, torch.arange(6)[:, None] % 3)
        assert fit.information()[0].item() >= 0
        assert fit.rate().item() > 0


def test_rate_by_hand():
    """Means of variances 1 and 1 over noise of 1/4: log(1 + 4); over a given noise of 1: log 2."""
    fit = GaussianFitEstimator(2, n_samples=4000)
    fit.add(linear_world()[0])
    assert fit.rate().item() == pytest.approx(math.log(5), abs=0.05)
    assert fit.rate(noise_variance=1.0).item() == pytest.approx(math.log(2), abs=0.05)
    assert fit.rate([0]).item() == pytest.approx(math.log(5) / 2, abs=0.02)
    assert fit.rate([]).item() == 0.0


def test_the_fit_forgets_what_is_older_than_its_samples():
    """700 and 1,300 codes into room for 1,000: the last 1,000 count, whatever came before."""
    old, new = normal(700, 3).float(), normal(1300, 3, seed=1).float() * torch.tensor([1.0, 2.0, 3.0])
    fit, fresh = GaussianFitEstimator(3), GaussianFitEstimator(3)
    for part in (old, new[:600], new[600:]):
        fit.add(Gaussian(part, torch.zeros_like(part)))
    fresh.add(Gaussian(new[300:], torch.zeros(1000, 3)))
    assert fit.rate().item() == pytest.approx(fresh.rate().item())
    assert fit.total_correlation("sample").item() == pytest.approx(fresh.total_correlation("sample").item(), abs=1e-12)


def test_total_correlation_of_samples_adds_the_posteriors_variance(world):
    fit = GaussianFitEstimator(4, n_samples=3000)
    fit.add(world.population)
    assert fit.total_correlation("sample").item() == pytest.approx(world.truth, abs=0.05)
    assert fit.total_correlation("mean").item() == pytest.approx(-0.5 * math.log((1 + 3 * 0.75) * 0.25**3), abs=0.08)
