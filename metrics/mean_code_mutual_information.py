"""Mean mutual information between codes: how much they repeat one another, in any shape that bins can see.

Locatello et al. (2019), Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations,
section 5.2, arXiv:1811.12359.
"""

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.information import Binning, bin_codes, joint_information
from minebench.metrics.inputs import check_codes
from minebench.metrics.protocol import check_choice, check_counts
from minebench.metrics.result import MetricResult

VERSION: int = 1


def mean_code_mutual_information(codes: ArrayLike, *, n_bins: int = 20, binning: Binning = "width") -> float:
    """Mean over all pairs of codes of the mutual information of their bins.

    It needs no factors, and dead codes improve it.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``. Constant codes tell nothing.
        n_bins: Bins per code.
        binning: ``"width"`` or ``"quantile"``, see ``joint_information``.

    Returns:
        Nats, in [0, log n_bins]; lower is better. Independent codes score up to (n_bins - 1)^2 / (2 n_samples) by
        chance: 0.018 at 10,000 samples and 20 bins.

    Raises:
        ValueError: If the codes cannot be scored (see ``check_codes``), there are fewer than two, or ``n_bins`` or
            ``binning`` is not valid.
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Locatello et al. (2019), section 5.2. arXiv:1811.12359.
    """
    return mean_code_mutual_information_result(codes, n_bins=n_bins, binning=binning).value


def mean_code_mutual_information_result(
    codes: ArrayLike, *, n_bins: int = 20, binning: Binning = "width"
) -> MetricResult:
    """``mean_code_mutual_information`` with its parts; arguments and errors are those of it.

    Details: the most that a pair of codes shares, and which pair it is.
    """
    check_counts(2, n_bins=n_bins)
    check_choice("binning", binning, get_args(Binning))
    checked = check_codes(codes, min_codes=2)
    n_codes = checked.codes.shape[1]
    pairs = np.zeros((n_codes, n_codes))
    if checked.alive.any():
        # the bins of the codes that vary stand in for factors
        bins = bin_codes(checked.codes[:, checked.alive], n_bins=n_bins, binning=binning)
        found = joint_information(checked.codes, bins, n_bins=n_bins, binning=binning)
        pairs[:, np.flatnonzero(checked.alive)[list(found.inputs.kept_factors)]] = found.mutual
    above = np.triu_indices(n_codes, 1)
    largest = int(pairs[above].argmax())
    details = checked.details() | {
        "largest": float(pairs[above][largest]),
        "largest_pair": [int(above[0][largest]), int(above[1][largest])],
    }
    return MetricResult(float(pairs[above].mean()), "down", details)
