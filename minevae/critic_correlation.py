"""Total correlation by critics: of the joint distribution against the product, or as a sum of mutual informations.

The sums are those of Bai et al. (2023), Estimating Total Correlation with Mutual Information Estimators,
arXiv:2011.04794: along a line, TC = sum_g I(z_1..z_(g-1); z_g), and along a tree, TC(z) = I(z_left; z_right) +
TC(z_left) + TC(z_right). Each of the G - 1 informations is smaller than the whole, and so easier on a critic.
"""

from typing import Literal

from torch import Tensor, nn

from minebench.baselines.contract import Noise
from minebench.minevae.code_batch import CodeBatch, needed
from minebench.minevae.groups import Groups, group_numbers, random_order
from minebench.minevae.mutual_information import Branches, MutualInformationEstimator

Structure = Literal["whole", "line", "tree"]
Split = tuple[tuple[int, ...], tuple[int, ...]]


class CriticTotalCorrelation(nn.Module):
    """One critic for the whole, on joint samples and on those whose groups were permuted.

    Args:
        estimator: Of one pair, for rows of D codes.
        branches: Of the gradient, see ``MutualInformationEstimator.model_gradient``.
    """

    def __init__(self, estimator: MutualInformationEstimator, branches: Branches = "both") -> None:
        super().__init__()
        self.estimator, self.branches = estimator, branches

    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats."""
        return self.estimator.value(batch.z, needed(batch.product, "product")).sum()

    def critic_loss(self, batch: CodeBatch) -> Tensor:
        """What the critic minimises."""
        return self.estimator.critic_loss(batch.z, needed(batch.product, "product"))

    def model_gradient(self, batch: CodeBatch) -> Tensor:
        """The estimate with its gradient to the codes.

        Raises:
            ValueError: If the batch lacks ``product``.
        """
        product = needed(batch.product, "product")
        return self.estimator.model_gradient(batch.z, product, branches=self.branches).sum()


class SplitTotalCorrelation(nn.Module):
    """A critic for each split of a line or tree of groups; all are scored in one batched product.

    Args:
        estimator: Of as many pairs as ``splits`` has, for rows of D codes.
        splits: From ``line_splits`` or ``tree_splits``.
        branches: Of the gradient, see ``MutualInformationEstimator.model_gradient``.
    """

    def __init__(self, estimator: MutualInformationEstimator, splits: list[Split], branches: Branches = "both") -> None:
        super().__init__()
        self.estimator, self.splits, self.branches = estimator, splits, branches

    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats."""
        return self.estimator.value(*self._rows(batch)).sum()

    def critic_loss(self, batch: CodeBatch) -> Tensor:
        """What the critics minimise: the sum over splits."""
        return self.estimator.critic_loss(*self._rows(batch))

    def model_gradient(self, batch: CodeBatch) -> Tensor:
        """The estimate with its gradient to the codes.

        Raises:
            ValueError: If the batch lacks ``noise``.
        """
        return self.estimator.model_gradient(*self._rows(batch), branches=self.branches).sum()

    def _rows(self, batch: CodeBatch) -> tuple[Tensor, Tensor]:
        return split_rows(batch.z, self.splits, needed(batch.noise, "noise"))


def split_rows(z: Tensor, splits: list[Split], noise: Noise) -> tuple[Tensor, Tensor]:
    """Joint and product samples of each split: the second side comes from another row; codes of neither side are 0.

    Args:
        z: Codes, shape (..., M, D); sets that are stacked in front share one permutation.
        splits: From ``line_splits`` or ``tree_splits``.
        noise: Source of the order of rows.

    Returns:
        Two arrays of shape (..., splits, M, D).
    """
    masks = z.new_zeros(2, len(splits), 1, z.shape[-1])
    for number, split in enumerate(splits):
        for side in (0, 1):
            masks[side, number, 0, list(split[side])] = 1
    first, second = masks
    order = random_order(z.shape[-2], noise)
    rows = z[..., None, :, :]
    return rows * (first + second), rows[..., order, :] * first + rows[..., order.roll(1), :] * second


def line_splits(dim: int, groups: Groups | None = None) -> list[Split]:
    """Each group against all before it: G - 1 splits.

    Raises:
        ValueError: If there are fewer than two groups, or they do not hold each column once.
    """
    held = _columns_by_group(dim, groups)
    return [(tuple(column for group in held[:g] for column in group), held[g]) for g in range(1, len(held))]


def tree_splits(dim: int, groups: Groups | None = None) -> list[Split]:
    """Halves against halves, down to single groups: G - 1 splits.

    Raises:
        ValueError: If there are fewer than two groups, or they do not hold each column once.
    """
    splits, open_parts = [], [_columns_by_group(dim, groups)]
    while open_parts:
        part = open_parts.pop()
        if len(part) < 2:
            continue
        halves = part[: len(part) // 2], part[len(part) // 2 :]
        left, right = (tuple(column for group in half for column in group) for half in halves)
        splits.append((left, right))
        open_parts += halves
    return splits


def _columns_by_group(dim: int, groups: Groups | None) -> list[tuple[int, ...]]:
    numbers = group_numbers(groups, dim)
    n_groups = max(numbers) + 1
    if n_groups < 2:
        raise ValueError("a total correlation lies between two groups or more; got one")
    return [tuple(column for column in range(dim) if numbers[column] == group) for group in range(n_groups)]
