"""How much each factor needs, and the capacity that it is to get."""

import torch
from torch import Tensor

from minebench.minevae.gaussian_fit import GaussianFitEstimator, shrink

FLOOR = 0.5  # of the equal share


def target_capacity(complexity: Tensor, total: Tensor, nuisance_share: float) -> Tensor:
    """Cap*: the nuisance block's share of all capacity, and the rest in proportion to complexity.

    A factor gets at least half of an equal share: without that, factors that are easy to tell and hard to see got no
    latents and stayed empty.

    Args:
        complexity: kappa of the factors, in nats, at least 0, shape (K,); all 0 counts as all equal.
        total: All capacity, nats, a scalar.
        nuisance_share: rho_0, in (0, 1).

    Returns:
        Nats, shape (K + 1,), nuisance first; sums to ``total``; without gradient.
    """
    share = (complexity.detach() + 1e-12) / (complexity.detach() + 1e-12).sum()
    share = share.clamp(min=FLOOR / len(share))
    share = (1 - nuisance_share) * share / share.sum()
    return total.detach() * torch.cat([share.new_full((1,), nuisance_share), share])


def target_nats(complexity: Tensor, total: Tensor, nuisance_share: float) -> Tensor:
    """Cap* in nats of their own: kappa for each factor, at least half the mean kappa, and the rest for nuisance.

    Where all capacity is too little for that, it is shared as ``target_capacity`` does.

    Args:
        complexity: As in ``target_capacity``.
        total: As in ``target_capacity``.
        nuisance_share: The least that is kept for nuisance, as a share of all capacity.
    """
    kappa = complexity.detach()
    kappa = kappa.clamp(min=FLOOR * kappa.mean())
    shared = target_capacity(complexity, total, nuisance_share)
    of_factors = torch.minimum(kappa, shared[1:])
    return torch.cat([(total.detach() - of_factors.sum())[None], of_factors])


def remembered(fit: GaussianFitEstimator) -> Tensor:
    """1 where the memory of a fit holds a posterior, else 0, shape (R,)."""
    return (torch.arange(len(fit.means), device=fit.means.device) < fit.n_seen).float()


@torch.no_grad()
def block_rates(fit: GaussianFitEstimator, member: Tensor) -> Tensor:
    """The Gaussian rate 1/2 log det(I + Sigma_k / s0^2) of each block, s0^2 each code's mean posterior variance.

    As ``GaussianFitEstimator.rate``, for all blocks in one batch of determinants.

    Args:
        fit: Which holds the last posteriors.
        member: 1 where a latent is of a block, shape (D, B).

    Returns:
        Nats, at least 0, shape (B,); 0 before anything was seen.
    """
    centred, noise, _, n = _centred(fit)
    scaled = centred / noise.sqrt()
    covariance = _shrunk(scaled.T @ scaled / n, scaled.square().sum(1).square().sum() / n, n)
    columns = member.T.double()
    of_blocks = covariance * columns[:, :, None] * columns[:, None, :]
    identity = torch.eye(len(covariance), dtype=torch.float64, device=covariance.device)
    rates: Tensor = 0.5 * torch.linalg.slogdet(identity + of_blocks).logabsdet
    return rates.clamp(min=0).float()


@torch.no_grad()
def label_fits(fit: GaussianFitEstimator, exists: Tensor) -> Tensor:
    """What Gaussians fitted to all codes tell of each label: 1/2 [log det(B + W + S) - log det(W + S)].

    As ``GaussianFitEstimator.information``, for all labels in one batch of products, where all rows are labelled.

    Args:
        fit: Which holds the last posteriors with their labels.
        exists: Whether a label has a value, shape (L, V).

    Returns:
        Nats, at least 0, shape (L,); 0 before anything was seen.
    """
    centred, noise, held, n = _centred(fit)
    n_labels, n_values = exists.shape
    column = fit.labels.clamp(min=0) + n_values * torch.arange(n_labels, device=fit.labels.device)  # (R, L)
    indicator = torch.zeros(len(centred), n_labels * n_values, dtype=torch.float64, device=centred.device)
    indicator.scatter_(1, column, held[:, None].expand(-1, n_labels).contiguous())
    counts = indicator.sum(0)
    means = indicator.T @ centred / counts.clamp(min=1)[:, None]  # (L V, D), of the codes of a value
    weighed = (means * (counts / n).sqrt()[:, None]).view(n_labels, n_values, -1)
    between = weighed.mT @ weighed  # (L, D, D)
    squares = centred.square().sum(1, keepdim=True) + means.square().sum(1) - 2 * centred @ means.T
    fourth = (held[:, None] * squares.gather(1, column).square()).sum(0) / n  # of the distance to the value's mean
    within = _shrunk(centred.T @ centred / n - between, fourth, n) + torch.diag(noise)
    both: Tensor = torch.linalg.slogdet(torch.stack([within + between, within])).logabsdet
    return (0.5 * (both[0] - both[1])).clamp(min=0).float()


def _centred(fit: GaussianFitEstimator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Means less their mean, 0 where nothing is held; mean variances; what is held; how much that is, at least 2."""
    held = remembered(fit).double()
    n = held.sum().clamp(min=2)
    means, noise = fit.means.double(), (held @ fit.variances.double() / n).clamp(min=1e-12)
    return (means - held @ means / n) * held[:, None], noise, held, n


def _shrunk(covariance: Tensor, fourth: Tensor, n: Tensor) -> Tensor:
    """Ledoit and Wolf's estimate from covariances (..., D, D) and the mean fourth powers of the rows' norms (...)."""
    level = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)
    squared = covariance.square().sum((-2, -1))
    distance = squared - covariance.shape[-1] * level.square()
    return shrink(covariance, ((fourth - squared) / n / distance.clamp(min=1e-12)).clamp(0, 1))
