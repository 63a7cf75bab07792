"""What gated blocks of codes tell of labels, if all is Gaussian: the rival of MINE that needs no critic.

c_k given y_l is taken for a Gaussian whose mean moves with y_l and whose covariance does not. With W the covariance of
the standardised codes within the values of a label, B that of the values' means, and the gate's noise added in closed
form, I(c_k; y_l) = 1/2 [log det(G (B + W) G + N) - log det(G W G + N)], G = diag(a_k), N = diag(1 - a_k^2).
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["gauss_mean", "gauss_sample"]


class LabelledCodes(NamedTuple):
    """Standardised codes with labels.

    Attributes:
        codes: Posterior means or samples, shape (n, D).
        labels: Value indices, int64, shape (n, L).
        weights: Weight of each row, at least 0, shape (n,).
        noise: Variance that is added to the codes' own, shape (D,): the posteriors' where codes are means.
    """

    codes: Tensor
    labels: Tensor
    weights: Tensor
    noise: Tensor


def gaussian_information(data: LabelledCodes, gain: Tensor, n_values: int) -> Tensor:
    """I(c_k; y_l) of the fit.

    Args:
        data: Rows to fit to. Labels with many values and few rows are overestimated.
        gain: a, in [0, 1), shape (B, D).
        n_values: The largest number of values of a label.

    Returns:
        Nats, at least 0, shape (B, L), with gradient to codes and gains.
    """
    n = data.weights.sum().clamp(min=1)
    centred = (data.codes - data.weights @ data.codes / n) * data.weights.sqrt()[:, None]
    total = centred.T @ centred / n
    n_labels = data.labels.shape[1]
    column = data.labels.clamp(min=0) + n_values * torch.arange(n_labels, device=data.labels.device)
    roots = data.weights.sqrt()[:, None].expand(-1, n_labels)
    indicator = torch.zeros(len(data.codes), n_labels * n_values, device=column.device).scatter(1, column, roots)
    counts = indicator.square().sum(0).clamp(min=1e-6)
    means = indicator.T @ centred / (counts * n).sqrt()[:, None]  # rows weighed by the root of their share
    means = means.view(n_labels, n_values, -1)
    between = means.mT @ means  # (L, D, D)
    within = total - between + torch.diag(data.noise)
    outer = gain[:, :, None] * gain[:, None, :]
    noise = torch.diag_embed(1 - gain.square())
    of_pairs = outer[:, None] * torch.stack([within + between, within])[:, None] + noise[:, None]  # (2, B, L, D, D)
    both: Tensor = torch.linalg.slogdet(of_pairs.double()).logabsdet
    return (0.5 * (both[0] - both[1])).float()
