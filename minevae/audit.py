"""What blocks of a trained model hold, by Monte Carlo over the whole data: no critic, no bound.

Blocks are groups of whole latents, so their posteriors are diagonal Gaussians in closed form, and q_N, the mixture of
the N training posteriors, can be summed out. Chen et al. (2018), Isolating Sources of Disentanglement in Variational
Autoencoders, arXiv:1802.04942, for the mixture. Unit: nats.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian, Noise
from minebench.baselines.total_correlation import log_density_matrix
from minebench.minevae.groups import sum_groups

T = TypeVar("T")
MARGIN = 3.0  # nats that I(x; z) must stay below log N


@dataclass(frozen=True)
class Audit:
    """What samples of some images say, under the mixture of the training posteriors.

    Attributes:
        total_correlation: Between the blocks that have latents: unbiased for TC(q_N) where samples are of the training
            images.
        standard_error: Of it, over the samples.
        information_on_image: I(x; z) of all latents. Of samples of held-out images it is the mean of
            log q(z|x) - log q_N(z), which exceeds log N where the mixture does not reach them.
        block_on_image: I(x; c_k) of each block, shape (B,); 0 of an empty one.
        block_on_factor: I(c_k; y_l), shape (B, K).
        believed: Whether I(x; z) < log N - 3. Else the samples' own posteriors are all that the mixture consists of
            where they lie, and values saturate, total correlation at (blocks - 1) log N.
    """

    total_correlation: float
    standard_error: float
    information_on_image: float
    block_on_image: tuple[float, ...]
    block_on_factor: tuple[tuple[float, ...], ...]
    believed: bool


@torch.no_grad()
def audit(
    population: Gaussian,
    factors: Tensor,
    blocks: Sequence[Sequence[int]],
    drawn: Gaussian,
    drawn_factors: Tensor,
    noise: Noise,
    *,
    chunk: int = 2048,
) -> Audit:
    """Audit blocks by one sample of each drawn posterior.

    Costs S x N x (D + B K) operations.

    Args:
        population: The N training posteriors, arrays of shape (N, D).
        factors: Their factors, value indices, int64, shape (N, K).
        blocks: Columns of each block; each latent once; empty blocks are allowed.
        drawn: The posteriors to sample, arrays of shape (S, D), S > 1: some of the population, or of held-out images.
        drawn_factors: Their factors, shape (S, K).
        noise: Source of the samples.
        chunk: Components of the mixture taken at a time.

    Returns:
        See ``Audit``.

    Raises:
        ValueError: If there are fewer than two samples, or the blocks do not hold each latent once.
    """
    n_samples, n_images = len(drawn.mean), len(population.mean)
    if n_samples < 2:
        raise ValueError(f"the standard error needs at least two samples; got {n_samples}")
    held = [k for k, block in enumerate(blocks) if len(block)]
    groups = [blocks[k] for k in held]
    z = drawn.sample(noise)
    same = torch.full((n_samples, len(held), factors.shape[1]), -math.inf, dtype=torch.float64, device=z.device)
    total = torch.full((n_samples, 1 + len(held)), -math.inf, dtype=torch.float64, device=z.device)
    for start in range(0, n_images, chunk):
        rows = slice(start, start + chunk)
        density = log_density_matrix(z, Gaussian(population.mean[rows], population.logvar[rows]))
        parts = torch.cat([density.sum(2, keepdim=True), sum_groups(density, groups)], 2).double()  # (S, n, 1 + B)
        total = torch.logaddexp(total, parts.logsumexp(1))
        other = factors[rows][None] != drawn_factors[:, None]  # (S, n, K)
        of_value = parts[:, :, 1:, None].masked_fill(other[:, :, None], -math.inf)  # (S, n, B, K)
        same = torch.logaddexp(same, of_value.logsumexp(1))
    own = _own(z, drawn)
    of_parts = torch.cat([own.sum(1, keepdim=True), sum_groups(own, groups)], 1).double()
    on_image = (of_parts - total + math.log(n_images)).mean(0)
    ratio = (total[:, 0] - total[:, 1:].sum(1)) + (len(held) - 1) * math.log(n_images)
    counts = (factors[None] == drawn_factors[:, None]).sum(1).clamp(min=1)  # (S, K), of the sample's own value
    on_factor = (same - counts.double().log()[:, None] - total[:, 1:, None] + math.log(n_images)).mean(0)
    return Audit(
        total_correlation=float(ratio.mean()),
        standard_error=float(ratio.std() / math.sqrt(n_samples)),
        information_on_image=float(on_image[0]),
        block_on_image=tuple(_spread(on_image[1:].tolist(), held, len(blocks), 0.0)),
        block_on_factor=tuple(
            _spread([tuple(row) for row in on_factor.tolist()], held, len(blocks), (0.0,) * factors.shape[1])
        ),
        believed=bool(on_image[0] < math.log(n_images) - MARGIN),
    )


def _own(z: Tensor, posterior: Gaussian) -> Tensor:
    """Log densities of samples under their own posteriors, shape (S, D)."""
    squared = (z - posterior.mean).square() * torch.exp(-posterior.logvar)
    return -0.5 * (squared + posterior.logvar + math.log(2 * math.pi))


def _spread(values: list[T], places: list[int], n: int, empty: T) -> list[T]:
    """Values of the blocks that have latents among all ``n``."""
    found = dict(zip(places, values, strict=True))
    return [found.get(place, empty) for place in range(n)]
