"""What a cell says of the training of its critics reaches them."""

import pytest
import torch

from minebench.benchmarks.study import trained as trained_module
from minebench.benchmarks.study.cells import Cell, CriticSpec, DistributionSpec
from minebench.benchmarks.study.trained import Trained
from minebench.benchmarks.study.values import batches
from minebench.minevae import critic_training
from minebench.minevae.critic_training import CriticOptimizer

SPEC = DistributionSpec(kind="equicorrelated", dim=3, total_correlation=2)


def trained(**settings):
    critics = CriticSpec(objective="mine", n_critics=2, hidden_dim=8, n_steps=20, **settings)
    return Trained(Cell(distribution=SPEC, batch_size=32, critics=critics))


@pytest.mark.parametrize("condition", [{}, {"condition": "offline", "n_train": 100}, {"condition": "tracking"}])
def test_learning_rate_and_betas_reach_adam(condition, monkeypatch):
    made = []

    class Spy(CriticOptimizer):
        def __init__(self, estimator, **settings):
            super().__init__(estimator, **settings)
            made.append(self._adam.param_groups[0])

    for module in (critic_training, trained_module):
        monkeypatch.setattr(module, "CriticOptimizer", Spy)
    trained(learning_rate=3e-4, betas=(0.8, 0.99), **condition)
    assert [(group["lr"], tuple(group["betas"])) for group in made] == [(3e-4, (0.8, 0.99))]


def test_bounded_scores_stay_within_the_bound():
    critics = trained(score_bound=0.05)
    batch = batches(Cell(distribution=SPEC, batch_size=32, estimators=("constant",)), 1)[0]
    scores = critics.scores(batch)
    assert torch.cat([scores.joint, scores.product], 1).abs().max() <= 0.05
    assert trained().scores(batch).joint.abs().max() > 0.05
