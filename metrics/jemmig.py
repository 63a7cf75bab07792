"""Joint entropy minus mutual information gap (JEMMIG), normalised so that higher is better.

Do and Tran (2020), Theory and Evaluation Metrics for Learning Disentangled Representations, section 4,
arXiv:1908.09961. The paper's raw score is in nats and lower is better; here, as is usual since, each factor's raw
score is divided by its bound H(v_k) + log(n_bins) and taken from 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.information import Binning, JointInformation, joint_information
from minebench.metrics.result import MetricResult

VERSION: int = 1


def jemmig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> float:
    """How compactly the best code of a factor tells it, and how little the second best adds.

    With z* the code that knows factor v most and z2 the next: raw = H(z*, v) - I(z*; v) + I(z2; v); the score is the
    mean over factors of 1 - raw / (H(v) + log n_bins). Collapse is rewarded: constant codes have H(z*) = 0 and beat
    noisy good ones on small factors. Read it together with ``jemmig_joint``.

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
        Do and Tran (2020), section 4. arXiv:1908.09961.
    """
    return jemmig_result(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins).value


def jemmig_joint(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> float:
    """JEMMIG divided by the joint entropy that could be reached, so that collapse earns nothing.

    The mean over factors of (2 I(z*; v) - I(z2; v)) / (H(z*) + H(v)), which is 1 - raw / (H(z*) + H(v)): the bound of
    the codes at hand in place of log n_bins.

    Args:
        codes: As in ``jemmig``.
        factors: As in ``jemmig``.
        n_bins: As in ``jemmig``.
        binning: As in ``jemmig``.
        n_factor_bins: As in ``jemmig``.

    Returns:
        A value in [0, 1]; higher is better; 0 for constant codes.

    Raises:
        ValueError: As in ``jemmig``.
        TypeError: As in ``jemmig``.
    """
    information = joint_information(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins)
    return float(_parts(information).joint.mean())


def jemmig_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``jemmig`` with its parts; arguments and errors are those of ``jemmig``."""
    return jemmig_from_information(
        joint_information(codes, factors, n_bins=n_bins, binning=binning, n_factor_bins=n_factor_bins)
    )


def jemmig_from_information(information: JointInformation) -> MetricResult:
    """``jemmig`` from joint counts that another metric has already paid for.

    Args:
        information: From ``joint_information``.

    Returns:
        The score; ``details`` has ``jemmig_joint`` and, per factor, the best code, the raw score in nats and its bound.
    """
    parts = _parts(information)
    details = information.inputs.details() | {
        "jemmig_joint": float(parts.joint.mean()),
        "best_code": parts.best_code.tolist(),
        "raw_nats": parts.raw.tolist(),
        "bound_nats": parts.bound.tolist(),
    }
    return MetricResult(float(np.mean(1 - parts.raw / parts.bound)), "up", details)


class _Parts(NamedTuple):
    best_code: NDArray[np.intp]
    raw: NDArray[np.float64]
    bound: NDArray[np.float64]
    joint: NDArray[np.float64]


def _parts(information: JointInformation) -> _Parts:
    mutual, factor_entropy = information.mutual, information.factor_entropy
    second, best = np.sort(mutual, axis=0)[-2:]
    # a tie goes to the code of smaller entropy, so that the order of the codes does not matter; dead codes never win
    contender = (mutual >= best - 1e-12) & (information.inputs.alive[:, None] | ~information.inputs.alive.any())
    best_code = np.where(contender, information.code_entropy[:, None], np.inf).argmin(axis=0)
    code_entropy = information.code_entropy[best_code]
    raw = code_entropy + factor_entropy - 2 * best + second
    return _Parts(
        best_code=best_code,
        raw=raw,
        bound=factor_entropy + np.log(information.n_bins),
        joint=(2 * best - second) / (code_entropy + factor_entropy),
    )
