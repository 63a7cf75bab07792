"""MIG-sup: the supplement of MIG that looks at each code instead of each factor.

Li et al. (2020), Progressive Learning and Disentanglement of Hierarchical Representations, section 4, arXiv:2002.10549.
Mutual information is divided by the entropy of the *factor*, as in the paper; some implementations divide the gap by
the entropy of the code, which makes the score depend on how finely a code is binned.
"""

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.information import Binning, JointInformation, joint_information
from minebench.metrics.result import MetricResult

VERSION: int = 1

_MIN_STD = 0.05  # the literature's threshold of an active posterior mean under a N(0, 1) prior, as in Z-min Var


def mig_sup(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> float:
    """How much more a code knows of its best factor than of its second best.

    With I(z_d; v_k) / H(v_k) as the share of factor k that code d tells: the largest share minus the second largest,
    averaged over the active codes. It sees codes that mix factors, to which MIG is blind, and is itself blind to
    factors coded twice or not at all; codes of noise lower it. A code is active if its standard deviation exceeds
    0.05; if none does, all non-constant codes count.

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
        Li et al. (2020), section 4. arXiv:2002.10549.
    """
    return mig_sup_result(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins).value


def mig_sup_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``mig_sup`` with its parts; arguments and errors are those of ``mig_sup``."""
    return mig_sup_from_information(
        joint_information(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins)
    )


def mig_sup_from_information(information: JointInformation) -> MetricResult:
    """``mig_sup`` from joint counts that another metric has already paid for.

    Args:
        information: From ``joint_information``.

    Returns:
        The score; ``details`` has the active codes and, for each of them, its gap and its best factor.

    Raises:
        ValueError: If fewer than two factors vary.
    """
    inputs = information.inputs
    inputs.need_factors(2)
    active, told = inputs.active_codes(inputs.standardized()[1], _MIN_STD)
    share = information.mutual[active] / information.factor_entropy
    second, best = np.sort(share, axis=1)[:, -2:].T
    details = inputs.details() | told
    details["gap"] = (best - second).tolist()
    details["best_factor"] = [inputs.kept_factors[k] for k in share.argmax(axis=1)]
    return MetricResult(float(np.mean(best - second)) if len(active) else 0.0, "up", details)
