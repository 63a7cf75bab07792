"""Gaussian codes with a given total correlation, as they are or seen through monotone functions of each code.

TC = -1/2 log det R, minus the same of each group where groups are meant; monotone functions of single codes leave it.
As posteriors: z = mu_n + s e with e ~ N(0, I), mu_n ~ N(0, R - s^2 I), and s^2 half the smallest eigenvalue of R, which
is (1 - rho) / 2 for equal correlations.
"""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian
from minebench.benchmarks.study.distribution import Truth, generator_for, sampled_truth
from minebench.minevae.gaussian_fit import covariance_total_correlation
from minebench.minevae.groups import Groups, group_numbers

Structure = Literal["equicorrelated", "pairs", "banded", "factor", "blocks", "independent"]
Warp = Literal["none", "cube", "cdf", "asinh"]

N_FACTORS = 3  # of the factor model
BLOCK = 8  # columns of a block, and the correlation of two of them
WITHIN = 0.6


class GaussianCodes:
    """Codes whose normal scores have a correlation matrix of a named structure, scaled to a total correlation.

    Args:
        structure: ``equicorrelated``: one common factor; ``pairs``: D / 2 independent pairs; ``banded``: correlation
            rho^|i - j|, whose inverse has one band beside the diagonal (a matrix with one band itself cannot exceed 2.3
            nats at D = 10); ``factor``: z = B f + e with three factors and random loadings; ``blocks``: D / 8 groups of
            8 codes with correlation 0.6 within, times equal correlations between blocks (a Kronecker product), where
            the total correlation between blocks is meant;
            ``independent``.
        dim: D.
        total_correlation: Nats; 0 for ``independent``.
        warp: Monotone function of each code.
        n_images: Number of posteriors; None for codes that are no samples of posteriors, as warped ones never are.
        seed: Of the posteriors' means and random loadings.

    Raises:
        ValueError: If the structure cannot have that dimension or total correlation.
    """

    def __init__(
        self,
        structure: Structure,
        dim: int,
        total_correlation: float,
        *,
        warp: Warp = "none",
        n_images: int | None = None,
        seed: int = 0,
    ) -> None:
        if (structure == "pairs" and dim % 2) or (structure == "blocks" and (dim % BLOCK or dim == BLOCK)):
            raise ValueError(f"{structure} needs D in multiples of {2 if structure == 'pairs' else BLOCK}; got {dim}")
        self.dim, self.warp, self._seed = dim, warp, seed
        self.groups: Groups | None = None
        if structure == "blocks":
            self.groups = [tuple(range(start, start + BLOCK)) for start in range(0, dim, BLOCK)]
        self._make = _family(structure, dim, seed)
        self.correlation = scaled_correlation(self._make, total_correlation, self.groups)
        self.truth = Truth(covariance_total_correlation(self.correlation, self.groups).item())
        self._factor = torch.linalg.cholesky(self.correlation).float()
        self._n_images = None if warp != "none" else n_images

    @cached_property
    def posterior_variance(self) -> float:
        """s^2: half the smallest eigenvalue of R."""
        return 0.5 * float(torch.linalg.eigvalsh(self.correlation)[0])

    @cached_property
    def mean_factor(self) -> Tensor:
        """W with W W^T = R - s^2 I, float64, shape (D, D)."""
        identity = torch.eye(self.dim, dtype=torch.float64)
        factor: Tensor = torch.linalg.cholesky(self.correlation - self.posterior_variance * identity)
        return factor

    @cached_property
    def inputs(self) -> Tensor | None:
        """What the posterior means are W times of: N(0, I) draws, shape (N, D)."""
        if self._n_images is None:
            return None
        return torch.randn(self._n_images, self.dim, generator=generator_for(self._seed, "population"))

    @cached_property
    def population(self) -> Gaussian | None:
        """All posteriors."""
        if self.inputs is None:
            return None
        mean = self.inputs @ self.mean_factor.T.float()
        return Gaussian(mean, torch.full_like(mean, math.log(self.posterior_variance)))

    @cached_property
    def largest_eigenvalue(self) -> float | None:
        """Of R with the correlation within groups divided out: the normaliser's variance is finite below 2."""
        within = self.correlation.masked_fill(self._outside, 0.0)
        root = torch.linalg.cholesky(within)
        half = torch.linalg.solve_triangular(root, self.correlation, upper=False)
        return float(torch.linalg.eigvalsh(torch.linalg.solve_triangular(root, half.T, upper=False))[-1])

    @property
    def normaliser(self) -> str:
        """Integral of p^2 / q: finite if 2 R^-1 - I is positive definite (R as in ``largest_eigenvalue``)."""
        return "finite" if (self.largest_eigenvalue or 0.0) < 2 else "infinite"

    @cached_property
    def second_route(self) -> Truth:
        """Monte Carlo of the log ratio over 100,000 draws."""
        return sampled_truth(self.log_ratio(self.sample(100_000, generator_for(self._seed, "truth"))[0]))

    def sample(self, n: int, generator: torch.Generator, n_sets: int = 1) -> Tensor:
        """Fresh codes of the population, float32, shape (n_sets, n, D)."""
        scores = torch.randn(n_sets, n, self.dim, generator=generator) @ self._factor.T
        return _WARPS[self.warp][0](scores)

    def on_the_way(self, share: float) -> Callable[[int, torch.Generator, int], Tensor]:
        """``sample`` for codes that have gone a share of the way from half of the total correlation to all of it."""
        factor = torch.linalg.cholesky(torch.lerp(self._halfway, self.correlation, share)).float()

        def sample(n: int, generator: torch.Generator, n_sets: int = 1) -> Tensor:
            return _WARPS[self.warp][0](torch.randn(n_sets, n, self.dim, generator=generator) @ factor.T)

        return sample

    @cached_property
    def _halfway(self) -> Tensor:
        return scaled_correlation(self._make, 0.5 * self.truth.value, self.groups)

    def log_ratio(self, z: Tensor) -> Tensor:
        """The exact critic, float64: quadratic in the normal scores."""
        scores = _WARPS[self.warp][1](z.double())
        return self.truth.value - 0.5 * ((scores @ self._precision_difference) * scores).sum(-1)

    @cached_property
    def _precision_difference(self) -> Tensor:
        within = self.correlation.masked_fill(self._outside, 0.0)
        difference: Tensor = torch.linalg.inv(self.correlation) - torch.linalg.inv(within)
        return difference

    @property
    def _outside(self) -> Tensor:
        numbers = torch.as_tensor(group_numbers(self.groups, self.dim))
        return numbers[:, None] != numbers[None]


