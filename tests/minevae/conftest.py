"""Codes of known total correlation: posteriors whose mixture is a Gaussian with equal correlations."""

import math
from typing import NamedTuple

import pytest
import torch

from minebench.baselines.contract import Gaussian, Noise
from minebench.minevae.code_batch import CodeBatch
from minebench.minevae.groups import permute_groups


class World(NamedTuple):
    """All posteriors, and the total correlation of the Gaussian that they sample."""

    population: Gaussian
    truth: float

    def draw(self, n: int, seed: int) -> CodeBatch:
        """A batch with all that any estimator looks at."""
        noise = Noise(torch.Generator().manual_seed(seed))
        rows = (noise.uniform((n,)) * len(self.population.mean)).long()
        posterior = Gaussian(self.population.mean[rows], self.population.logvar[rows])
        z = posterior.sample(noise)
        product = permute_groups(z, noise)
        return CodeBatch(z, product, posterior, len(self.population.mean), self.population, rows, noise)


@pytest.fixture(scope="session")
def world() -> World:
    """3,000 posteriors over four codes with correlation 0.6: TC = -1/2 log((1 + 3 rho)(1 - rho)^3) = 0.860 nats."""
    n, dim, rho = 3000, 4, 0.6
    variance = (1 - rho) / 2  # of the posteriors; the means carry the rest of the covariance
    covariance = torch.full((dim, dim), rho) + (1 - rho - variance) * torch.eye(dim)
    draws = torch.randn(n, dim, generator=torch.Generator().manual_seed(0))
    means = draws @ torch.linalg.cholesky(covariance).T
    truth = -0.5 * math.log((1 + 3 * rho) * (1 - rho) ** 3)
    return World(Gaussian(means, torch.full((n, dim), math.log(variance))), truth)
