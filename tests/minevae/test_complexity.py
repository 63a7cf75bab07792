import math

import pytest
import torch

from minebench.baselines.contract import Gaussian
from minebench.minevae.attention import membership
from minebench.minevae.complexity import block_rates, label_fits, remembered, target_capacity, target_nats
from minebench.minevae.gaussian_fit import GaussianFitEstimator

SIZES = (2, 8, 32)
EXISTS = torch.arange(32) < torch.tensor(SIZES)[:, None]


def planted_fit(n, n_samples=500, seed=0):
    """Codes 0 to 2 are the values of labels of 2, 8 and 32 values, evenly spaced to variance 1; codes 3 to 5 noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.stack([torch.randint(size, (n,), generator=generator) for size in SIZES], 1)
    scaled = [(labels[:, k] - (s - 1) / 2) / math.sqrt((s**2 - 1) / 12) for k, s in enumerate(SIZES)]
    means = torch.cat([torch.stack(scaled, 1), torch.randn(n, 3, generator=generator)], 1)
    fit = GaussianFitEstimator(6, 3, n_samples)
    fit.add(Gaussian(means, torch.full_like(means, math.log(0.01))), labels)
    return fit


@pytest.mark.parametrize("n", [40, 700])
def test_fits_of_all_labels_at_once_are_those_of_one_at_a_time(n):
    fit = planted_fit(n)
    torch.testing.assert_close(label_fits(fit, EXISTS), fit.information().float(), atol=1e-4, rtol=1e-4)


def test_rates_of_all_blocks_at_once_are_those_of_one_at_a_time_but_for_shrinkage():
    fit = planted_fit(700)
    rates = block_rates(fit, membership(torch.tensor([0, 0, 1, 1, 1, 1]), 3))
    alone = [fit.rate([0, 1]).item(), fit.rate([2, 3, 4, 5]).item(), 0.0]
    assert rates.tolist() == pytest.approx(alone, rel=0.02)


def test_nothing_seen_is_no_complexity():
    fit = GaussianFitEstimator(6, 3, 50)
    assert label_fits(fit, EXISTS).tolist() == [0.0] * 3
    assert block_rates(fit, torch.ones(6, 1)).tolist() == [0.0]
    assert remembered(fit).sum() == 0


def test_complexity_is_never_negative():
    """A public implementation learns it: it falls to -12.4 and turns the loss's sign. Here it is measured."""
    noise = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    fit = GaussianFitEstimator(6, 3, 300)
    fit.add(Gaussian(noise, torch.full_like(noise, 5.0)), torch.zeros(300, 3, dtype=torch.int64))
    assert label_fits(fit, EXISTS).min() >= 0
    assert block_rates(fit, torch.ones(6, 1)).min() >= 0


def test_targets_follow_complexity_and_sum_to_all_capacity():
    """Complexities 1, 2, 3 of 6 and 12 nats, a quarter for nuisance: 3, and 9 in sixths: 1.5, 3, 4.5."""
    target = target_capacity(torch.tensor([1.0, 2.0, 3.0]), torch.tensor(12.0), 0.25)
    torch.testing.assert_close(target, torch.tensor([3.0, 1.5, 3.0, 4.5]))


def test_no_factor_gets_less_than_half_an_equal_share():
    """Of 9 nats for three factors 1.5 is half of an equal share, before all are scaled to sum to 9: 1.5 / 10.5 x 9."""
    target = target_capacity(torch.tensor([0.0, 0.0, 5.0]), torch.tensor(12.0), 0.25)
    floor = 9 * (1 / 6) / (1 / 6 + 1 / 6 + 1)
    torch.testing.assert_close(target, torch.tensor([3.0, floor, floor, 9 - 2 * floor]))


def test_targets_of_no_complexity_are_equal_and_have_no_gradient():
    total = torch.tensor(8.0, requires_grad=True)
    target = target_capacity(torch.zeros(3), total, 0.25)
    torch.testing.assert_close(target, torch.full((4,), 2.0))
    assert not target.requires_grad


def test_targets_in_nats_leave_the_rest_to_nuisance():
    """Of 20 nats, 1 and 3 for the factors, and 16 remain; shares of a quarter would have given them 15 together."""
    target = target_nats(torch.tensor([1.0, 3.0]), torch.tensor(20.0), 0.25)
    torch.testing.assert_close(target, torch.tensor([16.0, 1.0, 3.0]))
    torch.testing.assert_close(
        target_capacity(torch.tensor([1.0, 3.0]), torch.tensor(20.0), 0.25)[1:].sum(), torch.tensor(15.0)
    )


def test_targets_in_nats_have_the_floor_and_never_exceed_the_shares():
    """0.1 nats count as half the mean, 0.775; of 2 nats in all there is as much as shares of 3/4 give."""
    torch.testing.assert_close(
        target_nats(torch.tensor([0.1, 3.0]), torch.tensor(20.0), 0.25), torch.tensor([16.225, 0.775, 3.0])
    )
    few = target_nats(torch.tensor([0.1, 3.0]), torch.tensor(2.0), 0.25)
    torch.testing.assert_close(few, target_capacity(torch.tensor([0.1, 3.0]), torch.tensor(2.0), 0.25))
