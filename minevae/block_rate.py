"""What labelled blocks encode of images beyond their factor: two measures of it, to be lowered.

A VAE does not care in which latents it keeps nuisance. Held within a single block it makes no block depend on another
and tells of no label, so that neither the total correlation nor the leaks see it. What sees it is the information that
a block has on the image, I(x; z_k) = I(y_k; z_k) + I(x; z_k | y_k), of which the second part is not its factor's.

* The rate KL(q(z_k|x) || N(0, I)) bounds all of it from above (Alemi et al. 2018, Fixing a Broken ELBO, section 2,
  arXiv:1711.00464), and y_k needs no more than H(y_k); it needs no labels, and it also charges a block for clusters, of
  which N(0, I) has none.
* The Gaussian rate within the values of y_k, 1/2 sum_j log(1 + W_j / s_j^2) with W_j the variance of posterior means
  around the mean of their value, is about the second part alone. Of a binned factor it counts what bins do not tell.
"""

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian
from minebench.minevae.attention import membership
from minebench.minevae.complexity import remembered
from minebench.minevae.gaussian_fit import GaussianFitEstimator
from minebench.minevae.precision import full_precision


@full_precision()
def excess_rate(posterior: Gaussian, owner: Tensor, complexity: Tensor, n_blocks: int) -> Tensor:
    """By how much the rates of labelled blocks exceed what their labels have, summed over them: nats, a scalar.

    Args:
        posterior: Arrays of shape (M, D).
        owner: The block of each latent, int64, shape (D,); block k + 1 is that of label k.
        complexity: kappa of the labels, nats, shape (L,); without gradient.
        n_blocks: Number of blocks.
    """
    of_latents = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1.0 - posterior.logvar).mean(0)
    rates = of_latents @ membership(owner, n_blocks)
    return (rates[1 : 1 + len(complexity)] - complexity.detach()).relu().sum()


@full_precision()
def within_rate(posterior: Gaussian, labels: Tensor, owner: Tensor, means: Tensor, known: Tensor) -> Tensor:
    """What labelled blocks encode within the values of their label, summed over them: nats, a scalar.

    Args:
        posterior: Of labelled images, arrays of shape (M, D).
        labels: Value indices, int64, shape (M, L).
        owner: The block of each latent, int64, shape (D,); block k + 1 is that of label k.
        means: Of the posterior means of each value, see ``value_means``, shape (L, V, D); without gradient.
        known: Of which values there are some, bool, shape (L, V); images of others are left out.
    """
    number = torch.arange(len(means), device=labels.device)
    around = means[number, labels]  # (M, L, D)
    counted = known[number, labels].float()[..., None]
    squares = (posterior.mean[:, None] - around).square() * counted
    variance = squares.sum(0) / counted.sum(0).clamp(min=1)  # (L, D)
    nats = 0.5 * torch.log1p(variance / posterior.logvar.exp().mean(0))
    own = owner[None] == number[:, None] + 1
    return torch.where(own, nats, 0.0).sum()


@torch.no_grad()
@full_precision()
def value_means(fit: GaussianFitEstimator, n_values: int) -> tuple[Tensor, Tensor]:
    """The means of the remembered posterior means of each value of each label.

    Args:
        fit: Which holds the last posteriors with their labels.
        n_values: V, the most that a label has.

    Returns:
        Means, shape (L, V, D), and of which values something is held, bool, shape (L, V).
    """
    held, labels = remembered(fit), fit.labels  # (R,), (R, L)
    n_labels = labels.shape[1]
    column = labels.clamp(min=0) + n_values * torch.arange(n_labels, device=labels.device)
    indicator = fit.means.new_zeros(len(labels), n_labels * n_values)
    indicator.scatter_(1, column, held[:, None] * (labels >= 0))
    counts = indicator.sum(0)
    means = indicator.T @ fit.means / counts.clamp(min=1)[:, None]
    return means.view(n_labels, n_values, -1), (counts > 0).view(n_labels, n_values)
