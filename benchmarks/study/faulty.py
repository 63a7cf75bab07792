"""A public mistake, for the record: stratified weights that do not belong to the samples they weigh.

Four public code bases of beta-TCVAE put the weight 1 / N into the first column of the weight matrix, whatever sample a
row belongs to, and the remainder into the second: so no sample's own posterior has its weight, and one row sums to more
than 1. It is never used here but in the study.
"""

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian
from minebench.baselines.total_correlation import log_density_matrix


def faulty_weights(n_batch: int, n_images: int) -> Tensor:
    """The weights as they are public, shape (M, M), M > 2."""
    others = n_batch - 1
    rest = (n_images - others) / (n_images * others)
    weights = torch.full((n_batch, n_batch), 1 / others)
    weights[:, 0] = 1 / n_images
    weights[:, 1] = rest
    weights[others - 1, 0] = rest
    return weights


@torch.no_grad()
def faulty_total_correlation(z: Tensor, posterior: Gaussian, n_images: int) -> Tensor:
    """The estimate that those weights give, nats, a scalar."""
    log_density = log_density_matrix(z, posterior)
    log_weights = faulty_weights(len(z), n_images).log()
    joint = torch.logsumexp(log_density.sum(2) + log_weights, 1)
    parts = torch.logsumexp(log_density + log_weights[..., None], 1)
    return (joint - parts.sum(1)).mean()
