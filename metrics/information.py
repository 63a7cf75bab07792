"""Binned codes, entropies and the mutual information of every (code, factor) pair, in nats.

MIG (Chen et al. 2018, arXiv:1802.04942) and JEMMIG (Do and Tran 2020, arXiv:1908.09961) are read off the same joint
counts; ``joint_information`` counts them once for both.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from scipy.stats import rankdata

from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors, equal_width_bins
from minebench.metrics.protocol import check_choice, check_counts

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
            ``n_bins`` is below 2 or ``binning`` is unknown.
        TypeError: If a constant of the protocol has the wrong type.
    """
    inputs = check_codes_and_factors(codes, factors, min_codes=2, n_factor_bins=n_factor_bins)
    n_samples, n_codes = inputs.codes.shape
    sizes = np.array(inputs.factor_sizes)
    starts = np.cumsum(sizes) - sizes  # the values of all factors stand side by side in one row of the table
    cells = inputs.factors.T + starts[:, None]
    block = min(_BLOCK, 4 * inputs.codes.size)
    step = max(1, block // cells.size)
    joint, alone = [], []
    for first in range(0, n_codes, step):
        columns = np.asfortranarray(inputs.codes[:, first : first + step])
        bins = bin_codes(columns, n_bins=n_bins, binning=binning).T
        table = _count(bins, cells, (len(bins), n_bins, int(sizes.sum())), block)
        joint.append(_entropy(np.add.reduceat(xlogy(table, table).sum(axis=1), starts, axis=1), n_samples))
        counts = table[:, :, : sizes[0]].sum(axis=2)  # summed over the values of any factor
        alone.append(_entropy(xlogy(counts, counts).sum(axis=1), n_samples))
    values = np.bincount(cells.ravel())
    factor_entropy = _entropy(np.add.reduceat(xlogy(values, values), starts), n_samples)
    code_entropy = np.concatenate(alone)
    mutual = code_entropy[:, None] + factor_entropy - np.concatenate(joint)
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
        TypeError: If ``n_bins`` is no whole number.
    """
    check_counts(2, n_bins=n_bins)
    check_choice("binning", binning, get_args(Binning))
    if binning == "width":
        return equal_width_bins(codes, n_bins)
    # the mean rank of tied values treats both ends alike: a rare smallest and a rare largest value stay apart
    middle = rankdata(codes, method="average", axis=0) - 0.5
    return (middle * n_bins / len(codes)).astype(np.intp)


def _count(
    bins: NDArray[np.intp], cells: NDArray[np.intp], shape: tuple[int, int, int], block: int
) -> NDArray[np.intp]:
    """How often each bin of each code meets each value of each factor, shape (codes, bins, values of all factors).

    ``bins`` is (codes, samples), ``cells`` (factors, samples); at most ``block`` pairs, or one row's, are held at once.
    """
    n_codes, n_bins, width = shape
    table = np.zeros(n_codes * n_bins * width, dtype=np.intp)
    n_rows = max(1, block // (len(cells) * n_codes))
    for row in range(0, bins.shape[1], n_rows):
        corner = (bins[:, row : row + n_rows] + n_bins * np.arange(n_codes)[:, None]) * width
        pairs = corner[:, None, :] + cells[None, :, row : row + n_rows]  # (codes, factors, rows)
        table += np.bincount(pairs.ravel(), minlength=table.size)
    return table.reshape(shape)


def _entropy(count_log_count: NDArray[np.float64], n_samples: int) -> NDArray[np.float64]:
    return np.asarray(np.log(n_samples) - count_log_count / n_samples)
