"""Rates of blocks by hand: a block that holds its label alone, and one that holds nuisance beside it."""

import math

import pytest
import torch

from minebench.baselines.contract import Gaussian
from minebench.minevae.block_rate import excess_rate, value_means, within_rate
from minebench.minevae.gaussian_fit import GaussianFitEstimator

N = 4000
DEVIATION = 0.1
OWNER = torch.tensor([0, 1, 1, 2])


@pytest.fixture
def labels():
    return torch.randint(4, (N, 2), generator=torch.Generator().manual_seed(0))


def posteriors(labels, nuisance):
    """Latents 1 and 3 are the labels; latent 2, of the first label's block, is nuisance of that deviation."""
    drawn = torch.randn(2, N, generator=torch.Generator().manual_seed(1))
    mean = torch.stack([drawn[0], labels[:, 0].float(), nuisance * drawn[1], labels[:, 1].float()], 1)
    return Gaussian(mean, torch.full_like(mean, 2 * math.log(DEVIATION)))


def within(posterior, labels):
    fit = GaussianFitEstimator(4, 2, N)
    fit.add(posterior, labels)
    return within_rate(posterior, labels, OWNER, *value_means(fit, 4)).item()


def test_means_are_those_of_each_value_and_unknown_values_are_told(labels):
    posterior = posteriors(labels, 1.0)
    fit = GaussianFitEstimator(4, 2, N + 10)
    fit.add(posterior, labels)
    means, known = value_means(fit, 5)
    assert known.tolist() == [[True] * 4 + [False]] * 2
    torch.testing.assert_close(means[1, 2], posterior.mean[labels[:, 1] == 2].mean(0), atol=1e-5, rtol=0)


def test_what_varies_within_a_value_is_charged_and_the_value_is_not(labels):
    """1/2 log(1 + 1 / 0.01) = 2.31 nats of nuisance; a plain rate of the block would charge its label as well."""
    assert within(posteriors(labels, 0.0), labels) == pytest.approx(0.0, abs=1e-4)
    expected = 0.5 * math.log1p(1 / DEVIATION**2)
    assert within(posteriors(labels, 1.0), labels) == pytest.approx(expected, abs=0.03)
    others = labels.flip(1)  # the labels of the other block: then the value is a nuisance
    assert within(posteriors(labels, 0.0), others) > 4


def test_images_of_values_that_were_never_seen_do_not_count(labels):
    posterior = posteriors(labels, 1.0)
    fit = GaussianFitEstimator(4, 2, N)
    fit.add(*(Gaussian(*(part[:1] for part in posterior)), labels[:1]))
    alone = within_rate(Gaussian(*(part[:1] for part in posterior)), labels[:1], OWNER, *value_means(fit, 4))
    assert alone.item() == pytest.approx(0.0, abs=1e-6)
    other = torch.where(labels[:1] == 0, 1, 0)
    assert (
        within_rate(posterior._replace(mean=posterior.mean + 5), other.expand(N, 2), OWNER, *value_means(fit, 4)) == 0
    )


def test_the_gradient_pulls_images_to_the_mean_of_their_value_and_no_further(labels):
    posterior = posteriors(labels, 1.0)
    fit = GaussianFitEstimator(4, 2, N)
    fit.add(posterior, labels)
    mean = posterior.mean.clone().requires_grad_()
    value = within_rate(Gaussian(mean, posterior.logvar), labels, OWNER, *value_means(fit, 4))
    (gradient,) = torch.autograd.grad(value, mean)
    assert gradient[:, 0].abs().max() == 0  # the nuisance block is free
    assert (gradient[:, 2] * posterior.mean[:, 2] >= -1e-6).float().mean() > 0.99
    assert gradient[:, 2].abs().sum() > 0


def test_the_rate_beyond_complexity_is_hinged_at_it():
    """Two latents with mean 1 and variance 1 have a rate of 1/2 each; block 0 and blocks without labels are free."""
    posterior = Gaussian(torch.tensor([[9.0, 1.0, 1.0, 9.0]]), torch.zeros(1, 4))
    for complexity, expected in ((0.25, 0.75), (1.0, 0.0), (2.0, 0.0)):
        assert excess_rate(posterior, OWNER, torch.tensor([complexity]), 3).item() == pytest.approx(expected)
