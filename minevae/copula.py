"""A Gaussian copula fitted to codes: the closed form that a critic then only has to correct.

Every code is carried to a normal score by its ranks in a reference sample, which changes no mutual information, and a
normal distribution is fitted to the scores: Liu, Lafferty and Wasserman (2009), The Nonparanormal, section 4,
arXiv:0903.0649. Its log density ratio, added to a critic's output, leaves the critic the rest alone. (Ma and Sun 2011,
Mutual Information Is Copula Entropy, arXiv:0808.0845, is the reason why margins do not matter.)
"""

import torch
from torch import Tensor, nn

from minebench.minevae.critics import Critics
from minebench.minevae.gaussian_fit import covariance_total_correlation, shrink, shrinkage
from minebench.minevae.groups import Groups, group_numbers

N_KNOTS = 2000  # quantiles of a code that are kept


class GaussianCopula(nn.Module):
    """Normal scores of codes, and the log density ratio of the normal distribution fitted to them.

    Args:
        reference: Codes to fit to, shape (n, D), n >= 2. Codes are taken for continuous: ties are not told apart.
        groups: Between which the correlation is measured; default: each code on its own.

    Raises:
        ValueError: If the groups do not hold each column once.
    """

    knots: Tensor
    knot_scores: Tensor
    difference: Tensor
    constant: Tensor

    def __init__(self, reference: Tensor, groups: Groups | None = None) -> None:
        super().__init__()
        n, dim = reference.shape
        n_knots = min(n, N_KNOTS)
        shares = (torch.arange(n_knots, dtype=torch.float64) + 0.5) / n_knots
        self.register_buffer("knots", torch.quantile(reference.double(), shares, dim=0).T.contiguous().float())
        self.register_buffer("knot_scores", torch.special.ndtri(shares).float())
        scores = self.normal_scores(reference).double()
        standard = (scores - scores.mean(0)) / scores.std(0, correction=0).clamp(min=1e-6)
        correlation = shrink(standard.T @ standard / n, shrinkage(standard))
        numbers = torch.as_tensor(group_numbers(groups, dim))
        within = correlation.masked_fill(numbers[:, None] != numbers[None], 0.0)
        self.register_buffer("difference", (torch.linalg.inv(within) - torch.linalg.inv(correlation)).float())
        self.register_buffer("constant", covariance_total_correlation(correlation, groups).float())

    def normal_scores(self, z: Tensor) -> Tensor:
        """Codes (..., D) as normal scores, by linear interpolation between the reference's quantiles.

        Beyond the outermost quantiles the scores end, at +-3.5.
        """
        values = z.reshape(-1, z.shape[-1]).T.contiguous()  # (D, rows)
        above = torch.searchsorted(self.knots, values.detach()).clamp(1, self.knots.shape[1] - 1)
        low, high = self.knots.gather(1, above - 1), self.knots.gather(1, above)
        share = ((values - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        scores = torch.lerp(self.knot_scores[above - 1], self.knot_scores[above], share)
        return scores.T.reshape(z.shape)

    def log_ratio(self, scores: Tensor) -> Tensor:
        """Of the fitted normal distribution to the product over groups, nats: normal scores (..., D) to (...)."""
        return self.constant + 0.5 * ((scores @ self.difference) * scores).sum(-1)


class CopulaCritics(nn.Module):
    """Critics of normal scores, whose output is added to a copula's log ratio; they start from that ratio itself.

    Args:
        copula: The fit; it does not move with the critics.
        n_critics: P.
        hidden_dim: Width of the two hidden layers.
        generator: Source of the initial weights; default: torch's own.
    """

    def __init__(
        self, copula: GaussianCopula, n_critics: int, hidden_dim: int = 128, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.copula = copula
        self.residual = Critics(n_critics, len(copula.knots), hidden_dim, generator=generator)
        for last in (self.residual.weights[-1], self.residual.biases[-1]):
            nn.init.zeros_(last)

    @property
    def n_critics(self) -> int:
        """P."""
        return self.residual.n_critics

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores (P, n) of codes (P, n, D), or (n, D) for all critics."""
        scores = self.copula.normal_scores(inputs)
        output: Tensor = self.residual(scores) + self.copula.log_ratio(scores)
        return output
