"""Blocks for a model that has none: each code joins the factor that it knows best.

A model that partitions its codes is compared with models that do not; these are given as many groups by the labels of
a validation split, which must not be among the rows that are scored.
"""

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.information import joint_information
from minebench.metrics.protocol import check_flags, check_number


def greedy_blocks(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    nuisance: bool = True,
    min_share: float = 0.05,
    n_bins: int = 20,
    n_factor_bins: int | None = None,
) -> tuple[tuple[int, ...], ...]:
    """Group codes by the factor about which each knows the largest share I(code; v) / H(v).

    The information is binned as in ``mig`` and freed of its bias on independent codes, (n_bins - 1)(n_values - 1) / (2
    n_samples) nats (Miller 1955), without which noise would join the factor of most values.

    Args:
        codes: Posterior means of a validation split, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        nuisance: Whether a block 0 takes the codes that know less than ``min_share`` of every factor; without it they
            join their best factor, too.
        min_share: Share of a factor's entropy, in [0, 1].
        n_bins: Equal-width bins per code.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        Columns of ``codes``: the nuisance block if there is one, then a block per column of ``factors``, in order;
        constant factors have an empty one. Every code is in one block.

    Raises:
        ValueError: If the inputs cannot be scored (see ``joint_information``) or ``min_share`` is not in [0, 1].
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Miller (1955), Note on the Bias of Information Estimates: the correction.
    """
    check_flags(nuisance=nuisance)
    check_number("min_share", min_share, high=1.0)
    found = joint_information(codes, factors, n_bins=n_bins, n_factor_bins=n_factor_bins)
    inputs = found.inputs
    bias = (n_bins - 1) * (np.array(inputs.factor_sizes) - 1) / (2 * len(inputs.codes))
    share = np.where(inputs.alive[:, None], (found.mutual - bias) / found.factor_entropy, -np.inf)
    columns = np.array(inputs.kept_factors)[share.argmax(axis=1)]
    if nuisance:
        columns = np.where(share.max(axis=1) < min_share, -1, columns)
    n_factors = len(inputs.kept_factors) + len(inputs.dropped_factors)
    return tuple(tuple(np.flatnonzero(columns == k).tolist()) for k in range(-1 if nuisance else 0, n_factors))
