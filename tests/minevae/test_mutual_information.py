"""The trained estimator: it learns known informations of several pairs at once, and moves what it should."""

import math

import pytest
import torch

from minebench.minevae.bounds import OBJECTIVES
from minebench.minevae.mutual_information import MutualInformationEstimator

RHOS = torch.tensor([0.0, 0.6, 0.9])
TRUTHS = -0.5 * torch.log1p(-RHOS.square())  # 0, 0.22, 0.83 nats


def draw(n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (x, y) of three pairs of normal variables, together and apart: (3, n, 2) each."""
    x, noise, apart = torch.randn(3, 3, n, generator=generator)
    y = RHOS[:, None] * x + (1 - RHOS.square()).sqrt()[:, None] * noise
    return torch.stack([x, y], 2), torch.stack([x, apart], 2)


def trained(objective, *, n_steps=200, **settings):
    generator = torch.Generator().manual_seed(0)
    estimator = MutualInformationEstimator(
        2, n_pairs=3, hidden_dim=32, objective=objective, generator=generator, **settings
    )
    optimizer = torch.optim.Adam(estimator.parameters(), lr=1e-2)
    for _ in range(n_steps):
        optimizer.zero_grad()
        estimator.critic_loss(*draw(200, generator)).backward()
        optimizer.step()
    return estimator


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_critics_learn_the_information_of_gaussian_pairs(objective):
    """Values on 20,000 fresh rows (standard error below 0.01); an untrained critic says 0."""
    fresh = draw(20_000, torch.Generator().manual_seed(1))
    assert (trained(objective).value(*fresh) - TRUTHS).abs().max() < 0.12
    assert trained(objective, n_steps=0).value(*fresh)[2] < 0.5


def test_one_shared_critic_learns_pairs_that_its_rows_name():
    generator = torch.Generator().manual_seed(0)
    estimator = MutualInformationEstimator(5, n_pairs=3, shared=True, hidden_dim=32, generator=generator)
    names = torch.eye(3)[:, None].expand(3, 200, 3)
    optimizer = torch.optim.Adam(estimator.parameters(), lr=1e-2)
    for _ in range(150):
        rows = [torch.cat([part, names], 2) for part in draw(200, generator)]
        optimizer.zero_grad()
        estimator.critic_loss(*rows).backward()
        optimizer.step()
    names = torch.eye(3)[:, None].expand(3, 20_000, 3)
    fresh = [torch.cat([part, names], 2) for part in draw(20_000, torch.Generator().manual_seed(1))]
    assert estimator.value(*fresh).shape == (3,)
    assert (estimator.value(*fresh) - TRUTHS).abs().max() < 0.12
    assert estimator.log_average.shape == (3,)  # kept for each pair, though the critic is one


def test_the_moving_average_follows_each_pair_in_logarithms():
    estimator = MutualInformationEstimator(2, n_pairs=2, hidden_dim=4, decay=0.9)
    joint, product = draw(64, torch.Generator().manual_seed(0))
    seen = []
    for shift in (0.0, 3.0):
        with torch.no_grad():
            estimator.critics.biases[-1][1] += shift * 100  # e^300 overflows
        estimator.critic_loss(joint[:2], product[:2])
        seen.append(estimator.scores(joint[:2], product[:2]).log_mean_exp().detach())
    expected = torch.logaddexp(seen[0] + math.log(0.9), seen[1] + math.log(0.1))
    torch.testing.assert_close(estimator.log_average, expected, atol=0.02, rtol=1e-3)  # the scale moved on, too


def test_gradients_of_critics_stay_with_critics_and_those_of_the_model_take_the_branches_asked_for():
    estimator = MutualInformationEstimator(2, n_pairs=3, hidden_dim=8)
    joint, product = (part.requires_grad_() for part in draw(16, torch.Generator().manual_seed(0)))
    estimator.critic_loss(joint, product).backward()
    assert joint.grad is None
    assert product.grad is None
    both = torch.autograd.grad(estimator.model_gradient(joint, product).sum(), (joint, product))
    assert all(part.abs().sum() > 0 for part in both)
    alone = estimator.model_gradient(joint, product, branches="joint")
    torch.testing.assert_close(alone, estimator.value(joint, product))
    first, second = torch.autograd.grad(alone.sum(), (joint, product), allow_unused=True)
    torch.testing.assert_close(first, both[0])
    assert second is None


def test_the_branch_of_the_product_is_noise_at_the_exact_critic():
    """x, y with correlation tanh(a): I = log cosh a, so dI/da = tanh a; y = x tanh a + e / cosh a moves with a.

    Joint branch alone: E[dT/dy dy/da] = tanh a. 400,000 draws; standard error of both branches together 0.004.
    """
    a = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    x, e, other = torch.randn(3, 400_000, generator=generator, dtype=torch.float64)
    rho = math.tanh(0.4)

    def log_ratio(x, y):  # exact at a = 0.4; the critic does not move with a
        return -0.5 * ((rho * x) ** 2 + (rho * y) ** 2 - 2 * rho * x * y) / (1 - rho**2)

    y = x * torch.tanh(a) + e / torch.cosh(a)
    apart = other * torch.tanh(a) + e / torch.cosh(a)
    joint = torch.autograd.grad(log_ratio(x, y).mean(), a, retain_graph=True)[0].item()
    product = torch.autograd.grad(torch.logsumexp(log_ratio(x, apart), 0), a)[0].item()
    assert joint == pytest.approx(rho, abs=0.01)
    assert product == pytest.approx(0.0, abs=0.02)


def test_state_travels_through_a_checkpoint():
    estimator, restored = trained("dv", n_steps=5), MutualInformationEstimator(2, n_pairs=3, hidden_dim=32)
    restored.load_state_dict(estimator.state_dict())
    fresh = draw(100, torch.Generator().manual_seed(1))
    torch.testing.assert_close(restored.value(*fresh), estimator.value(*fresh))
    torch.testing.assert_close(restored.log_average, estimator.log_average)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="unknown objective"):
        MutualInformationEstimator(2, objective="mine")
    with pytest.raises(ValueError, match=r"in \[0, 1\); got 1"):
        MutualInformationEstimator(2, decay=1.0)
