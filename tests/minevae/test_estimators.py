"""What every estimator of total correlation owes, over the names."""

import pytest
import torch

from minebench.minevae.estimators import CRITIC_FREE, WITH_CRITICS, total_correlation_estimator

GROUPS = ((0, 3), (1,), (2,))


def build(name, groups=None):
    return total_correlation_estimator(name, 4, groups=groups, hidden_dim=8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [*CRITIC_FREE, *WITH_CRITICS])
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_all_share_one_interface(name, groups, world):
    """Value a scalar without gradient, equal to that of the model's loss; a loss for critics where there are some."""
    estimator = build(name, groups)
    value = estimator.value(world.draw(64, 0))
    assert value.shape == ()
    assert not value.requires_grad
    assert torch.isfinite(value)
    loss = estimator.critic_loss(world.draw(64, 0))
    assert (loss is None) == (name in CRITIC_FREE)
    if loss is not None:
        gradients = torch.autograd.grad(loss, list(estimator.parameters()))
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
    if name == "ksg":
        with pytest.raises(ValueError, match="no gradient"):
            estimator.model_gradient(world.draw(64, 0))
        return
    batch = world.draw(64, 0)
    batch.posterior.mean.requires_grad_()
    z = batch.z.requires_grad_()
    value = estimator.value(batch._replace(noise=world.draw(64, 5).noise))
    model = estimator.model_gradient(batch._replace(z=z, noise=world.draw(64, 5).noise))
    torch.testing.assert_close(model.detach(), value)
    moved = batch.posterior.mean if name == "gauss_mean" else z
    assert torch.autograd.grad(model, moved)[0].abs().sum() > 0


@pytest.mark.parametrize(
    "name", ["mss_loo", "full_mc", "part_mc", "gauss_sample_debiased", "gauss_sample_shrunk", "ksg"]
)
def test_critic_free_values_lie_near_the_truth(name, world):
    """Mean over 10 batches of 256; leave-one-out is known to fall short."""
    values = [build(name).value(world.draw(256, seed)).item() for seed in range(10)]
    assert sum(values) / 10 == pytest.approx(world.truth, abs=0.2 if name == "mss_loo" else 0.1)


def test_unknown_names_are_refused():
    for name in ("mine", "tree_mss", "star_dv", "dv_line"):
        with pytest.raises(ValueError, match=f"unknown estimator of total correlation '{name}'; known: mws"):
            build(name)
