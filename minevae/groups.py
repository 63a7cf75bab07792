"""Groups of codes: sums within them, and samples in which they are independent of one another."""

from collections.abc import Sequence

import torch
from torch import Tensor

from minebench.baselines.contract import Noise

Groups = Sequence[Sequence[int]]


def permute_groups(z: Tensor, noise: Noise, groups: Groups | None = None) -> Tensor:
    """A batch whose groups of columns are independent of one another: each is permuted over the batch as a whole.

    Kim and Mnih (2018), FactorVAE, Algorithm 1, arXiv:1802.05983, for groups instead of single columns, and with
    permutations that never bring two groups of one row together again: the rows are put in random order, and group g
    is shifted by g. Independent permutations leave two groups of a row together in one row of M, so that a share of
    the product samples belongs to the joint distribution and no bound exceeds log M.

    Args:
        z: Codes, shape (..., M, D); sets of codes that are stacked in front share one permutation.
        noise: Source of the order.
        groups: Columns that stay together; default: each column on its own.

    Returns:
        The same values, shape (..., M, D); column j holds the values of column j. With more groups than rows, some
        groups do stay together.

    Raises:
        ValueError: If the groups do not hold each column once.
    """
    n, numbers = z.shape[-2], torch.as_tensor(group_numbers(groups, z.shape[-1]), device=z.device)
    places = (torch.arange(n, device=z.device)[:, None] + numbers) % n  # (M, D)
    return z.gather(-2, random_order(n, noise)[places].expand(z.shape))


def random_order(n: int, noise: Noise) -> Tensor:
    """A permutation of ``n`` rows, int64, shape (n,)."""
    return noise.uniform((n,)).argsort()


def sum_groups(values: Tensor, groups: Groups | None = None) -> Tensor:
    """Sums over the columns of each group: (..., D) to (..., groups); without groups the values themselves.

    Raises:
        ValueError: If the groups do not hold each column once.
    """
    numbers = group_numbers(groups, values.shape[-1])
    if groups is None:
        return values
    totals = values.new_zeros((*values.shape[:-1], max(numbers) + 1))
    return totals.index_add(-1, torch.as_tensor(numbers, device=values.device), values)


def group_numbers(groups: Groups | None, dim: int) -> list[int]:
    """The number of the group of each of ``dim`` columns; groups without columns are passed over.

    Raises:
        ValueError: If the groups do not hold each column once.
    """
    if groups is None:
        return list(range(dim))
    held = [list(group) for group in groups if len(group)]
    if sorted(column for group in held for column in group) != list(range(dim)):
        raise ValueError(f"groups must hold each of the {dim} columns once; got {held}")
    number = {column: place for place, group in enumerate(held) for column in group}
    return [number[column] for column in range(dim)]
