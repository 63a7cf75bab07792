"""Total correlation of the aggregated posterior by Monte Carlo: from a minibatch, and from the whole data.

Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders, sections 4.1 and C, for minibatch
weighted (MWS) and stratified sampling (MSS). TC(q) = KL(q(z) || prod_j q(z_j)) with q(z) the mean of the N posteriors.
Each estimator is a choice of weights on the batch's posteriors; the rest is one log-sum-exp:

* MWS: 1 / (N M) for every posterior. The weights of a row sum to 1 / N, so the value is offset by up to
  (D - 1) log N; only its gradient is meaningful.
* MSS: 1 / N on the sample's **own** posterior, 1 / (M - 1) on all others but one, which takes the rest,
  1 / (M - 1) - 1 / N. The weights of a row sum to 1.
* MSS, leave-one-out: 1 / N on the own posterior, (N - 1) / (N (M - 1)) on each other. The same expectation with all
  others alike, hence less variance.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian, Terms

Estimator = Literal["mws", "mss", "mss_loo"]
Blocks = Sequence[Sequence[int]]


def log_density_matrix(z: Tensor, posterior: Gaussian) -> Tensor:
    """Log density of every sample under every posterior, per latent.

    Args:
        z: Samples, shape (S, D).
        posterior: M diagonal Gaussians over D latents.

    Returns:
        ``log q(z_s[d] | x_m)`` in nats, float32, shape (S, M, D).
    """
    mean, logvar = posterior.mean.float(), posterior.logvar.float()
    squared = (z.float()[:, None] - mean[None]).square() * torch.exp(-logvar)[None]
    return -0.5 * (squared + logvar[None] + math.log(2 * math.pi))


def log_weights(n_batch: int, n_images: int, estimator: Estimator, device: torch.device | None = None) -> Tensor:
    """Log weight of posterior m in the estimate of q(z_s), where sample s came from posterior s.

    Args:
        n_batch: Batch size M, at least 2 for the stratified forms.
        n_images: Training-set size N, at least M.
        estimator: ``mws``, ``mss`` or ``mss_loo``.
        device: Where the result lives.

    Returns:
        Shape (M, M). Rows of the stratified forms sum to 1 after exponentiation, those of ``mws`` to 1 / N.

    Raises:
        ValueError: If the batch is larger than the data, or holds one image where two are needed.
    """
    if n_batch > n_images:
        raise ValueError(f"the batch ({n_batch}) is larger than the training set ({n_images}); pass the set's size")
    if estimator == "mws":
        return torch.full((n_batch, n_batch), -math.log(n_batch) - math.log(n_images), device=device)
    if n_batch < 2:
        raise ValueError(f"{estimator} needs at least two images in a batch; got {n_batch}")
    others = n_batch - 1
    own = torch.eye(n_batch, dtype=torch.bool, device=device)
    if estimator == "mss_loo":
        weights = torch.full((n_batch, n_batch), (n_images - 1) / (n_images * others), device=device)
    else:
        weights = torch.full((n_batch, n_batch), 1 / others, device=device)
        weights = weights.masked_fill(own.roll(1, dims=1), 1 / others - 1 / n_images)  # makes the row sum to 1
    return weights.masked_fill(own, 1 / n_images).log()


def minibatch_total_correlation(
    log_density: Tensor, n_images: int, *, estimator: Estimator, blocks: Blocks | None = None
) -> Tensor:
    """Total correlation estimated from one batch and the posteriors it came from.

    Args:
        log_density: From ``log_density_matrix``, shape (M, M, D), sample m drawn from posterior m.
        n_images: Training-set size N.
        estimator: See ``log_weights``.
        blocks: Groups of latents between which the correlation is measured; default: each latent on its own.

    Returns:
        The mean over samples in nats, a scalar with gradient. With ``mws`` it carries an offset.
    """
    weights = log_weights(len(log_density), n_images, estimator, log_density.device)
    joint = torch.logsumexp(log_density.sum(2) + weights, dim=1)  # (M,)
    parts = torch.logsumexp(_by_block(log_density, blocks) + weights[..., None], dim=1)  # (M, blocks)
    return (joint - parts.sum(1)).mean()


def total_correlation_terms(
    z: Tensor,
    posterior: Gaussian,
    n_images: int,
    *,
    weight: float,
    estimator: Estimator,
    blocks: Blocks | None = None,
) -> Terms:
    """The part of a loss that weighs total correlation.

    The value that carries the gradient stands under its estimator's name: that of weighted sampling has an offset, and
    only its gradient means something. The leave-one-out form is logged beside it as an estimate of the value.

    Args:
        z: Samples, shape (M, D), sample m drawn from posterior m.
        posterior: The batch's M posteriors.
        n_images: Training-set size N.
        weight: Weight of the estimate in the loss.
        estimator: See ``log_weights``.
        blocks: See ``minibatch_total_correlation``; the terms' names then start with ``block_``.

    Returns:
        ``total_correlation_<estimator>`` with its weight, and ``total_correlation_mss_loo``.
    """
    log_density = log_density_matrix(z, posterior)
    name = "total_correlation" if blocks is None else "block_total_correlation"
    chosen, value = f"{name}_{estimator}", f"{name}_mss_loo"
    with torch.no_grad():
        terms = {value: minibatch_total_correlation(log_density, n_images, estimator="mss_loo", blocks=blocks)}
    terms[chosen] = minibatch_total_correlation(log_density, n_images, estimator=estimator, blocks=blocks)
    return Terms(terms, {value: 0.0, chosen: weight})


@torch.no_grad()
def full_total_correlation(
    z: Tensor, posterior: Gaussian, *, blocks: Blocks | None = None, chunk: int = 4096
) -> tuple[Tensor, Tensor]:
    """Total correlation of the mixture of all N posteriors, by Monte Carlo over samples from it.

    Costs S x N x D operations and S x chunk x D memory.

    Args:
        z: Samples of the mixture, shape (S, D).
        posterior: All N posteriors, each array of shape (N, D).
        blocks: Groups of latents; default: each latent on its own.
        chunk: Posteriors taken at a time.

    Returns:
        The estimate and its standard error over the samples, both scalars in nats. Unbiased for TC(q_N).

    Raises:
        ValueError: If fewer than two samples are given.
    """
    if len(z) < 2:
        raise ValueError(f"the standard error needs at least two samples; got {len(z)}")
    joint = torch.full((len(z),), -math.inf, dtype=torch.float64, device=z.device)
    parts = torch.full((len(z), len(blocks) if blocks else z.shape[1]), -math.inf, dtype=torch.float64, device=z.device)
    for start in range(0, len(posterior.mean), chunk):
        part = Gaussian(posterior.mean[start : start + chunk], posterior.logvar[start : start + chunk])
        log_density = log_density_matrix(z, part)
        joint = torch.logaddexp(joint, log_density.sum(2).logsumexp(1).double())
        parts = torch.logaddexp(parts, _by_block(log_density, blocks).logsumexp(1).double())
    log_n = math.log(len(posterior.mean))
    ratio = (joint - log_n) - (parts - log_n).sum(1)
    return ratio.mean(), ratio.std() / math.sqrt(len(ratio))


def _by_block(log_density: Tensor, blocks: Blocks | None) -> Tensor:
    """Sums over the latents of each block: (S, M, D) to (S, M, blocks)."""
    if blocks is None:
        return log_density
    n_latents = log_density.shape[2]
    if sorted(latent for block in blocks for latent in block) != list(range(n_latents)):
        raise ValueError(f"blocks must hold each of the {n_latents} latents once; got {[list(b) for b in blocks]}")
    return torch.stack([_columns(log_density, block).sum(2) for block in blocks], dim=2)


def _columns(values: Tensor, block: Sequence[int]) -> Tensor:
    """Some of the last dimension; a list as index would be copied to the device at every step."""
    return torch.cat([values[..., :0], *(values[..., column : column + 1] for column in block)], dim=-1)
