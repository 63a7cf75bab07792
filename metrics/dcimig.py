"""DCIMIG, which its authors call 3CharM: gaps per code, of which each factor keeps its best.

Sepliarskaia, Kiseleva and de Rijke (2019), How to Not Measure Disentanglement, section 5, arXiv:1910.05587. Gaps are
in nats and their sum is divided by the sum of the entropies, as in the paper; dividing each mutual information by its
factor's entropy first, as some do, gives a small factor the weight of a large one.
"""

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.information import Binning, JointInformation, joint_information
from minebench.metrics.result import MetricResult

VERSION: int = 1


def dcimig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> float:
    """How much of the factors is told by codes that tell nothing else.

    The gap of a code is its largest mutual information with a factor minus its second largest, and belongs to the
    factor of the largest. Each factor keeps the largest gap of the codes that belong to it, 0 if there is none; the
    score is the sum of these over the sum of the factors' entropies. Blind to factors coded twice and to codes of
    noise.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``; at least two must vary.
        n_bins: Bins per code.
        binning: ``"width"`` as in the literature; ``"quantile"`` does not penalise a monotone distortion.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        A value in [0, 1]; higher is better; 0 if all codes are constant. Constant factors do not count.

    Raises:
        ValueError: If the inputs cannot be scored (see ``joint_information``) or fewer than two factors vary.
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Sepliarskaia et al. (2019), section 5. arXiv:1910.05587.
    """
    return dcimig_result(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins).value


def dcimig_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``dcimig`` with its parts; arguments and errors are those of ``dcimig``."""
    return dcimig_from_information(
        joint_information(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins)
    )


def dcimig_from_information(information: JointInformation) -> MetricResult:
    """``dcimig`` from joint counts that another metric has already paid for.

    Args:
        information: From ``joint_information``.

    Returns:
        The score; ``details`` has, per factor, the gap in nats that it keeps, the code it is from (``None`` without
        one) and the entropy.

    Raises:
        ValueError: If fewer than two factors vary.
    """
    mutual = information.mutual
    information.inputs.need_factors(2)
    second, best = np.sort(mutual, axis=1)[:, -2:].T
    gap = np.zeros_like(mutual)  # (codes, factors): a code's gap stands at its best factor
    gap[np.arange(len(mutual)), mutual.argmax(axis=1)] = best - second
    kept = gap.max(axis=0)
    details = information.inputs.details() | {
        "gap_nats": kept.tolist(),
        "best_code": [int(d) if gap[d, k] > 1e-12 else None for k, d in enumerate(gap.argmax(axis=0))],
        "factor_entropy": information.factor_entropy.tolist(),
    }
    return MetricResult(float(kept.sum() / information.factor_entropy.sum()), "up", details)
