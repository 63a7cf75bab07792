"""Total correlation from distances to nearest neighbours.

Kraskov, Stögbauer and Grassberger (2004), Estimating Mutual Information, section II.E (the redundancy of m variables,
first algorithm), Physical Review E 69, arXiv:cond-mat/0305641.
"""

import torch
from torch import Tensor

from minebench.minevae.code_batch import CodeBatch
from minebench.minevae.groups import Groups, group_numbers

MAX_CODES = 5


class NearestNeighbourTotalCorrelation:
    """The estimate of Kraskov et al.; it has no critic and no gradient.

    Args:
        k: Which neighbour sets the scale of a point.
        groups: Between which the correlation is measured; default: each code on its own.
    """

    def __init__(self, k: int = 3, groups: Groups | None = None) -> None:
        self.k, self.groups = k, groups

    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats; see ``neighbour_total_correlation``."""
        return neighbour_total_correlation(batch.z, k=self.k, groups=self.groups)

    def critic_loss(self, batch: CodeBatch) -> None:
        """None: there is no critic."""

    def model_gradient(self, batch: CodeBatch) -> Tensor:  # noqa: ARG002 -- the interface
        """Refused: the estimate counts neighbours.

        Raises:
            ValueError: Always.
        """
        raise ValueError("the nearest-neighbour estimate counts, so it has no gradient; train with another estimator")


@torch.no_grad()
def neighbour_total_correlation(z: Tensor, *, k: int = 3, groups: Groups | None = None) -> Tensor:
    """digamma(k) + (G - 1) digamma(M) - mean over rows of sum_g digamma(n_g + 1).

    n_g counts the rows whose group g lies nearer, in the largest difference of a column, than the k-th neighbour does
    over all columns. Costs M^2 x D operations and M^2 x G memory.

    Args:
        z: Codes, shape (M, D), M > k, D at most 5: in more dimensions the estimate is far too low. Ties between equal
            values break it; continuous codes have none.
        k: Which neighbour sets the scale.
        groups: Default: each code on its own.

    Returns:
        Nats, a scalar; below 0 by chance.

    Raises:
        ValueError: If there are too many codes or too few rows.
    """
    n, dim = z.shape
    if dim > MAX_CODES:
        raise ValueError(f"nearest neighbours serve up to {MAX_CODES} codes; got {dim}: use another estimator")
    if n <= k:
        raise ValueError(f"the {k}-th neighbour needs more than {k} rows; got {n}")
    numbers = torch.as_tensor(group_numbers(groups, dim))
    n_groups = int(numbers.max()) + 1
    columns = [z[:, numbers == group] for group in range(n_groups)]
    distances = torch.stack([torch.cdist(column, column, p=torch.inf) for column in columns])  # (G, M, M)
    distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    radius = distances.amax(0).kthvalue(k, dim=1).values
    nearer = (distances < radius[None, :, None]).sum(2)
    digamma = torch.special.digamma
    of_k, of_n = digamma(torch.tensor([float(k), float(n)], dtype=torch.float64))
    value: Tensor = of_k + (n_groups - 1) * of_n - digamma(nearer.double() + 1).sum(0).mean()
    return value.to(z.dtype)
