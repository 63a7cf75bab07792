import math

import pytest
import torch

from minebench.baselines.contract import Noise
from minebench.minevae.copula import CopulaCritics, GaussianCopula
from minebench.minevae.critic_training import train_critics
from minebench.minevae.groups import permute_groups
from minebench.minevae.mutual_information import MutualInformationEstimator


def gaussian(n, rho=0.6, seed=0):
    draws = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    return math.sqrt(rho) * draws[:, :1] + math.sqrt(1 - rho) * draws[:, 1:]


TRUTH = -0.5 * math.log((1 + 2 * 0.6) * 0.4**2)  # of three codes with correlation 0.6: 0.522 nats


def test_scores_are_normal_whatever_the_codes():
    codes = gaussian(5000)
    for warped in (codes, codes**3, codes.exp()):
        scores = GaussianCopula(warped).normal_scores(warped)
        torch.testing.assert_close(scores, (codes - codes.mean(0)) / codes.std(0), atol=0.3, rtol=0.1)
        torch.testing.assert_close(scores.mean(0), torch.zeros(3), atol=0.01, rtol=0)
        torch.testing.assert_close(scores.std(0), torch.ones(3), atol=0.02, rtol=0)


def test_the_log_ratio_is_that_of_the_gaussian_and_ignores_monotone_warps():
    codes, fresh = gaussian(20_000), gaussian(2000, seed=1)
    correlation = 0.6 * torch.ones(3, 3) + 0.4 * torch.eye(3)
    expected = TRUTH - 0.5 * ((fresh @ (torch.linalg.inv(correlation) - torch.eye(3))) * fresh).sum(1)
    copula, warped = GaussianCopula(codes), GaussianCopula(codes**3)
    found = copula.log_ratio(copula.normal_scores(fresh))
    inside = (fresh.abs() < 2.5).all(1)
    torch.testing.assert_close(found[inside], expected[inside], atol=0.25, rtol=0.05)
    assert found.mean().item() == pytest.approx(TRUTH, abs=0.05)
    torch.testing.assert_close(warped.log_ratio(warped.normal_scores(fresh**3)), found, atol=0.1, rtol=0.05)


def test_groups_leave_out_the_correlation_within():
    codes = gaussian(20_000)
    copula = GaussianCopula(codes, ((0, 1), (2,)))
    between = TRUTH + 0.5 * math.log(1 - 0.36)  # less that of codes 0 and 1
    assert copula.constant.item() == pytest.approx(between, abs=0.02)
    assert copula.log_ratio(copula.normal_scores(codes)).mean().item() == pytest.approx(between, abs=0.05)


def test_stacked_codes_and_gradients_pass():
    copula, z = GaussianCopula(gaussian(100)), gaussian(12).view(2, 6, 3).requires_grad_()
    scores = copula.normal_scores(z)
    assert scores.shape == z.shape
    (gradient,) = torch.autograd.grad(copula.log_ratio(scores).sum(), z)
    assert gradient.abs().sum() > 0
    assert torch.isfinite(gradient).all()


def test_constant_and_repeated_codes_stay_finite():
    codes = torch.cat([gaussian(200), gaussian(200)[:, :1], torch.zeros(200, 1)], 1)
    copula = GaussianCopula(codes)
    assert torch.isfinite(copula.log_ratio(copula.normal_scores(codes))).all()


def test_critics_start_from_the_copula_and_learn_what_it_lacks():
    """z_1 = +-z_0 with a random sign: no correlation of scores, 1.5 nats or more of dependence."""
    generator = torch.Generator().manual_seed(0)

    def draw(n):
        x, noise = torch.randn(2, n, 1, generator=generator)
        return torch.cat([x, x * torch.randn(n, 1, generator=generator).sign() + 0.1 * noise], 1)

    copula = GaussianCopula(draw(5000))
    critics = CopulaCritics(copula, 1, 32, generator=generator)
    estimator = MutualInformationEstimator(2, objective="js", critics=critics)
    noise = Noise(generator)

    def samples(n):
        z = draw(n)
        return z, permute_groups(z, noise)

    fresh = samples(4000)
    start = estimator.value(*fresh).item()
    assert start == pytest.approx(0.0, abs=0.05)
    train_critics(estimator, lambda _: samples(256), n_steps=200, learning_rate=5e-3)
    assert estimator.value(*fresh).item() > 0.7
