import math

import pytest
import torch

from minebench.baselines.contract import Gaussian
from minebench.minevae.monitors import GradientRatio, HeldOutGap, ReconstructionWatch, stop_if


def test_a_label_whose_held_out_information_falls_is_no_longer_raised():
    gap = HeldOutGap(2)
    assert gap.worth_raising().tolist() == [1.0, 1.0]
    for _ in range(100):
        gap.update_held_out(torch.tensor([1.0, 1.0]))
    for _ in range(100):
        gap.update_held_out(torch.tensor([0.5, 0.9]))
    assert gap.worth_raising().tolist() == [0.0, 1.0]
    for _ in range(200):
        gap.update_held_out(torch.tensor([0.9, 0.9]))
    assert gap.worth_raising().tolist() == [1.0, 1.0]


def test_the_gap_is_that_of_the_running_means():
    gap = HeldOutGap(1)
    gap.update_train(torch.tensor([0.8]))
    assert gap.gap().item() == 0.0  # nothing held out was seen
    gap.update_held_out(torch.tensor([-0.2]))
    assert gap.gap().item() == pytest.approx(1.0)
    gap.update_train(torch.tensor([torch.nan]))
    assert gap.gap().item() == pytest.approx(1.0)


def test_five_times_the_median_is_an_explosion_once_enough_was_seen():
    watch = ReconstructionWatch(n_kept=3)
    for value in (1.0, 2.0):
        watch.update(torch.tensor(value))
        assert not watch.exploded(torch.tensor(1e6))
    watch.update(torch.tensor(300.0))
    assert not watch.exploded(torch.tensor(10.0))
    assert watch.exploded(torch.tensor(10.1))


def test_a_stop_is_an_infinite_term():
    assert stop_if(torch.tensor(True)).item() == math.inf
    assert stop_if(torch.tensor(False)).item() == 0.0


def test_the_ratio_of_gradients_by_hand():
    """The first part pulls at two means with (3, 4), the other with (0, 10): 5 / 10."""
    ratio, mean = GradientRatio(), torch.zeros(1, 2, requires_grad=True)
    posterior = Gaussian(mean, torch.zeros(1, 2, requires_grad=True))
    assert ratio.restart().item() == 0.0
    asked, other = ratio.watched(posterior, 0), ratio.watched(posterior, 1)
    loss = (asked.mean * torch.tensor([3.0, 4.0])).sum() + (other.mean * torch.tensor([0.0, 10.0])).sum()
    gradient = torch.autograd.grad(loss, mean)[0]
    assert gradient.tolist() == [[3.0, 14.0]]  # looking changes nothing
    assert ratio.restart().item() == pytest.approx(0.5)
    assert ratio.restart().item() == 0.0
