"""Codes of a mixture of N posteriors: made up to look like those of a VAE, or those of a trained model.

The truth is full-data Monte Carlo. Its second route takes the entropies apart: those of single codes by quadrature,
that of all codes together by Monte Carlo.
"""

import math
from functools import cached_property

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian, Noise
from minebench.baselines.total_correlation import log_density_matrix
from minebench.benchmarks.study.distribution import Truth, generator_for, sampled_truth
from minebench.minevae.groups import Groups, group_numbers
from minebench.minevae.monte_carlo import mixture_log_ratio

N_COLLAPSED = 2  # codes that know nothing of the image
N_GENERATIVE = 4  # factors behind the others
CHUNK = 256  # samples taken at a time


class MixtureCodes:
    """Samples of an equal mixture of N diagonal Gaussians.

    Args:
        population: The N posteriors, arrays of shape (N, D).
        groups: Between which the correlation is meant; default: each code on its own.
        max_error: Standard error at which the truth is good enough, nats.
        max_samples: Samples at which it stops in any case.
        seed: Of the truth's samples.
    """

    largest_eigenvalue: float | None = None
    normaliser = "finite"  # the product of marginals holds N^-D times every component, so p^2 / q <= N^D p

    def __init__(
        self,
        population: Gaussian,
        groups: Groups | None = None,
        *,
        max_error: float = 0.02,
        max_samples: int = 100_000,
        seed: int = 0,
    ) -> None:
        self.population: Gaussian | None = population
        self._population = population
        self.groups, self.dim = groups, population.mean.shape[1]
        self._max_error, self._max_samples, self._seed = max_error, max_samples, seed

    @cached_property
    def truth(self) -> Truth:
        """Full-data Monte Carlo, until its standard error is small enough."""
        generator, found = generator_for(self._seed, "truth"), list[Tensor]()
        while True:
            found.append(self.log_ratio(self.sample(CHUNK, generator)[0]))
            truth = sampled_truth(torch.cat(found))
            if len(found) > 3 and (truth.error <= self._max_error or CHUNK * len(found) >= self._max_samples):
                return truth

    @cached_property
    def second_route(self) -> Truth:
        """Entropies of single codes by quadrature less that of all together; only for groups of single codes."""
        if max(group_numbers(self.groups, self.dim)) + 1 < self.dim:
            again = self.sample(4 * CHUNK, generator_for(self._seed, "second route"))[0]
            return sampled_truth(self.log_ratio(again))
        generator, joint = generator_for(self._seed, "second route"), []
        for _ in range(max(4, math.ceil(min(self._max_samples, 10_000) / CHUNK))):
            z = self.sample(CHUNK, generator)[0]
            joint.append(torch.logsumexp(log_density_matrix(z, self._population).sum(2).double(), 1))
        entropy = sampled_truth(math.log(len(self._population.mean)) - torch.cat(joint))
        return Truth(sum(self._entropies()) - entropy.value, entropy.error)

    def sample(self, n: int, generator: torch.Generator, n_sets: int = 1) -> Tensor:
        """Fresh codes, float32, shape (n_sets, n, D)."""
        rows = torch.randint(len(self._population.mean), (n_sets * n,), generator=generator)
        z = Gaussian(self._population.mean[rows], self._population.logvar[rows]).sample(Noise(generator))
        return z.view(n_sets, n, self.dim)

    def log_ratio(self, z: Tensor) -> Tensor:
        """The exact critic of this mixture, float64."""
        flat = z.flatten(0, -2)
        parts = [
            mixture_log_ratio(part.float(), self._population, groups=self.groups) for part in torch.split(flat, CHUNK)
        ]
        return torch.cat(parts).view(z.shape[:-1])

    def _entropies(self, n_points: int = 2001) -> list[float]:
        """Of each code, in nats: the trapezoid rule over its mixture's range and ten deviations more."""
        found = []
        for mean, logvar in zip(self._population.mean.double().T, self._population.logvar.double().T, strict=True):
            deviation = torch.exp(0.5 * logvar)
            ends = (mean - 10 * deviation).min().item(), (mean + 10 * deviation).max().item()
            n = max(n_points, math.ceil(8 * (ends[1] - ends[0]) / deviation.min().item()))
            grid = torch.linspace(*ends, n, dtype=torch.float64)
            density = torch.cat([_density(part, mean, deviation) for part in torch.split(grid, 64)])
            found.append(-torch.trapezoid(torch.xlogy(density, density), grid).item())
        return found


def vae_like(n_images: int, dim: int, information: float, *, seed: int = 0) -> Gaussian:
    """Posteriors as a VAE might have them: means a smooth entangled function of four factors, two codes collapsed.

    The posteriors' scale differs from image to image (a factor of 0.7 to 1.4) and is set, by bisection, so that
    I(x; z) has a given value.

    Args:
        n_images: N.
        dim: D, more than 2.
        information: I(x; z) in nats, below log N.
        seed: Of the factors and the function.

    Raises:
        ValueError: If the information is not below log N, or there are too few codes.
    """
    if information >= math.log(n_images) or dim <= N_COLLAPSED:
        raise ValueError(
            f"I(x; z) lies below log N = {math.log(n_images):.2f} nats, and D above {N_COLLAPSED}; "
            f"got {information} and {dim}"
        )
    generator = generator_for(seed, "vae-like")
    factors = torch.rand(n_images, N_GENERATIVE, generator=generator) * 4 - 2
    first = torch.randn(N_GENERATIVE, 16, generator=generator)
    second = torch.randn(16, dim - N_COLLAPSED, generator=generator)
    mean = torch.tanh(factors @ first + torch.randn(16, generator=generator)) @ second
    mean = (mean - mean.mean(0)) / mean.std(0)
    jitter = math.log(2) * (torch.rand(n_images, 1, generator=generator) - 0.5)
    low, high = -14.0, 4.0
    for _ in range(14):
        middle = 0.5 * (low + high)
        enough = _information(_with_collapsed(mean, middle + 2 * jitter)) > information
        low, high = (middle, high) if enough else (low, middle)
    return _with_collapsed(mean, low + 2 * jitter)


def _with_collapsed(mean: Tensor, logvar: Tensor) -> Gaussian:
    collapsed = mean.new_zeros(len(mean), N_COLLAPSED)
    return Gaussian(torch.cat([mean, collapsed], 1), torch.cat([logvar.expand_as(mean), collapsed], 1))


def _information(population: Gaussian, n_samples: int = 256) -> float:
    """I(x; z) of the N images, by Monte Carlo with the same draws at every call."""
    generator = generator_for(0, "information")
    rows = torch.randint(len(population.mean), (n_samples,), generator=generator)
    own = Gaussian(population.mean[rows], population.logvar[rows])
    z = own.sample(Noise(generator))
    marginal = torch.logsumexp(log_density_matrix(z, population).sum(2), 1) - math.log(len(population.mean))
    conditional = -0.5 * ((z - own.mean).square() * torch.exp(-own.logvar) + own.logvar + math.log(2 * math.pi)).sum(1)
    return (conditional - marginal).mean().item()


def _density(points: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    standard = (points[:, None] - mean[None]) / deviation[None]
    return (torch.exp(-0.5 * standard.square()) / (deviation * math.sqrt(2 * math.pi))).mean(1)
