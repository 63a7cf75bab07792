"""Modularity: does each code depend on one factor only?

Ridgeway and Mozer (2018), Learning Deep Disentangled Embeddings with the F-Statistic Loss, section 3, arXiv:1802.05312.
"""

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.information import Binning, JointInformation, joint_information
from minebench.metrics.result import MetricResult

VERSION: int = 1


def modularity(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> float:
    """How close each code comes to knowing one factor and nothing of the others.

    With t the largest mutual information of a code and a factor, and m those with the other factors:
    1 - sum(m^2) / (t^2 (n_factors - 1)), averaged over the codes. A code that knows nothing of any factor scores 0;
    constant codes do not count (the paper's quotient is 0 / 0 there). The score is relative to t, so it does not say
    how much is known: noise scores far above 0, because its chance information differs from factor to factor, and
    factors coded twice or not at all go unseen. Read it together with explicitness.

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
        Ridgeway and Mozer (2018), section 3. arXiv:1802.05312.
    """
    return modularity_result(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins).value


def modularity_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``modularity`` with its parts; arguments and errors are those of ``modularity``."""
    return modularity_from_information(
        joint_information(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins)
    )


def modularity_from_information(information: JointInformation) -> MetricResult:
    """``modularity`` from joint counts that another metric has already paid for.

    Args:
        information: From ``joint_information``.

    Returns:
        The score; ``details`` has the modularity and the best factor of each code, ``None`` for constant codes.

    Raises:
        ValueError: If fewer than two factors vary.
    """
    inputs, mutual = information.inputs, information.mutual
    inputs.need_factors(2)
    best = mutual.max(axis=1)
    knows = best > 1e-12  # less is rounding
    relative = mutual / np.where(knows, best, 1.0)[:, None]
    leak = ((relative**2).sum(axis=1) - 1) / (mutual.shape[1] - 1)
    score = np.where(knows, 1 - leak, 0.0)
    details = inputs.details() | {
        "code_modularity": [float(s) if alive else None for s, alive in zip(score, inputs.alive, strict=True)],
        "code_factor": [
            inputs.kept_factors[k] if alive else None
            for k, alive in zip(mutual.argmax(axis=1), inputs.alive, strict=True)
        ],
    }
    return MetricResult(float(score[inputs.alive].mean()) if inputs.alive.any() else 0.0, "up", details)
