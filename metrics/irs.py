"""Interventional robustness score (IRS).

Suter et al. (2019), Robustly Disentangled Causal Mechanisms: Validating Deep Representations for Interventional
Robustness, section 4, arXiv:1811.00007.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.groups import group_rows
from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors
from minebench.metrics.result import MetricResult

VERSION: int = 1


def irs(codes: ArrayLike, factors: ArrayLike, *, diff_quantile: float = 1.0, n_factor_bins: int | None = None) -> float:
    """How little a code moves, at worst, while its factor is held fixed and the others change.

    With m_d the largest deviation of code d from its mean: IRS[d, i] = 1 - (mean over the values v of factor i of the
    quantile of abs(z_d - E[z_d | v]) within the group of v) / m_d. The score is the mean over codes of
    max_i IRS[d, i], weighted by m_d. Pure noise scores above 0, the more so the smaller the groups (0.15 to 0.24 at
    10,000 samples, 0.35 at 200), and a factor coded twice is not penalised.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        diff_quantile: Quantile of the deviations in a group, in (0, 1]; 1 is the paper's maximum.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        A value in (-1, 1]; higher is better; 0 if all codes are constant. Below 0 on small or skewed groups, where a
        group can deviate further from its own mean than all rows do from theirs: not clipped.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``) or ``diff_quantile`` is not in
            (0, 1].

    References:
        Suter et al. (2019), section 4. arXiv:1811.00007.
    """
    return irs_result(codes, factors, diff_quantile=diff_quantile, n_factor_bins=n_factor_bins).value


def irs_result(
    codes: ArrayLike, factors: ArrayLike, *, diff_quantile: float = 1.0, n_factor_bins: int | None = None
) -> MetricResult:
    """``irs`` with its parts; arguments and errors are those of ``irs``."""
    if not 0 < diff_quantile <= 1:
        raise ValueError(f"diff_quantile must be in (0, 1]; got {diff_quantile}")
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    deviation = np.stack([_deviation(inputs, k, diff_quantile) for k in range(len(inputs.factor_sizes))], axis=1)
    mean = inputs.codes.mean(axis=0)
    largest = np.maximum(inputs.minimum + inputs.value_range - mean, mean - inputs.minimum)
    largest = np.where(inputs.alive, largest, 0.0)  # the mean of a constant column is off by rounding
    robustness = np.where(inputs.alive[:, None], 1 - deviation / np.where(inputs.alive, largest, 1.0)[:, None], 0.0)
    best = robustness.max(axis=1)
    value = float(largest @ best / largest.sum()) if inputs.alive.any() else 0.0
    details = inputs.details() | {
        "code_robustness": best.tolist(),
        "code_weight": largest.tolist(),
        "code_factor": [inputs.kept_factors[k] for k in robustness.argmax(axis=1)],
    }
    return MetricResult(value, "up", details)


def _deviation(inputs: CheckedInputs, k: int, quantile: float) -> NDArray[np.float64]:
    """Mean over the values of factor k of the quantile of the deviations in each group, per code."""
    groups = group_rows(inputs.factors[:, k], inputs.factor_sizes[k])
    codes = inputs.codes[groups.order]
    mean = np.add.reduceat(codes, groups.starts) / groups.counts[:, None]
    if quantile == 1:  # the largest deviation is that of the group's largest or smallest value
        above = np.maximum.reduceat(codes, groups.starts) - mean
        within = np.maximum(above, mean - np.minimum.reduceat(codes, groups.starts))
    else:
        deviation = np.abs(codes - np.repeat(mean, groups.counts, axis=0))
        parts = np.split(deviation, groups.starts[1:])
        within = np.stack([np.quantile(part, quantile, axis=0) for part in parts])
    return np.asarray(within.mean(axis=0))
