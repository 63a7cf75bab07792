"""A Gaussian copula between blocks of codes that move while a model trains, and the critic that corrects it.

``copula`` for codes whose owners are a tensor, fitted anew at each use to the codes of the last batches.
"""

import torch
from torch import Tensor, nn

from minebench.minevae.copula import fitted_correlation, log_ratio_terms, normal_scores, quantile_shares
from minebench.minevae.critics import Critics


class BlockCopula(nn.Module):
    """T(z): the fitted copula's log ratio of all codes to the product over blocks, and a critic's correction to it.

    It starts as the copula alone. No gradient flows through the fit.

    Args:
        latent_dim: D.
        hidden_dim: Width of the critic's hidden layers.
        n_recent: Codes that the copula is fitted to; until so many were seen, the first ones count repeatedly.
    """

    recent: Tensor
    n_seen: Tensor
    knot_scores: Tensor

    def __init__(self, latent_dim: int, hidden_dim: int = 128, n_recent: int = 1024) -> None:
        super().__init__()
        self.residual = Critics(1, latent_dim, hidden_dim)
        for last in (self.residual.weights[-1], self.residual.biases[-1]):
            nn.init.zeros_(last)
        self.register_buffer("recent", torch.zeros(n_recent, latent_dim))
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("knot_scores", torch.special.ndtri(quantile_shares(n_recent)).float())

    @torch.no_grad()
    def remember(self, z: Tensor) -> None:
        """Take codes (n, D) in, in the place of the oldest; those that are not finite are passed over."""
        places = torch.arange(len(self.recent), device=z.device)
        age = (places - self.n_seen) % len(self.recent)  # of the places: the next n are the oldest
        new = z.float()[age % len(z)]
        taken = ((age < len(z)) | (self.n_seen == 0))[:, None] & torch.isfinite(new)
        self.recent.copy_(torch.where(taken, new, self.recent))
        self.n_seen += len(z)

    def forward(self, z: Tensor, owner: Tensor) -> Tensor:
        """Scores (1, n) of codes (n, D), blocks given by the owner of each latent, int64, shape (D,)."""
        with torch.no_grad():
            knots = self.recent.T.sort(-1).values.contiguous()
            correlation = fitted_correlation(normal_scores(self.recent, knots, self.knot_scores).double())
            correlation.diagonal().add_(1e-6)  # nothing seen yet, or a code that is constant
            difference, constant = log_ratio_terms(correlation, owner[:, None] != owner[None])
        scores = normal_scores(z.float(), knots, self.knot_scores)
        ratio = constant.float() + 0.5 * ((scores @ difference.float()) * scores).sum(-1)
        output: Tensor = self.residual(scores) + ratio
        return output
