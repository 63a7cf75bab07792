"""A Gaussian copula fitted to codes: the closed form that a critic then only has to correct.

Every code is carried to a normal score by its ranks in a reference sample, which changes no mutual information, and a
normal distribution is fitted to the scores: Liu, Lafferty and Wasserman (2009), The Nonparanormal, section 4,
arXiv:0903.0649. Its log density ratio, added to a critic's output, leaves the critic the rest alone. (Ma and Sun 2011,
Mutual Information Is Copula Entropy, arXiv:0808.0845, is the reason why margins do not matter.)
"""

import torch
from torch import Tensor, nn

from minebench.minevae.critics import Critics
from minebench.minevae.gaussian_fit import shrink, shrinkage
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
        shares = quantile_shares(min(n, N_KNOTS))
        self.register_buffer("knots", torch.quantile(reference.double(), shares, dim=0).T.contiguous().float())
        self.register_buffer("knot_scores", torch.special.ndtri(shares).float())
        correlation = fitted_correlation(self.normal_scores(reference).double())
        numbers = torch.as_tensor(group_numbers(groups, dim))
        difference, constant = log_ratio_terms(correlation, numbers[:, None] != numbers[None])
        self.register_buffer("difference", difference.float())
        self.register_buffer("constant", constant.float())

    def normal_scores(self, z: Tensor) -> Tensor:
        """Codes (..., D) as normal scores, by linear interpolation between the reference's quantiles.

        Beyond the outermost quantiles the scores end, at +-3.5.
        """
        return normal_scores(z, self.knots, self.knot_scores)

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


def quantile_shares(n: int) -> Tensor:
    """The shares of n ordered values, from 1/2n to 1 - 1/2n, float64."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n


def normal_scores(z: Tensor, knots: Tensor, knot_scores: Tensor) -> Tensor:
    """Codes as normal scores, by linear interpolation between quantiles, with gradient to the codes.

    Args:
        z: Shape (..., D).
        knots: Quantiles of each code, ascending, shape (D, n).
        knot_scores: Their normal scores, shape (n,).

    Returns:
        Shape (..., D); beyond the outermost quantiles the scores end.
    """
    values = z.reshape(-1, z.shape[-1]).T.contiguous()  # (D, rows)
    above = torch.searchsorted(knots, values.detach()).clamp(1, knots.shape[1] - 1)
    low, high = knots.gather(1, above - 1), knots.gather(1, above)
    share = ((values - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
    scores = torch.lerp(knot_scores[above - 1], knot_scores[above], share)
    return scores.T.reshape(z.shape)


def fitted_correlation(scores: Tensor) -> Tensor:
    """The shrunk correlation matrix of normal scores, float64, shape (n, D) to (D, D)."""
    standard = (scores - scores.mean(0)) / scores.std(0, correction=0).clamp(min=1e-6)
    return shrink(standard.T @ standard / len(scores), shrinkage(standard))


def log_ratio_terms(correlation: Tensor, apart: Tensor) -> tuple[Tensor, Tensor]:
    """The log ratio of N(0, R) to the product over groups as constant + 1/2 s^T difference s.

    Args:
        correlation: R, shape (D, D).
        apart: Where two codes are of different groups, bool, shape (D, D).

    Returns:
        The difference of the two inverses, shape (D, D), and the constant: the total correlation of N(0, R), a scalar.
    """
    within = correlation.masked_fill(apart, 0.0)
    difference = torch.linalg.inv(within) - torch.linalg.inv(correlation)
    constant = 0.5 * (torch.linalg.slogdet(within).logabsdet - torch.linalg.slogdet(correlation).logabsdet)
    return difference, constant
