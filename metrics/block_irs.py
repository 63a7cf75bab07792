"""IRS on blocks of codes: the length of a block's deviation in place of the deviation of a code.

Suter et al. (2019), Robustly Disentangled Causal Mechanisms: Validating Deep Representations for Interventional
Robustness, section 4, arXiv:1811.00007, where the score is defined for groups of codes; with single codes as blocks it
is ``irs``.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.blocks import Blocks, check_blocks, pca1
from minebench.metrics.groups import ValueGroups, group_rows
from minebench.metrics.irs import irs, notes_on_lone_rows
from minebench.metrics.protocol import check_number
from minebench.metrics.result import Json, MetricResult

VERSION: int = 1


def irs_blocks(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    diff_quantile: float = 1.0,
    n_factor_bins: int | None = None,
) -> float:
    """``irs`` with the Euclidean length of a block's deviation in place of the deviation of a code.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group.
        diff_quantile: Quantile of the deviations in a group, in (0, 1]; 1 is the paper's maximum.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        A value in (-1, 1]; higher is better; 0 if all codes are constant. On noise it has the floor of ``irs``, lower
        for wide blocks, whose lengths vary little.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_blocks``) or ``diff_quantile`` is not in (0, 1].
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Suter et al. (2019), section 4. arXiv:1811.00007.
    """
    return irs_blocks_result(codes, factors, blocks, diff_quantile=diff_quantile, n_factor_bins=n_factor_bins).value


def irs_blocks_result(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    diff_quantile: float = 1.0,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``irs_blocks`` with its parts; ``pca1`` is IRS of the blocks' first principal components."""
    check_number("diff_quantile", diff_quantile, high=1.0, with_low=False)
    checked = check_blocks(codes, factors, blocks, n_factor_bins=n_factor_bins)
    inputs = checked.inputs
    groups = [group_rows(inputs.factors[:, k], size) for k, size in enumerate(inputs.factor_sizes)]
    robustness, weight = np.zeros((len(blocks), len(groups))), np.zeros(len(blocks))
    for number, (block, spread) in zip(np.flatnonzero(checked.alive), checked.scaled(), strict=True):
        longest = np.sqrt(np.einsum("nd,nd->n", block, block).max())
        weight[number] = spread * longest
        robustness[number] = [1 - _deviation(block, group, diff_quantile) / longest for group in groups]
    best = robustness.max(axis=1)
    value = float(weight @ best / weight.sum()) if checked.alive.any() else 0.0
    details: dict[str, Json] = checked.details() | {
        "block_robustness": best.tolist(),
        "block_weight": weight.tolist(),
        "block_factor": [inputs.kept_factors[k] for k in robustness.argmax(axis=1)],
        "pca1": irs(pca1(codes, blocks), factors, diff_quantile=diff_quantile, n_factor_bins=n_factor_bins),
    }
    if checked.alive.any():
        details["notes"] = notes_on_lone_rows(inputs, groups)
    return MetricResult(value, "up", details)


def _deviation(block: NDArray[np.float64], group: ValueGroups, quantile: float) -> float:
    """Mean over the values of a factor of the quantile of the lengths of the deviations at that value."""
    grouped = block[group.order]
    mean = np.add.reduceat(grouped, group.starts, axis=0) / group.counts[:, None]
    deviation = grouped - np.repeat(mean, group.counts, axis=0)
    length = np.sqrt(np.einsum("nd,nd->n", deviation, deviation))
    if quantile == 1:
        return float(np.maximum.reduceat(length, group.starts).mean())
    return float(np.mean([np.quantile(part, quantile) for part in np.split(length, group.starts[1:])]))
