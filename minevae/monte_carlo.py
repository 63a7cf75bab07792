"""Total correlation by Monte Carlo over posteriors: of a minibatch, of the whole data, of a part of it.

The first are those of Chen et al. (2018), arXiv:1802.04942 (see ``baselines.total_correlation``). The other two sum the
mixture q(z) = 1/N sum_n q(z|x_n) out over all its components, or over a random part of them and the sample's own.
"""

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from minebench.baselines.contract import Gaussian
from minebench.baselines.total_correlation import Estimator, log_density_matrix, minibatch_total_correlation
from minebench.minevae.code_batch import CodeBatch, needed
from minebench.minevae.groups import Groups, group_numbers, sum_groups

CACHED = 2**17  # numbers in an array of samples x components x codes


class MinibatchTotalCorrelation:
    """Minibatch-weighted or -stratified sampling.

    Args:
        estimator: ``mws``, ``mss`` or ``mss_loo``.
        groups: Between which the correlation is measured; default: each code on its own.
    """

    def __init__(self, estimator: Estimator, groups: Groups | None = None) -> None:
        self.estimator, self.groups = estimator, groups

    @torch.no_grad()
    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats; that of ``mws`` has an offset of up to (groups - 1) log N."""
        return self.model_gradient(batch)

    def critic_loss(self, batch: CodeBatch) -> None:
        """None: there is no critic."""

    def model_gradient(self, batch: CodeBatch) -> Tensor:
        """The estimate with its gradient to samples and posteriors.

        Raises:
            ValueError: If the batch lacks ``posterior`` or ``n_images``.
        """
        log_density = log_density_matrix(batch.z, needed(batch.posterior, "posterior"))
        n_images = needed(batch.n_images, "n_images")
        return minibatch_total_correlation(
            log_density, n_images, estimator=self.estimator, blocks=_non_empty(self.groups)
        )


class MixtureTotalCorrelation:
    """The mixture of all posteriors, or of a random part of them, summed out.

    Args:
        groups: Between which the correlation is measured; default: each code on its own.
        share: Part of the components that is used, in (0, 1]. Below 1 a sample's own component keeps its weight 1 / N
            and the drawn ones stand for all others.

    Raises:
        ValueError: If the share is not in (0, 1].
    """

    def __init__(self, groups: Groups | None = None, *, share: float = 1.0) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share of the components lies in (0, 1]; got {share}")
        self.groups, self.share = groups, share

    @torch.no_grad()
    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats: for a share of 1 unbiased for TC(q_N)."""
        return self.model_gradient(batch)

    def critic_loss(self, batch: CodeBatch) -> None:
        """None: there is no critic."""

    def model_gradient(self, batch: CodeBatch) -> Tensor:
        """The estimate with its gradient to samples and components.

        Raises:
            ValueError: If the batch lacks ``population``, or for a share below 1 ``posterior``, ``rows`` or ``noise``.
        """
        population = needed(batch.population, "population")
        if self.share == 1:
            return mixture_log_ratio(batch.z, population, groups=self.groups).mean()
        return self._partial_log_ratio(batch, population).mean()

    def _partial_log_ratio(self, batch: CodeBatch, population: Gaussian) -> Tensor:
        n, noise, rows = len(population.mean), needed(batch.noise, "noise"), needed(batch.rows, "rows")
        drawn = noise.uniform((n,)).argsort()[: max(2, round(self.share * n))]
        part = Gaussian(population.mean[drawn], population.logvar[drawn])
        is_own = rows[:, None] == drawn[None]  # (M, drawn)
        sums = _log_sums(batch.z, part, self.groups, leave_out=is_own)
        others = sums - (len(drawn) - is_own.sum(1).double()).log()[:, None] + math.log1p(-1 / n)
        own = _own_log_density(batch.z, needed(batch.posterior, "posterior"))
        own_logs = torch.cat([own.sum(1, keepdim=True), sum_groups(own, self.groups)], 1).double() - math.log(n)
        logs = torch.logaddexp(others, own_logs)
        return logs[:, 0] - logs[:, 1:].sum(1)


def mixture_log_ratio(
    z: Tensor, components: Gaussian, *, groups: Groups | None = None, chunk: int | None = None
) -> Tensor:
    """The log ratio log q(z) - sum_g log q(z_g) of samples under an equal mixture of diagonal Gaussians.

    Costs S x N x D operations and S x chunk x D memory, also with gradients (chunks are computed again for them).

    Args:
        z: Samples, shape (S, D).
        components: The N components, arrays of shape (N, D).
        groups: Default: each code on its own.
        chunk: Components taken at a time; default: as many as a cache holds, which is twice as fast as thousands.

    Returns:
        Nats, float64, shape (S,), with gradient to samples and components. Its mean over samples of the mixture is
        the total correlation of q_N.
    """
    logs = _log_sums(z, components, groups, chunk=chunk) - math.log(len(components.mean))
    return logs[:, 0] - logs[:, 1:].sum(1)


def _log_sums(
    z: Tensor, components: Gaussian, groups: Groups | None, *, leave_out: Tensor | None = None, chunk: int | None = None
) -> Tensor:
    """Log of the summed densities, of z as a whole and of each group: shape (S, 1 + groups), float64."""
    n_groups = max(group_numbers(groups, z.shape[1])) + 1
    total = torch.full((len(z), 1 + n_groups), -math.inf, dtype=torch.float64, device=z.device)

    def part(z: Tensor, mean: Tensor, logvar: Tensor, mask: Tensor | None) -> Tensor:
        log_density = log_density_matrix(z, Gaussian(mean, logvar))  # (S, chunk, D)
        both = torch.cat([log_density.sum(2, keepdim=True), sum_groups(log_density, groups)], 2)
        return torch.logsumexp(both if mask is None else both.masked_fill(mask[..., None], -math.inf), 1).double()

    chunk = chunk or max(16, CACHED // z.numel())
    needs_graph = torch.is_grad_enabled() and any(x.requires_grad for x in (z, *components))
    for start in range(0, len(components.mean), chunk):
        rows = slice(start, start + chunk)
        mask = None if leave_out is None else leave_out[:, rows]
        inputs = (z, components.mean[rows], components.logvar[rows], mask)
        sums = checkpoint(part, *inputs, use_reentrant=False) if needs_graph else part(*inputs)
        total = torch.logaddexp(total, sums)
    return total


def _own_log_density(z: Tensor, posterior: Gaussian) -> Tensor:
    """Log densities log q(z_s[d] | x_s), shape (S, D)."""
    squared = (z - posterior.mean).square() * torch.exp(-posterior.logvar)
    return -0.5 * (squared + posterior.logvar + math.log(2 * math.pi))


def _non_empty(groups: Groups | None) -> Groups | None:
    return None if groups is None else [group for group in groups if len(group)]
