"""Gaussian total correlation: how dependent the codes are, as far as their covariance shows it.

Watanabe (1960), Information Theoretical Analysis of Multivariate Correlation; its use on codes, with Gaussians, is that
of Locatello et al. (2019), Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations,
section 5.2, arXiv:1811.12359.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma

from minebench.metrics.inputs import check_codes
from minebench.metrics.protocol import check_number
from minebench.metrics.result import MetricResult

VERSION: int = 1

_NOTED = 0.1  # nats by chance, of which a note tells


def gaussian_total_correlation(codes: ArrayLike, *, smallest: float = 1e-10) -> float:
    """Total correlation of the Gaussian with the covariance of the codes: -1/2 log det of their correlation matrix.

    It sees no dependence beyond the second moments: for codes that are not Gaussian it can lie on either side of their
    own total correlation. It needs no factors, and dead codes improve it.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``. Constant codes depend on nothing.
        smallest: Eigenvalues of the correlation matrix are counted as this at least: smaller ones are those of codes
            that determine one another.

    Returns:
        Nats, 0 or more; lower is better; 0 for uncorrelated codes. Few rows score more by chance, see ``chance_nats``.
        Codes that determine one another have no finite value: each such dependence counts as -1/2 log ``smallest``,
        11.5 nats, and the details say how many there are.

    Raises:
        ValueError: If the codes cannot be scored (see ``check_codes``) or ``smallest`` is not in (0, 1].
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Locatello et al. (2019), section 5.2. arXiv:1811.12359.
    """
    return gaussian_total_correlation_result(codes, smallest=smallest).value


def gaussian_total_correlation_result(codes: ArrayLike, *, smallest: float = 1e-10) -> MetricResult:
    """``gaussian_total_correlation`` with its parts; arguments and errors are those of it.

    Details: the linear dependences, and ``chance_nats`` of the codes that vary; None where some determine another. The
    value is not corrected by it; a note says where it is above 0.1 nats.
    """
    check_number("smallest", smallest, high=1.0, with_low=False)
    checked = check_codes(codes)
    standardized = checked.standardized()[0][:, checked.alive]
    eigenvalues = np.linalg.eigvalsh(standardized.T @ standardized / max(1, len(standardized) - 1))
    value = max(0.0, -0.5 * float(np.log(np.maximum(eigenvalues, smallest)).sum()))  # below 0 only by rounding
    dependences = int((eigenvalues < smallest).sum())
    chance = chance_nats(len(standardized), len(eigenvalues)) if not dependences else None
    details = checked.details() | {"linear_dependences": dependences, "chance_nats": chance}
    if len(standardized) <= len(eigenvalues):
        details["notes"] = ["no more rows than codes that vary: these determine one another, whatever they know"]
    elif chance is not None and chance > _NOTED:
        details["notes"] = [
            f"{len(standardized)} rows are few: for Gaussian codes the value is {chance:.2g} nats too high on average"
        ]
    return MetricResult(value, "down", details)


def chance_nats(n_samples: int, n_codes: int) -> float | None:
    """How much too high the score of Gaussian codes is on average because their correlations are those of a sample.

    The sample's covariance is a Wishart matrix of n = ``n_samples`` - 1 degrees of freedom, of whose log determinant
    and log diagonal the means are known, and the covariance of the codes drops out of their difference: for codes of
    any correlation that is not singular it is half the sum over i = 0..n_codes-1 of digamma(n / 2) -
    digamma((n - i) / 2), to first order n_codes (n_codes - 1) / (4 n).

    Args:
        n_samples: Rows.
        n_codes: Codes that vary.

    Returns:
        Nats, 0 or more; ``None`` if there are no more rows than codes, where the determinant is 0.

    References:
        Bishop (2006), Pattern Recognition and Machine Learning, equation B.81: the mean log determinant.
    """
    degrees = n_samples - 1
    if degrees < n_codes:
        return None if n_codes else 0.0
    return float((digamma(degrees / 2) - digamma((degrees - np.arange(n_codes)) / 2)).sum() / 2)
