import math

import pytest
import torch

from minebench.minevae.gate import gains
from minebench.minevae.gaussian_information import LabelledCodes, gaussian_information


def channel(n=4000):
    """Code 0 is +-1 by the first label plus noise of variance 0.25, code 1 is noise; nothing tells the second label."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (n, 2), generator=generator)
    codes = torch.randn(n, 2, generator=generator)
    codes[:, 0] = 2.0 * labels[:, 0] - 1 + 0.5 * codes[:, 0]
    codes[:, 0] /= math.sqrt(1.25)
    return LabelledCodes(codes, labels, torch.ones(n), torch.zeros(2))


def test_a_gaussian_channel_by_hand():
    """Signal 0.8 and noise 0.2 of variance 1: 1/2 log(1 / (0.2 + gate)) with a gate of 1 - a^2 (to 0.02 nats)."""
    weights = torch.tensor([[1.0, 0.0], [0.25, 1.0], [0.0, 0.0]])
    found = gaussian_information(channel(), gains(weights), 2)
    for block, weight in enumerate((1.0, 0.25, 0.0)):
        a2 = 0.999**2 * weight
        assert found[block, 0].item() == pytest.approx(0.5 * math.log(1 / (1 - 0.8 * a2)), abs=0.02)
    assert found[:, 1].abs().max() < 0.01


def test_rows_of_weight_zero_count_for_nothing():
    data = channel(500)
    spoilt = data._replace(codes=torch.cat([data.codes, torch.full((9, 2), 7.0)]), labels=data.labels[:500])
    spoilt = spoilt._replace(
        labels=torch.cat([data.labels, torch.full((9, 2), -1)]), weights=torch.cat([data.weights, torch.zeros(9)])
    )
    gain = gains(torch.rand(3, 2))
    torch.testing.assert_close(gaussian_information(spoilt, gain, 2), gaussian_information(data, gain, 2))


def test_noise_of_means_lowers_what_is_told():
    data, gain = channel(500), gains(torch.ones(1, 2))
    noisy = gaussian_information(data._replace(noise=torch.full((2,), 0.5)), gain, 2)
    assert noisy[0, 0] < gaussian_information(data, gain, 2)[0, 0]


def test_gradients_reach_codes_and_gains():
    data = channel(100)
    codes, gain = data.codes.requires_grad_(), gains(torch.rand(2, 2)).requires_grad_()
    slopes = torch.autograd.grad(gaussian_information(data._replace(codes=codes), gain, 2).sum(), (codes, gain))
    assert all(slope.isfinite().all() and slope.abs().max() > 0 for slope in slopes)
