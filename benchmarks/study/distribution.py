"""What the study asks of codes whose total correlation is known, and how batches are drawn from them."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian, Noise
from minebench.benchmarks.streams import stream_key
from minebench.minevae.code_batch import CodeBatch
from minebench.minevae.groups import Groups, permute_groups


class Truth(NamedTuple):
    """A value in nats and its standard error (0 for a closed form)."""

    value: float
    error: float = 0.0


class Distribution(Protocol):
    """Codes of known total correlation."""

    @property
    def dim(self) -> int:
        """Width D."""
        ...

    @property
    def groups(self) -> Groups | None:
        """Columns between which the correlation is meant; None: each on its own."""
        ...

    @property
    def truth(self) -> Truth:
        """The total correlation."""
        ...

    @property
    def second_route(self) -> Truth:
        """The same by another computation."""
        ...

    @property
    def largest_eigenvalue(self) -> float | None:
        """Of the correlation matrix, that within groups divided out; None where codes are no (warped) Gaussians."""
        ...

    @property
    def normaliser(self) -> str:
        """Whether E_q[(p/q)^2], and so the variance of the normaliser of an exact critic, is finite or infinite."""
        ...

    @property
    def population(self) -> Gaussian | None:
        """The N posteriors that codes are drawn from, where they are such."""
        ...

    def sample(self, n: int, generator: torch.Generator, n_sets: int = 1) -> Tensor:
        """Fresh codes, float32, shape (n_sets, n, D)."""
        ...

    def log_ratio(self, z: Tensor) -> Tensor:
        """The exact critic log p(z) - sum_g log p(z_g), nats, float64, shape (...) of codes (..., D)."""
        ...


def generator_for(seed: int, *purpose: str | int) -> torch.Generator:
    """A generator of its own for a purpose."""
    return torch.Generator().manual_seed(stream_key(seed, "variance", *purpose))


def draw_batch(distribution: Distribution, n: int, generator: torch.Generator) -> CodeBatch:
    """A batch to evaluate estimators on, with all that any of them looks at.

    Where there is a population, the codes are drawn from its posteriors, one of a random row each.
    """
    noise, population = Noise(generator), distribution.population
    if population is None:
        z = distribution.sample(n, generator)[0]
        return CodeBatch(z, permute_groups(z, noise, distribution.groups), noise=noise)
    rows = torch.randint(len(population.mean), (n,), generator=generator)
    posterior = Gaussian(population.mean[rows], population.logvar[rows])
    z = posterior.sample(noise)
    product = permute_groups(z, noise, distribution.groups)
    return CodeBatch(z, product, posterior, len(population.mean), population, rows, noise)


def sampled_truth(values: Tensor) -> Truth:
    """The mean of independent values, shape (n,), with its standard error."""
    values = values.double()
    return Truth(values.mean().item(), values.std().item() / len(values) ** 0.5)
