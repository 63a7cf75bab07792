import pytest
import torch
from torch import nn

from minebench.minevae.clipping import GradientClip


class Parameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor([3.0])), nn.Parameter(torch.tensor([4.0]))

    def half_squares(self):
        return 0.5 * (self.a.square() + self.b.square()).sum()


def gradient(loss, module):
    return torch.cat(torch.autograd.grad(loss, tuple(module.parameters())))


def test_a_long_gradient_is_cut_to_the_norm_and_keeps_its_direction():
    """The gradient of half the squares at (3, 4) is (3, 4) of norm 5; at 1 it is (0.6, 0.8). The value stays 12.5."""
    module, clip = Parameters(), GradientClip(1.0)
    loss = clip(module, module.half_squares)
    assert loss.item() == 12.5
    torch.testing.assert_close(gradient(loss, module), torch.tensor([0.6, 0.8]))
    assert (clip.norm.item(), clip.n_skipped.item()) == (pytest.approx(5.0), 0.0)


def test_a_short_gradient_is_left_alone():
    module = Parameters()
    loss = GradientClip(10.0)(module, module.half_squares)
    assert torch.equal(gradient(loss, module), torch.tensor([3.0, 4.0]))


def test_a_parameter_without_a_part_in_the_loss_gets_zero():
    module = Parameters()
    loss = GradientClip(10.0)(module, lambda: module.a.sum())
    assert torch.equal(gradient(loss, module), torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("factor", [torch.inf, torch.nan])
def test_an_update_that_is_not_finite_is_skipped_and_counted(factor):
    module, clip = Parameters(), GradientClip(1.0)
    loss = clip(module, lambda: module.half_squares() * factor)
    assert loss.item() == 0.0
    assert torch.equal(gradient(loss, module), torch.zeros(2))
    assert (clip.norm.item(), clip.n_skipped.item()) == (0.0, 1.0)


def test_nothing_is_noted_in_evaluation():
    module, clip = Parameters(), GradientClip(1.0).eval()
    gradient(clip(module, lambda: module.half_squares() * torch.inf), module)
    assert clip.n_skipped.item() == 0.0


def test_the_parameters_are_the_modules_own_again_afterwards():
    module = Parameters()
    GradientClip(1.0)(module, module.half_squares)
    assert isinstance(module.a, nn.Parameter)
