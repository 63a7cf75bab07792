"""Differences between two models that share their seeds: same data order, same noise, one thing changed.

Of two runs from one seed the difference is taken first, so that what a seed does to both cancels. Tests between models
that share nothing stand in ``comparison.py``.

References:
    Student (1908), The Probable Error of a Mean. Biometrika 6(1), section IX: paired observations.
    Fisher (1935), The Design of Experiments, section 21: the signs of paired differences.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from minebench.leaderboard.comparison import ALPHA, holm
from minebench.leaderboard.statistics import Estimate, estimate, moments_of

MAX_SIGNS = 18  # pairs of seeds up to which all signs are counted

Seeds = Sequence[Mapping[int, float]]  # for each data set the value of each seed


@dataclass(frozen=True)
class Difference:
    """One model less another over the seeds that both have.

    Attributes:
        estimate: Mean of the differences with the plain Student's t interval; ``n`` counts pairs.
        p: Two-sided p of the paired t test; None below two pairs on a data set; 1 where all pairs differ by the same,
            so that nothing can be tested.
        exact: Two-sided p over all signs of the differences; None where it could not reject at 5 %, or there are too
            many.
        unpaired: Seeds that only one of the two has.
        holm: ``p`` corrected for all tests of the family; None before ``corrected``, and without ``p``.
    """

    estimate: Estimate
    p: float | None
    exact: float | None
    unpaired: int
    holm: float | None = None

    @property
    def separable(self) -> bool:
        """Whether the two differ at 5 % within the family."""
        return self.holm is not None and self.holm < ALPHA


def paired_difference(first: Seeds, second: Seeds) -> Difference | None:
    """The mean over data sets of the mean difference over seeds.

    Args:
        first: Of one model, on each data set; finite values.
        second: Of the other, on the same data sets.

    Returns:
        ``first`` less ``second``; None where a data set has no seed that both have.
    """
    differences = [
        np.array([a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())])
        for a, b in zip(first, second, strict=True)
    ]
    if not differences or not all(len(part) for part in differences):
        return None
    unpaired = sum(len(a.keys() ^ b.keys()) for a, b in zip(first, second, strict=True))
    found = estimate(differences)
    return Difference(found, _p(found, differences), _all_signs(differences), unpaired)


def corrected(family: Sequence[Difference | None]) -> list[Difference | None]:
    """The same differences with their p corrected by Holm's method over all of the family that can be tested."""
    tested = [one for one in family if one is not None and one.p is not None]
    adjusted = iter(holm([one.p for one in tested if one.p is not None]))
    return [one if one is None or one.p is None else dataclasses.replace(one, holm=next(adjusted)) for one in family]


def _p(found: Estimate, differences: Sequence[np.ndarray]) -> float | None:
    if found.method == "one seed":
        return None
    if found.method == "no spread":
        return 1.0
    moments = moments_of(differences)
    return float(2 * stats.t.sf(abs(moments.mean) / math.sqrt(moments.variance), moments.df))


def _all_signs(differences: Sequence[np.ndarray]) -> float | None:
    """Share of all choices of signs whose mean is at least as far from zero."""
    weighted = np.concatenate([part / len(part) for part in differences])
    if len(weighted) > MAX_SIGNS or 2.0 ** (1 - len(weighted)) >= ALPHA:
        return None
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(weighted) - 1)))  # the first sign by symmetry
    sums = np.abs(weighted[0] + signs @ weighted[1:])
    observed = abs(float(weighted.sum()))
    return float(np.mean(sums >= observed - 1e-12 * max(float(np.abs(weighted).max()), observed)))
