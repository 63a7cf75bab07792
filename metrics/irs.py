"""Interventional robustness score (IRS).

Suter et al. (2019), Robustly Disentangled Causal Mechanisms: Validating Deep Representations for Interventional
Robustness, section 4, arXiv:1811.00007.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.groups import ValueGroups, group_rows
from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors
from minebench.metrics.protocol import check_number
from minebench.metrics.result import Json, MetricResult

VERSION: int = 1

_BLOCK = 2**17  # codes grouped at once: 1 MB stays in the cache through the sorting and the three reductions


def irs(codes: ArrayLike, factors: ArrayLike, *, diff_quantile: float = 1.0, n_factor_bins: int | None = None) -> float:
    """How little a code moves, at worst, while its factor is held fixed and the others change.

    With m_d the largest deviation of code d from its mean: IRS[d, i] = 1 - (mean over the values v of factor i of the
    quantile of abs(z_d - E[z_d | v]) within the group of v) / m_d. The score is the mean over codes of
    max_i IRS[d, i], weighted by m_d. Pure noise scores above 0, the more so the smaller the groups (0.15 to 0.24 at
    10,000 samples, 0.35 at 200; 1 if each value of a factor has one row), and a factor coded twice is not penalised.

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
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Suter et al. (2019), section 4. arXiv:1811.00007.
    """
    return irs_result(codes, factors, diff_quantile=diff_quantile, n_factor_bins=n_factor_bins).value


def irs_result(
    codes: ArrayLike, factors: ArrayLike, *, diff_quantile: float = 1.0, n_factor_bins: int | None = None
) -> MetricResult:
    """``irs`` with its parts; arguments and errors are those of ``irs``.

    A note names the factors of whose values most have one row: no code can move there, whatever it knows.
    """
    check_number("diff_quantile", diff_quantile, high=1.0, with_low=False)
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    groups = [group_rows(inputs.factors[:, k], size) for k, size in enumerate(inputs.factor_sizes)]
    robustness, weight = _robustness(inputs, groups, diff_quantile)
    best = robustness.max(axis=1)
    value = float(weight @ best / weight.sum()) if inputs.alive.any() else 0.0
    details = inputs.details() | {
        "code_robustness": best.tolist(),
        "code_weight": weight.tolist(),
        "code_factor": [inputs.kept_factors[k] for k in robustness.argmax(axis=1)],
    }
    if inputs.alive.any():
        details["notes"] = notes_on_lone_rows(inputs, groups)
    return MetricResult(value, "up", details)


def notes_on_lone_rows(inputs: CheckedInputs, groups: list[ValueGroups]) -> list[Json]:
    """What a reader must know of factors that no code can fail at.

    Args:
        inputs: Checked codes and factors.
        groups: The rows of each value, one ``ValueGroups`` per factor.

    Returns:
        A note that names the columns of the factors more than half of whose values have one row; else none.
    """
    lone = [k for k, group in zip(inputs.kept_factors, groups, strict=True) if np.mean(group.counts == 1) > 0.5]
    if not lone:
        return []
    return [
        f"most values of factor columns {lone} have one row, where no code can move: any code scores high; pass more "
        "samples, or n_factor_bins= to bin their values"
    ]


def _robustness(
    inputs: CheckedInputs, groups: list[ValueGroups], quantile: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """IRS[d, i] (0 for dead codes) and m_d, the largest deviation of each code (0 for dead codes)."""
    n_samples, n_codes = inputs.codes.shape
    deviation, mean = np.empty((n_codes, len(groups))), np.empty(n_codes)
    step = max(1, _BLOCK // n_samples)
    for first in range(0, n_codes, step):
        block = slice(first, first + step)
        codes = np.ascontiguousarray(inputs.codes[:, block].T)
        mean[block] = codes.mean(axis=1)
        for k, group in enumerate(groups):
            deviation[block, k] = _deviation(codes, group, quantile)
    maximum = inputs.minimum + inputs.value_range
    weight = np.where(inputs.alive, np.maximum(maximum - mean, mean - inputs.minimum), 0.0)
    robustness = 1 - deviation / np.where(inputs.alive, weight, 1.0)[:, None]
    return np.where(inputs.alive[:, None], robustness, 0.0), weight


def _deviation(codes: NDArray[np.float64], group: ValueGroups, quantile: float) -> NDArray[np.float64]:
    """Mean over the values of a factor of the quantile of the deviations at that value; ``codes`` is (codes, rows)."""
    grouped = np.take(codes, group.order, axis=1)
    mean = np.add.reduceat(grouped, group.starts, axis=1) / group.counts
    if quantile == 1:  # the largest deviation is that of the largest or the smallest code at this value
        above = np.maximum.reduceat(grouped, group.starts, axis=1) - mean
        below = mean - np.minimum.reduceat(grouped, group.starts, axis=1)
        return np.asarray(np.maximum(above, below).mean(axis=1))
    grouped = np.abs(grouped - np.repeat(mean, group.counts, axis=1))
    parts = np.split(grouped, group.starts[1:], axis=1)
    return np.asarray(np.mean([np.quantile(part, quantile, axis=1) for part in parts], axis=0))