def scaled_correlation(make: Callable[[float], Tensor], target: float, groups: Groups | None = None) -> Tensor:
    """The member of a family of correlation matrices whose total correlation is ``target``.

    Args:
        make: From a strength in [0, 1) to a matrix, float64, (D, D), whose total correlation grows with it.
        target: Nats.
        groups: Default: each code on its own.

    Raises:
        ValueError: If no member has so much.
    """
    low, high = 0.0, 1 - 1e-9
    if target > 0 and covariance_total_correlation(make(high), groups).item() < target:
        raise ValueError(f"no such correlation matrix has a total correlation of {target} nats; ask for less")
    for _ in range(80):
        middle = 0.5 * (low + high)
        reached = covariance_total_correlation(make(middle), groups).item() < target
        low, high = (middle, high) if reached else (low, middle)
    return make(low)


def _family(structure: Structure, dim: int, seed: int) -> Callable[[float], Tensor]:
    identity, places = torch.eye(dim, dtype=torch.float64), torch.arange(dim)
    if structure == "equicorrelated":
        return lambda rho: _equal(dim, rho)
    if structure == "banded":
        return lambda rho: rho ** (places[:, None] - places[None]).abs().double()
    if structure == "pairs":
        same = (places[:, None] // 2 == places[None] // 2).double()
        return lambda rho: (1 - rho) * identity + rho * same
    if structure == "blocks":
        within, n_blocks = _equal(BLOCK, WITHIN), dim // BLOCK
        return lambda rho: torch.kron(_equal(n_blocks, rho), within)
    loadings = torch.randn(dim, N_FACTORS, generator=generator_for(seed, "loadings"), dtype=torch.float64)
    loadings /= loadings.norm(dim=1, keepdim=True)
    if structure == "factor":  # unit variances: the strength is each code's share of variance from the factors
        return lambda share: share * (loadings @ loadings.T) + (1 - share) * identity
    return lambda _: identity


def _equal(n: int, rho: float) -> Tensor:
    return (1 - rho) * torch.eye(n, dtype=torch.float64) + rho


def _cdf(z: Tensor) -> Tensor:
    value: Tensor = torch.special.ndtr(z)
    return value


def _inverse_cdf(u: Tensor) -> Tensor:
    value: Tensor = torch.special.ndtri(u.clamp(max=1 - 2**-24))  # float32 rounds the last 6e-8 to 1
    return value


_WARPS: dict[Warp, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "none": (lambda z: z, lambda z: z),
    "cube": (lambda z: z**3, lambda z: z.sign() * z.abs() ** (1 / 3)),
    "cdf": (_cdf, _inverse_cdf),
    "asinh": (torch.asinh, torch.sinh),
}
