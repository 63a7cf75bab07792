"""Information of codes as far as a Gaussian fitted to them tells: total correlation, information on labels, rate.

Watanabe (1960), Information Theoretical Analysis of Multivariate Correlation; Ledoit and Wolf (2004), A
Well-Conditioned Estimator for Large-Dimensional Covariance Matrices, for the shrinkage; Anderson (2003), An
Introduction to Multivariate Statistical Analysis, 7.5.2, for the moments of log det of a Wishart matrix. Unit: nats.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Gaussian
from minebench.minevae.code_batch import CodeBatch, needed
from minebench.minevae.groups import Groups, group_numbers

Correction = Literal["raw", "debiased", "shrunk"]
Kind = Literal["mean", "sample"]


class GaussianTotalCorrelation:
    """Total correlation of the Gaussian that is fitted to a batch of codes.

    Args:
        kind: Fit to posterior ``mean``s, or to a ``sample`` of each posterior.
        correction: ``raw``; ``debiased``: less the bias that it has on Gaussian samples; ``shrunk``: the covariance of
            the standardised codes is drawn towards the identity, by Ledoit and Wolf.
        groups: Between which the correlation is measured; default: each code on its own.
    """

    def __init__(self, kind: Kind, correction: Correction = "raw", groups: Groups | None = None) -> None:
        self.kind, self.correction, self.groups = kind, correction, groups

    @torch.no_grad()
    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats."""
        return self.model_gradient(batch)

    def critic_loss(self, batch: CodeBatch) -> None:
        """None: there is no critic."""

    def model_gradient(self, batch: CodeBatch) -> Tensor:
        """The estimate with its gradient to samples or means.

        Raises:
            ValueError: If means are asked for and the batch lacks ``posterior``.
        """
        codes = batch.z if self.kind == "sample" else needed(batch.posterior, "posterior").mean
        return fitted_total_correlation(codes, self.groups, correction=self.correction)


def fitted_total_correlation(codes: Tensor, groups: Groups | None = None, *, correction: Correction = "raw") -> Tensor:
    """1/2 [sum_g log det Sigma_g - log det Sigma] of the fitted covariance.

    Args:
        codes: Shape (..., n, D), n > D unless shrunk.
        groups: Default: each code on its own.
        correction: See ``GaussianTotalCorrelation``. The bias of ``raw`` on n Gaussian samples is, with
            h(p) = sum_{i <= p} digamma((n - i) / 2), exactly 1/2 [sum_g h(D_g) - h(D)]; codes of another distribution
            have another.

    Returns:
        Nats, shape (...), with gradient. Not below 0 unless debiased. Not finite where codes determine one another.

    Raises:
        ValueError: If there are too few samples for a covariance of full rank.
    """
    n, dim = codes.shape[-2:]
    if n <= dim and correction != "shrunk":
        raise ValueError(f"a fit to {dim} codes needs more than {dim} samples; got {n}: pass more, or use 'shrunk'")
    centred = codes.double() - codes.double().mean(-2, keepdim=True)
    standard = centred / centred.square().mean(-2, keepdim=True).sqrt().clamp(min=1e-12)
    covariance = standard.mT @ standard / n
    if correction == "shrunk":
        covariance = shrink(covariance, shrinkage(standard))
    value = covariance_total_correlation(covariance, groups)
    return (value - wishart_bias(n, dim, groups) if correction == "debiased" else value).to(codes.dtype)


def covariance_total_correlation(covariance: Tensor, groups: Groups | None = None) -> Tensor:
    """Total correlation of N(0, covariance), shape (..., D, D), between groups: nats, shape (...)."""
    numbers = torch.as_tensor(group_numbers(groups, covariance.shape[-1]), device=covariance.device)
    if groups is None:
        within = covariance.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    else:
        outside = numbers[:, None] != numbers[None]
        within = _log_det(covariance.masked_fill(outside, 0.0))  # of the blocks on the diagonal
    return 0.5 * (within - _log_det(covariance))


def wishart_bias(n: int, dim: int, groups: Groups | None = None) -> float:
    """Mean of the raw fit to ``n`` Gaussian samples less the truth: see ``fitted_total_correlation``."""
    degrees = (n - torch.arange(1, dim + 1, dtype=torch.float64)) / 2
    terms = torch.special.digamma(degrees)
    sizes = torch.bincount(torch.as_tensor(group_numbers(groups, dim)))
    within = torch.stack([terms[:size].sum() for size in sizes.tolist()]).sum()
    return 0.5 * float(within - terms.sum())


def shrinkage(standard: Tensor) -> Tensor:
    """Ledoit and Wolf's weight of the target, in [0, 1], of centred codes (..., n, D): shape (...)."""
    n, dim = standard.shape[-2:]
    covariance = standard.mT @ standard / n
    level = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)
    squared = covariance.square().sum((-2, -1))
    distance = squared - dim * level.square()  # |S - level I|^2
    noise = (standard.square().sum(-1).square().mean(-1) - squared) / n
    return (noise / distance.clamp(min=1e-12)).clamp(0, 1)


def shrink(covariance: Tensor, weight: Tensor) -> Tensor:
    """(1 - weight) covariance + weight x its mean variance x I."""
    level = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return (1 - weight)[..., None, None] * covariance + (weight * level)[..., None, None] * identity


