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
        models gives the same distance), else 1 / prod_d.
    """
    sizes = [(len(a), len(b)) for a, b in zip(first, second, strict=True)]
    return (2 if all(n == m for n, m in sizes) else 1) / math.prod(math.comb(n + m, n) for n, m in sizes)


def permutation_test(first: ArrayLike | Sequence[ArrayLike], second: ArrayLike | Sequence[ArrayLike]) -> float | None:
    """Exact permutation test of the difference of means, stratified over data sets.

    All ways of dealing the seeds of each data set to the two models are counted: the data
    sets are split in two halves, each enumerated, and joined by binary search.

    Args:
        first: Seeds of one model, as in ``estimate``.
        second: Seeds of the other, on the same data sets.

    Returns:
        Share of the arrangements at least as far from zero as the one observed; None if there
        are too many to count.
    """
    a, b = as_strata(first), as_strata(second)
    counts = [math.comb(len(x) + len(y), len(x)) for x, y in zip(a, b, strict=True)]
    halves = _halves(counts)
    if max(math.prod(half) for half in halves) > MAX_ARRANGEMENTS:
        return None
    parts = [_arrangements(x, y) for x, y in zip(a, b, strict=True)]
    left, right = _sums(parts[: len(halves[0])]), _sums(parts[len(halves[0]) :])
    observed = abs(sum(x.mean() - y.mean() for x, y in zip(a, b, strict=True)))
    scale = max(float(np.abs(values).max()) for values in (*a, *b))
    reach = observed - 1e-12 * max(scale, observed)  # sums that differ by rounding are equal
    if reach <= 0:
        return 1.0
    return _count_beyond(left, right, reach) / (len(left) * len(right))


def _count_beyond(left: np.ndarray, right: np.ndarray, reach: float) -> int:
    """How many sums of an entry of each are at least ``reach`` from zero."""
    if len(left) == 1:  # one data set: no need to sort
        return int(np.count_nonzero(np.abs(left[0] + right) >= reach))
    ordered = np.sort(right)
    above = len(right) - np.searchsorted(ordered, reach - left, side="left")
    return int((above + np.searchsorted(ordered, -reach - left, side="right")).sum())


def _halves(counts: list[int]) -> tuple[list[int], list[int]]:
    """Data sets in two runs whose numbers of arrangements are as equal as can be."""
    split = min(range(len(counts) + 1), key=lambda k: max(math.prod(counts[:k]), math.prod(counts[k:])))
    return counts[:split], counts[split:]


def _arrangements(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference of means for every choice of ``len(first)`` seeds out of all."""
    values = np.concatenate([first, second])
    sums = _choices(len(values), len(first)) @ values
    return np.asarray(sums / len(first) - (values.sum() - sums) / len(second))


@functools.cache
def _choices(n: int, k: int) -> np.ndarray:
    """All k of n as rows of zeros and ones, shape (C(n, k), n); the same for every pair of a table."""
    chosen = np.array(list(itertools.combinations(range(n), k)))
    rows = np.zeros((len(chosen), n))
    np.put_along_axis(rows, chosen, 1.0, axis=1)
    return rows


def _sums(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Every sum of one entry from each part."""
    total = np.zeros(1)
    for part in parts:
        total = np.add.outer(total, part).ravel()
    return total
