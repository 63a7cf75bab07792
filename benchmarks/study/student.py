"""Codes that depend on one another in their tails: a Student-t copula with equal correlations.

The total correlation of a multivariate t is that of the Gaussian of its matrix and a constant of D and the degrees of
freedom: TC = D h(t_1) - h(t_D), with the entropies of Kotz and Nadarajah (2004), Multivariate t Distributions and Their
Applications, section 1.10.
"""

import math
from functools import cached_property

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian
from minebench.benchmarks.study.distribution import Truth, generator_for, sampled_truth
from minebench.benchmarks.study.gaussians import scaled_correlation
from minebench.minevae.gaussian_fit import covariance_total_correlation
from minebench.minevae.groups import Groups


class StudentCodes:
    """asinh of a multivariate Student-t: a monotone function of each code, so that critics see no wild values.

    Args:
        dim: D.
        total_correlation: Nats; not below what zero correlations give.
        freedom: Degrees of freedom, above 0.
        seed: Of the second route.

    Raises:
        ValueError: If uncorrelated codes with these tails depend on one another more than that.
    """

    groups: Groups | None = None
    population: Gaussian | None = None
    largest_eigenvalue: float | None = None
    normaliser = "infinite"  # p^2 / q grows along the diagonal like r^(D nu - D - 2 nu)

    def __init__(self, dim: int, total_correlation: float, *, freedom: float = 4.0, seed: int = 0) -> None:
        self.dim, self.freedom, self._seed = dim, freedom, seed
        tails = dim * _entropy(1, freedom) - _entropy(dim, freedom)
        if total_correlation < tails:
            raise ValueError(
                f"uncorrelated t codes with D = {dim} and {freedom} degrees of freedom have a total correlation of "
                f"{tails:.2f} nats; got {total_correlation}: ask for more, or for more degrees of freedom"
            )
        identity = torch.eye(dim, dtype=torch.float64)
        self.correlation = scaled_correlation(lambda rho: (1 - rho) * identity + rho, total_correlation - tails)
        self.truth = Truth(covariance_total_correlation(self.correlation).item() + tails)
        self._factor = torch.linalg.cholesky(self.correlation)

    @cached_property
    def second_route(self) -> Truth:
        """Monte Carlo of the log ratio over 100,000 draws."""
        return sampled_truth(self.log_ratio(self.sample(100_000, generator_for(self._seed, "truth"))[0]))

    def sample(self, n: int, generator: torch.Generator, n_sets: int = 1) -> Tensor:
        """Fresh codes, float32, shape (n_sets, n, D)."""
        normal = torch.randn(n_sets, n, self.dim, generator=generator) @ self._factor.T.float()
        chi_square = 2 * torch._standard_gamma(torch.full((n_sets, n, 1), self.freedom / 2), generator=generator)
        return torch.asinh(normal * (self.freedom / chi_square).sqrt())

    def log_ratio(self, z: Tensor) -> Tensor:
        """The exact critic, float64."""
        t = torch.sinh(z.double())
        scaled: Tensor = torch.linalg.solve_triangular(self._factor, t[..., None], upper=False)[..., 0]
        joint = self._log_density(scaled.square().sum(-1), self.dim) - self._factor.diagonal().log().sum()
        ratio: Tensor = joint - self._log_density(t.square(), 1).sum(-1)
        return ratio

    def _log_density(self, squared: Tensor, dim: int) -> Tensor:
        half = 0.5 * (self.freedom + dim)
        return _log_constant(dim, self.freedom) - half * torch.log1p(squared / self.freedom)


def _log_constant(dim: int, freedom: float) -> float:
    return math.lgamma(0.5 * (freedom + dim)) - math.lgamma(0.5 * freedom) - 0.5 * dim * math.log(freedom * math.pi)


def _entropy(dim: int, freedom: float) -> float:
    """Of the D-dimensional t with identity matrix, nats."""
    psi = torch.special.digamma(torch.tensor([0.5 * (freedom + dim), 0.5 * freedom], dtype=torch.float64))
    return -_log_constant(dim, freedom) + 0.5 * (freedom + dim) * float(psi[0] - psi[1])
