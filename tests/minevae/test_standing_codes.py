"""``dv`` on codes that stand still: what a critic does where no encoder answers it.

32 Gaussian codes with equal correlations in five blocks. At 10 nats batches of 128 cannot tell their total correlation:
few of them hold product samples on which e^T is large.
"""

import math

import pytest
import torch

from minebench.baselines.contract import Noise
from minebench.minevae.block_correlation import permute_blocks
from minebench.minevae.critic_training import CriticOptimizer
from minebench.minevae.mutual_information import MutualInformationEstimator

N_CODES, N_BLOCKS = 32, 5
OWNER = torch.arange(N_CODES) % N_BLOCKS
CORRELATIONS = {3: 0.4622778943542254, 10: 0.9719201876048518}  # by the total correlation in nats


def total_correlation(correlation):
    """1/2 (log det of the blocks' covariances - log det of all)."""
    covariance = torch.full((N_CODES, N_CODES), correlation, dtype=torch.float64).fill_diagonal_(1.0)
    within = covariance.masked_fill(OWNER[:, None] != OWNER[None], 0.0)
    return 0.5 * (torch.linalg.slogdet(within)[1] - torch.linalg.slogdet(covariance)[1]).item()


def draw(n, noise, nats=10):
    own, common = (math.sqrt(share) for share in (1 - CORRELATIONS[nats], CORRELATIONS[nats]))
    return own * noise.normal((n, N_CODES)) + common * noise.normal((n, 1))


def learned(nats=10, readings=(300,), **options):
    """The values on 20,000 fresh codes after so many batches of 128."""
    estimator = MutualInformationEstimator(N_CODES, generator=torch.Generator().manual_seed(0), **options)
    optimizer = CriticOptimizer(estimator)
    noise = Noise(torch.Generator().manual_seed(100))
    values = []
    for step in range(1, readings[-1] + 1):
        z = draw(128, noise, nats)
        optimizer.step(z, permute_blocks(z, OWNER, noise))
        if step in readings:
            z = draw(20_000, noise, nats)
            values.append(estimator.value(z, permute_blocks(z, OWNER, noise)).item())
    return values


def test_a_critic_with_bounded_scores_stays_under_the_truth():
    assert 4.0 < learned(score_bound=10.0)[0] < total_correlation(CORRELATIONS[10])


def test_a_critic_without_runs_away():
    assert learned(score_bound=None)[0] < -50


@pytest.mark.slow
@pytest.mark.parametrize("nats", CORRELATIONS)
@pytest.mark.parametrize("options", [{"score_bound": 10.0}, {}, {"decay": 0.0}], ids=str)
def test_twelve_hundred_updates(nats, options):
    """The table in docs/mine-vae.md: a bounded critic goes on staying under the truth; others run away further."""
    truth = total_correlation(CORRELATIONS[nats])
    assert truth == pytest.approx(nats, abs=0.01)
    values = learned(nats, (300, 600, 900, 1200), **options)
    print(f"\n{nats} nats, {options}: {[round(value, 1) for value in values]}", flush=True)
    if "score_bound" in options:
        assert all(0.5 < value < truth for value in values)
    else:
        assert values[-1] < -20


def test_no_value_exceeds_twice_the_bound():
    estimator = MutualInformationEstimator(N_CODES, score_bound=0.5)
    noise = Noise(torch.Generator().manual_seed(0))
    z = draw(100, noise)
    product = permute_blocks(z, OWNER, noise)
    with torch.no_grad():
        estimator.critics.weights[-1].mul_(1e4)
        scores = estimator.scores(z, product)
    assert scores.joint.abs().max() <= 0.5
    assert scores.product.abs().max() > 0.49
    assert abs(estimator.value(z, product).item()) <= 1.0
    with pytest.raises(ValueError, match="bound of the scores is positive, or None; got 0"):
        MutualInformationEstimator(N_CODES, score_bound=0.0)
