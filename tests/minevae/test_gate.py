import math

import pytest
import torch

from minebench.baselines.contract import Gaussian, Noise
from minebench.minevae.gate import CodeStatistics, capacity, gains, gated


def noise(seed=0):
    return Noise(torch.Generator().manual_seed(seed))


def correlated_information(x, y):
    """Mutual information of two Gaussian columns, from their correlation: -1/2 log(1 - rho^2)."""
    rho = torch.corrcoef(torch.stack([x, y]))[0, 1]
    return -0.5 * math.log(1 - rho.item() ** 2)


@pytest.mark.parametrize("weight", [0.04, 0.25, 0.64, 1.0])
def test_the_gate_limits_information_as_the_formula_says(weight):
    """z holds r = 0.8 of its variance from the image: I(c; mu) = -1/2 log(1 - a^2 r). 100,000 draws, seed 0."""
    generator, r = torch.Generator().manual_seed(0), 0.8
    mean = torch.randn(100_000, 1, generator=generator) * math.sqrt(r)
    z = mean + math.sqrt(1 - r) * torch.randn(100_000, 1, generator=generator)
    gain = gains(torch.tensor([[weight], [1 - weight]]))
    codes = gated(z, gain, noise(seed=1))
    measured = correlated_information(codes[0, :, 0], mean[:, 0])
    expected = capacity(gain, torch.tensor([r]))[0].item()
    assert measured == pytest.approx(expected, rel=0.03, abs=0.003)
    scaled = correlated_information((gain[0] * z)[:, 0], mean[:, 0])  # the wrong variant: a weight alone limits nothing
    assert scaled == pytest.approx(-0.5 * math.log(1 - r), rel=0.02)


def test_gated_codes_keep_variance_one():
    codes = gated(torch.randn(50_000, 2, generator=torch.Generator().manual_seed(1)), torch.rand(3, 2), noise())
    torch.testing.assert_close(codes.var(1), torch.ones(3, 2), atol=0.03, rtol=0)


def test_gains_of_each_image_are_applied_to_each_image():
    z, gain = torch.randn(4, 2), torch.rand(4, 3, 2)
    together = gated(z, gain, noise())
    alone = gated(z, gain[2], noise())
    torch.testing.assert_close(together[:, 2], alone[:, 2])


def test_a_dead_latent_has_no_capacity_and_an_owner_has_a_finite_one():
    gain = gains(torch.ones(1, 2))
    assert capacity(gain, torch.tensor([0.0, 0.0])).item() == 0.0
    assert math.isfinite(capacity(gain, torch.tensor([1.0, 0.0])).item())


def test_owners_and_empty_weights_have_gradients():
    """A clamp of the gain at 0.999 would take the gradient from weights near 1."""
    weights = torch.tensor([[1.0, 0.5], [0.0, 0.5]], requires_grad=True)
    capacity(gains(weights), torch.tensor([0.5, 0.5]))[0].backward()
    assert weights.grad[0].min() > 0
    assert weights.grad.isfinite().all()


def test_statistics_come_to_those_of_the_codes():
    """Means with variance 4 about 3, posterior variance 0.25; 200 batches of 50, seed 0."""
    generator, statistics = torch.Generator().manual_seed(0), CodeStatistics(1)
    for _ in range(200):
        mean = 3 + 2 * torch.randn(50, 1, generator=generator)
        statistics.update(Gaussian(mean, torch.full_like(mean, math.log(0.25))))
    assert statistics.mean.item() == pytest.approx(3, abs=0.15)
    assert statistics.image_share().item() == pytest.approx(4 / 4.25, abs=0.01)
    z = 3 + math.sqrt(4.25) * torch.randn(10_000, 1, generator=generator)
    assert statistics.standardise(z).std().item() == pytest.approx(1, abs=0.05)


def test_no_gradient_flows_through_the_statistics_and_none_is_spoilt_by_a_batch_that_is_not_finite():
    statistics = CodeStatistics(2)
    mean = torch.randn(8, 2, requires_grad=True)
    statistics.update(Gaussian(mean, mean))
    before = statistics.variance().clone()
    assert not before.requires_grad
    statistics.update(Gaussian(torch.full((8, 2), torch.nan), torch.full((8, 2), torch.inf)))
    assert torch.equal(statistics.variance(), before)