class GaussianFitEstimator(nn.Module):
    """What Gaussians fitted to the last codes tell of labels, rate and total correlation.

    It keeps the last ``n_samples`` posteriors (and labels). Covariances are those of posterior means, shrunk by Ledoit
    and Wolf; the posteriors' own variance S = diag E[s^2] is added where a channel is meant.

    Args:
        latent_dim: D.
        n_factors: K, the number of labels that come with a code.
        n_samples: How many are kept (``gaussian_fit_samples``).
    """

    means: Tensor
    variances: Tensor
    labels: Tensor
    n_seen: Tensor

    def __init__(self, latent_dim: int, n_factors: int = 0, n_samples: int = 1000) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(n_samples, latent_dim))
        self.register_buffer("variances", torch.ones(n_samples, latent_dim))
        self.register_buffer("labels", torch.full((n_samples, n_factors), -1, dtype=torch.int64))
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def add(self, posterior: Gaussian, labels: Tensor | None = None) -> None:
        """Remember posteriors, the oldest making room.

        Args:
            posterior: Arrays of shape (n, D).
            labels: Value indices, int64, shape (n, K), -1 where unknown; default: all unknown.
        """
        capacity = len(self.means)
        keep = slice(max(0, len(posterior.mean) - capacity), None)
        mean, variance = posterior.mean[keep].detach().float(), posterior.logvar[keep].detach().float().exp()
        places = (self.n_seen + torch.arange(len(mean), device=mean.device)) % capacity
        self.means[places], self.variances[places] = mean, variance
        self.labels[places] = -1 if labels is None else labels[keep]
        self.n_seen += len(mean)

    @torch.no_grad()
    def information(self, columns: list[int] | None = None) -> Tensor:
        """1/2 [log det(B + W + S) - log det(W + S)]: what codes tell of each label, if all is Gaussian.

        W is the covariance about the mean of the codes of the same value, pooled over values and shrunk; B, that of
        those means, is not: where the codes' covariance is near the identity, a shrunk Sigma = B + W would be the
        identity itself, and tell of nothing. So no information is negative.

        Args:
            columns: The codes that are meant; default: all.

        Returns:
            Nats, not below 0, shape (K,); 0 where fewer than two codes have that label.
        """
        means, variances, labels = self._held(columns)
        found = []
        for label in labels.T:
            known = label >= 0
            if int(known.sum()) < 2:
                found.append(means.new_zeros(()))
                continue
            mean_of_row, between = _value_means(means[known], label[known])
            apart = means[known] - mean_of_row
            within = shrink(apart.T @ apart / len(apart), shrinkage(apart)) + torch.diag(variances[known].mean(0))
            information = 0.5 * (_log_det(within + between) - _log_det(within))
            found.append(information.clamp(min=0))  # below 0 only by rounding
        return torch.stack(found) if found else means.new_zeros(0)

    @torch.no_grad()
    def rate(self, columns: list[int] | None = None, *, noise_variance: float | None = None) -> Tensor:
        """1/2 log det(I + Sigma / s0^2): the rate of the Gaussian channel from the codes' means to the codes.

        Args:
            columns: The codes that are meant; default: all.
            noise_variance: s0^2; default: each code's own mean posterior variance.

        Returns:
            Nats, not below 0, a scalar; 0 before two codes were seen.
        """
        means, variances, _ = self._held(columns)
        if len(means) < 2 or not means.shape[1]:
            return means.new_zeros(())
        spread = variances.mean(0) if noise_variance is None else torch.full_like(variances[0], noise_variance)
        scaled = (means - means.mean(0)) / spread.sqrt()
        covariance = shrink(scaled.T @ scaled / len(scaled), shrinkage(scaled))
        identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        return 0.5 * _log_det(identity + covariance).clamp(min=0)

    @torch.no_grad()
    def total_correlation(self, kind: Kind = "mean", groups: Groups | None = None) -> Tensor:
        """Total correlation of the fit, shrunk: of posterior ``mean``s, or of ``sample``s (their covariance plus S)."""
        means, variances, _ = self._held(None)
        centred = means - means.mean(0)
        covariance = shrink(centred.T @ centred / len(means), shrinkage(centred))
        noise = torch.diag(variances.mean(0)) if kind == "sample" else torch.zeros_like(covariance)
        return covariance_total_correlation(covariance + noise, groups)

    def _held(self, columns: list[int] | None) -> tuple[Tensor, Tensor, Tensor]:
        """What was seen, in double precision."""
        n = min(int(self.n_seen), len(self.means))
        chosen = slice(None) if columns is None else columns
        return self.means[:n, chosen].double(), self.variances[:n, chosen].double(), self.labels[:n]


def _value_means(codes: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of each row's value, shape (n, D), and the covariance of those means over the rows, (D, D)."""
    sums = codes.new_zeros(int(label.max()) + 1, codes.shape[1]).index_add(0, label, codes)
    mean_of_row = (sums / torch.bincount(label).clamp(min=1)[:, None])[label]
    centred = mean_of_row - codes.mean(0)
    return mean_of_row, centred.T @ centred / len(codes)


def _log_det(matrix: Tensor) -> Tensor:
    """Log determinant of symmetric positive matrices; -inf where one is singular."""
    log_det: Tensor = torch.linalg.slogdet(matrix).logabsdet
    return log_det
