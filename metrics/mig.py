"""Mutual information gap (MIG).

Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders, section 4, arXiv:1802.04942.
"""

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.information import Binning, JointInformation, joint_information
from minebench.metrics.result import MetricResult

VERSION: int = 1


def mig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> float:
    """How much better the best code knows a factor than the second best does.

    For each factor: the largest mutual information with a code, minus the second largest, divided by the factor's
    entropy. The score is the mean over factors.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        n_bins: Bins per code.
        binning: ``"width"`` as in the literature; ``"quantile"`` does not penalise a monotone distortion.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        A value in [0, 1]; higher is better. Constant factors do not count.

    Raises:
        ValueError: If the inputs cannot be scored (see ``joint_information``).
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Chen et al. (2018), section 4. arXiv:1802.04942.
    """
    return mig_result(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins).value


def mig_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``mig`` with its parts; arguments and errors are those of ``mig``."""
    return mig_from_information(
        joint_information(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins)
    )


def mig_from_information(information: JointInformation) -> MetricResult:
    """``mig`` from joint counts that another metric has already paid for.

    Args:
        information: From ``joint_information``.

    Returns:
        The score; ``details`` has the gap, the two best codes and the entropy of each factor.
    """
    ranked = np.argsort(information.mutual, axis=0, kind="stable")
    second, best = np.take_along_axis(information.mutual, ranked[-2:], axis=0)
    gap = (best - second) / information.factor_entropy
    details = information.inputs.details() | {
        "gap": gap.tolist(),
        "best_code": ranked[-1].tolist(),
        "second_code": ranked[-2].tolist(),
        "best_information": best.tolist(),
        "factor_entropy": information.factor_entropy.tolist(),
    }
    return MetricResult(float(gap.mean()), "up", details)
