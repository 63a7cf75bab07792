import math

import pytest
import torch

from minebench.minevae.critic_training import CriticOptimizer, train_critics
from minebench.minevae.mutual_information import MutualInformationEstimator


def draws(n, seed, rho=0.8, n_sets=2):
    x, noise, apart = torch.randn(3, n_sets, n, generator=torch.Generator().manual_seed(seed))
    return torch.stack([x, rho * x + math.sqrt(1 - rho**2) * noise], 2), torch.stack([x, apart], 2)


def estimator(objective="js", n_pairs=2, **settings):
    generator = torch.Generator().manual_seed(0)
    return MutualInformationEstimator(
        2, n_pairs=n_pairs, hidden_dim=16, objective=objective, generator=generator, **settings
    )


def test_critics_learn_side_by_side_what_each_learns_alone():
    """Adam is elementwise and the norm is clipped for each critic, so a neighbour changes nothing."""
    together = estimator()
    train_critics(together, lambda step: draws(64, step), n_steps=5)
    alone = estimator(n_pairs=1)
    with torch.no_grad():
        for own, stacked in zip(alone.critics.parameters(), estimator().critics.parameters(), strict=True):
            own.copy_(stacked[1:])
    train_critics(alone, lambda step: tuple(part[1:] for part in draws(64, step)), n_steps=5)
    for own, stacked in zip(alone.critics.parameters(), together.critics.parameters(), strict=True):
        torch.testing.assert_close(own[0], stacked[1], atol=1e-5, rtol=1e-4)


def test_a_gradient_that_is_not_finite_is_skipped_counted_and_leaves_the_neighbour_alone():
    together, clean = estimator(), estimator()
    optimizer, reference = CriticOptimizer(together), CriticOptimizer(clean)
    joint, product = draws(64, 0)
    reference.step(joint, product)
    optimizer.step(torch.cat([joint[:1], joint[1:] * torch.nan]), product)
    assert optimizer.n_skipped.tolist() == [0, 1]
    for moved, expected, start in zip(
        together.critics.parameters(), clean.critics.parameters(), estimator().critics.parameters(), strict=True
    ):
        torch.testing.assert_close(moved[0], expected[0])
        torch.testing.assert_close(moved[1], start[1])


def test_the_norm_of_a_gradient_is_clipped():
    """Adam's first step does not depend on the size of a gradient; its second does, if the first was clipped."""
    found = {}
    for max_norm in (1e-6, 10.0):
        trained = estimator()
        optimizer = CriticOptimizer(trained, max_norm=max_norm)
        for seed in range(2):
            optimizer.step(*draws(64, seed))
        found[max_norm] = trained.critics.weights[0].detach().clone()
    assert (found[1e-6] - found[10.0]).abs().max() > 1e-6


def test_early_stopping_keeps_the_best_weights_of_each_critic():
    """40 rows learned by heart: the loss on others rises again, and the kept weights are those before."""
    learned, held_out, fresh = draws(40, 0), draws(200, 1), draws(5000, 2)
    stopped, overfitted = estimator(), estimator()
    settings = {"n_steps": 300, "learning_rate": 1e-2}
    training = train_critics(stopped, lambda _: learned, validation=held_out, check_every=10, **settings)
    train_critics(overfitted, lambda _: learned, **settings)
    assert (training.best_step < 200).all()
    assert (stopped.validation_loss(*fresh) < overfitted.validation_loss(*fresh) - 0.05).all()
    assert (stopped.validation_loss(*held_out) <= estimator().validation_loss(*held_out)).all()


@pytest.mark.parametrize("shared", [True, False])
def test_without_validation_the_last_weights_stay(shared):
    trained = estimator(shared=shared)
    training = train_critics(trained, lambda step: draws(32, step), n_steps=3)
    assert training.best_step.tolist() == [3] * (1 if shared else 2)
