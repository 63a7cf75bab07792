import math

import pytest
import torch

from minebench.baselines.contract import Gaussian, Noise
from minebench.baselines.total_correlation import full_total_correlation
from minebench.minevae.audit import audit

BLOCKS = [[0, 1], [2], []]


def noise(seed=0):
    return Noise(torch.Generator().manual_seed(seed))


def coded(n=2000, deviation=0.5, seed=0):
    """Latent 0 is +-1 by the first factor, latent 2 by the second with the first's noise; latent 1 is the prior."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randint(2, (n, 2), generator=generator)
    mean = torch.stack([2.0 * factors[:, 0] - 1, torch.zeros(n), 2.0 * factors[:, 1] - 1], 1)
    return Gaussian(mean, torch.full_like(mean, 2 * math.log(deviation))), factors


def channel_information(deviation):
    """I(y; +-1 + deviation x noise) for an even sign, by quadrature."""
    x = torch.linspace(-8, 8, 40_001, dtype=torch.float64)
    density = [torch.exp(-0.5 * ((x - m) / deviation) ** 2) / deviation / math.sqrt(2 * math.pi) for m in (-1, 1)]
    mixed = (density[0] + density[1]) / 2
    terms = [torch.special.xlogy(d, d / mixed) for d in density]
    return torch.trapezoid((terms[0] + terms[1]) / 2, x).item()


def rows(posterior, part):
    return Gaussian(posterior.mean[part], posterior.logvar[part])


def test_blocks_tell_their_factor_what_the_channel_lets_through_and_no_other():
    """2,000 samples, seed 0: within 0.03 nats; the sampled labels have no more entropy and dependence than that."""
    posterior, factors = coded()
    found = audit(posterior, factors, BLOCKS, posterior, factors, noise())
    told = channel_information(0.5)
    expected = torch.tensor([[told, 0.0], [0.0, told], [0.0, 0.0]])
    torch.testing.assert_close(torch.tensor(found.block_on_factor), expected, atol=0.03, rtol=0)
    assert found.block_on_image == pytest.approx((told, told, 0.0), abs=0.03)
    assert found.total_correlation == pytest.approx(0.0, abs=0.03)
    assert found.believed


def test_total_correlation_is_that_of_the_full_mixture():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(300, 3, generator=generator) + 4 * torch.randn(300, 1, generator=generator)
    posterior = Gaussian(mean, torch.zeros_like(mean))
    found = audit(
        posterior, torch.zeros(300, 1, dtype=int), BLOCKS, posterior, torch.zeros(300, 1, dtype=int), noise(), chunk=77
    )
    value, error = full_total_correlation(posterior.sample(noise()), posterior, blocks=[[0, 1], [2]])
    assert found.total_correlation == pytest.approx(value.item(), abs=1e-5)
    assert found.standard_error == pytest.approx(error.item(), rel=1e-4)
    assert found.total_correlation > 0.3


def test_what_saturates_is_not_believed():
    """Posteriors that do not touch: I(x; z) is log N, and total correlation (blocks - 1) log N, whatever the truth."""
    mean = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    posterior = Gaussian(mean, torch.full_like(mean, -16.0))
    factors = torch.zeros(200, 1, dtype=torch.int64)
    found = audit(posterior, factors, [[0], [1], [2]], posterior, factors, noise())
    assert found.information_on_image == pytest.approx(math.log(200), abs=0.01)
    assert found.total_correlation == pytest.approx(2 * math.log(200), abs=0.2)
    assert not found.believed


def test_held_out_images_are_scored_under_the_training_mixture():
    """Codes that overfit: a factor told by chance in training is not told of held-out images (below 0: misled)."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(400, 1, generator=generator)
    factors = torch.randint(2, (400, 1), generator=generator)
    posterior = Gaussian(mean, torch.full_like(mean, -10.0))
    train, held = slice(0, 200), slice(200, 400)
    seen = audit(rows(posterior, train), factors[train], [[0]], rows(posterior, train), factors[train], noise())
    unseen = audit(rows(posterior, train), factors[train], [[0]], rows(posterior, held), factors[held], noise())
    assert seen.block_on_factor[0][0] > 0.4
    assert unseen.block_on_factor[0][0] < 0.1


def test_one_sample_is_refused():
    posterior, factors = coded(5)
    with pytest.raises(ValueError, match="at least two samples; got 1"):
        audit(posterior, factors, BLOCKS, rows(posterior, slice(1)), factors[:1], noise())
