"""Binned codes, entropies and the mutual information of every (code, factor) pair, in nats.

MIG (Chen et al. 2018, arXiv:1802.04942) and JEMMIG (Do and Tran 2020, arXiv:1908.09961) are read off the same joint
counts; ``joint_information`` counts them once for both.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from scipy.stats import rankdata

from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors, equal_width_bins

Binning = Literal["width", "quantile"]

_BLOCK = 2**18  # joint indices held at once: 2 MB, near the cache, far below the codes of a real evaluation


@dataclass(frozen=True)
class JointInformation:
    """Entropies and mutual information of codes and factors.

    Attributes:
        inputs: What was counted.
        n_bins: Bins per code.
        mutual: I(z_d; v_k) in nats, shape ``(n_codes, n_factors)``; exactly 0 for dead codes.
        code_entropy: H(binned z_d), shape ``(n_codes,)``.
        factor_entropy: H(v_k), shape ``(n_factors,)``, above 0.
    """

    inputs: CheckedInputs
    n_bins: int
    mutual: NDArray[np.float64]
    code_entropy: NDArray[np.float64]
    factor_entropy: NDArray[np.float64]


def joint_information(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    n_bins: int = 20,
    binning: Binning = "width",
    n_factor_bins: int | None = None,
) -> JointInformation:
    """Bin the codes and count them against all factors.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        n_bins: Bins per code.
        binning: ``"width"`` cuts a code's range into equal widths; ``"quantile"`` cuts its ranks, so that a monotone
            distortion of a code changes nothing.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        Plug-in entropies and mutual information in nats.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), there are fewer than two codes,
            or ``n_bins`` or ``binning`` is not valid.
    """
    inputs = check_codes_and_factors(codes, factors, min_codes=2, n_factor_bins=n_factor_bins)
    bins = np.ascontiguousarray(bin_codes(inputs.codes, n_bins=n_bins, binning=binning).T)
    code_entropy = np.array([_entropy(np.bincount(column)) for column in bins])
    factor_entropy = np.array([_entropy(np.bincount(column)) for column in inputs.factors.T])
    mutual = code_entropy[:, None] + factor_entropy - _joint_entropy(bins, inputs, n_bins)
    mutual = np.where(inputs.alive[:, None], np.maximum(mutual, 0.0), 0.0)  # below 0 only by rounding
    return JointInformation(inputs, n_bins, mutual, code_entropy, factor_entropy)


def bin_codes(codes: NDArray[np.float64], *, n_bins: int, binning: Binning = "width") -> NDArray[np.intp]:
    """Replace each code by the number of its bin.

    Args:
        codes: Finite, shape ``(n_samples, n_codes)``.
        n_bins: Bins per code, at least 2.
        binning: ``"width"`` or ``"quantile"``, see ``joint_information``. Equal values share a bin in both.

    Returns:
        Bins 0..n_bins-1, shape ``(n_samples, n_codes)``.

    Raises:
        ValueError: If ``n_bins`` is below 2 or ``binning`` is unknown.
    """
    if n_bins < 2:
        raise ValueError(f"n_bins must be at least 2; got {n_bins}")
    if binning == "width":
        return equal_width_bins(codes, n_bins)
    if binning == "quantile":
        # the mean rank of tied values treats both ends alike: a rare smallest and a rare largest value stay apart
        middle = rankdata(codes, method="average", axis=0) - 0.5
        return (middle * n_bins / len(codes)).astype(np.intp)
    raise ValueError(f"binning must be 'width' or 'quantile'; got {binning!r}")


def _joint_entropy(bins: NDArray[np.intp], inputs: CheckedInputs, n_bins: int) -> NDArray[np.float64]:
    """H(z_d, v_k) of all pairs; ``bins`` is (n_codes, n_samples)."""
    sizes = np.array(inputs.factor_sizes)
    starts = np.cumsum(sizes) - sizes
    width = int(sizes.sum())  # one row of the table holds the values of all factors side by side
    columns = inputs.factors.T + starts[:, None]
    n_factors, n_samples = columns.shape
    block = min(_BLOCK, 4 * inputs.codes.size)
    n_rows = min(n_samples, max(1, block // n_factors))
    n_codes = max(1, block // (n_rows * n_factors))
    entropies = []
    for first in range(0, len(bins), n_codes):
        part = bins[first : first + n_codes]
        table = np.zeros(len(part) * n_bins * width, dtype=np.intp)
        for row in range(0, n_samples, n_rows):
            cell = (part[:, row : row + n_rows] + n_bins * np.arange(len(part))[:, None]) * width
            pairs = cell[:, None, :] + columns[None, :, row : row + n_rows]  # (codes, factors, rows)
            table += np.bincount(pairs.ravel(), minlength=table.size)
        log_sum = xlogy(table, table).reshape(len(part), n_bins, width).sum(axis=1)
        entropies.append(np.log(n_samples) - np.add.reduceat(log_sum, starts, axis=1) / n_samples)
    return np.concatenate(entropies)


def _entropy(counts: NDArray[np.intp]) -> float:
    total = counts.sum()
    return float(np.log(total) - xlogy(counts, counts).sum() / total)
