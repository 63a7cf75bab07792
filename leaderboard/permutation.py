"""The exact permutation test of two models over a few seeds, stratified over data sets.

References:
    Fisher (1935), The Design of Experiments, section 21.
    Ernst (2004), Permutation Methods: A Basis for Exact Inference. Statistical Science 19(4).
"""

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from minebench.leaderboard.statistics import as_strata

MAX_ARRANGEMENTS = 200_000  # of one half of the data sets; beyond, the exact test would take minutes


def smallest_p(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """The least p that the exact permutation test can give with these numbers of seeds.

    Args:
        first: One array of seeds for each data set.
        second: The same for the other model.

    Returns:
        2 / prod_d C(n_d + m_d, n_d) where n_d = m_d on every data set (exchanging the two
        models gives the same distance), else 1 / prod_d; 1 if there are more arrangements
        than are worth counting.
    """
    sizes = [(len(a), len(b)) for a, b in zip(first, second, strict=True)]
    counts = [math.comb(n + m, n) for n, m in sizes]
    if any(math.prod(half) > MAX_ARRANGEMENTS for half in _halves(counts)):
        return 1.0
    return (2 if all(n == m for n, m in sizes) else 1) / math.prod(counts)


def permutation_test(first: ArrayLike | Sequence[ArrayLike], second: ArrayLike | Sequence[ArrayLike]) -> float:
    """Exact permutation test of the difference of means, stratified over data sets.

    All ways of dealing the seeds of each data set to the two models are counted: the data
    sets are split in two halves, each enumerated, and joined by binary search.

    Args:
        first: Seeds of one model, as in ``estimate``.
        second: Seeds of the other, on the same data sets.

    Returns:
        Share of the arrangements at least as far from zero as the one observed.
    """
    a, b = as_strata(first), as_strata(second)
    counts = [math.comb(len(x) + len(y), len(x)) for x, y in zip(a, b, strict=True)]
    split = len(_halves(counts)[0])
    parts = [_arrangements(x, y) for x, y in zip(a, b, strict=True)]
    left, right = _sums(parts[:split]), np.sort(_sums(parts[split:]))
    observed = abs(sum(x.mean() - y.mean() for x, y in zip(a, b, strict=True)))
    scale = max(float(np.abs(values).max()) for values in (*a, *b))
    reach = observed - 1e-12 * max(scale, observed)  # sums that differ by rounding are equal
    above = len(right) - np.searchsorted(right, reach - left, side="left")
    below = np.searchsorted(right, -reach - left, side="right")
    extreme = int((above + below).sum()) if reach > 0 else len(left) * len(right)
    return extreme / (len(left) * len(right))


def _halves(counts: list[int]) -> tuple[list[int], list[int]]:
    """Data sets in two runs whose numbers of arrangements are as equal as can be."""
    split = min(range(len(counts) + 1), key=lambda k: max(math.prod(counts[:k]), math.prod(counts[k:])))
    return counts[:split], counts[split:]


def _arrangements(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference of means for every choice of ``len(first)`` seeds out of all."""
    values = np.concatenate([first, second])
    sums = values[_choices(len(values), len(first))].sum(axis=1)
    return np.asarray(sums / len(first) - (values.sum() - sums) / len(second))


@functools.cache
def _choices(n: int, k: int) -> np.ndarray:
    """All k of n, shape (C(n, k), k); the same for every pair of a table."""
    return np.array(list(itertools.combinations(range(n), k)))


def _sums(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Every sum of one entry from each part."""
    total = np.zeros(1)
    for part in parts:
        total = np.add.outer(total, part).ravel()
    return total
