"""Groups of codes that belong together: their check, their common scale, their first principal components.

A model may give one block of codes per factor and a block of nuisance. Metrics of single codes then call a perfect
block a failure: MIG is near 0 by construction where two codes of a block share their factor. ``block_gaps``,
``block_votes`` and ``block_irs`` score whole blocks; ``pca1`` reduces each to one code, the convention of vector-wise
models, so that any metric of single codes takes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.inputs import CheckedInputs, check_codes, check_codes_and_factors
from minebench.metrics.protocol import check_counts
from minebench.metrics.result import Json

Blocks = Sequence[Sequence[int]]


@dataclass(frozen=True)
class CheckedBlocks:
    """Codes and factors that a metric of blocks can score.

    Attributes:
        inputs: The checked arrays, all codes in them.
        columns: The columns of each block, which may be none.
        alive: Whether a block has a code that varies, shape ``(n_blocks,)``; an empty block has none.
    """

    inputs: CheckedInputs
    columns: tuple[NDArray[np.intp], ...]
    alive: NDArray[np.bool_]

    def details(self) -> dict[str, Json]:
        """What every result on blocks says about its input."""
        taken = np.concatenate(self.columns)
        notes: dict[str, Json] = {} if self.alive.any() else {"notes": ["all blocks are constant"]}
        return (
            self.inputs.details()
            | notes
            | {
                "codes_per_block": [len(columns) for columns in self.columns],
                "dead_blocks": np.flatnonzero(~self.alive).tolist(),
                "codes_in_no_block": np.setdiff1d(np.arange(self.inputs.codes.shape[1]), taken).tolist(),
            }
        )

    def scaled(self) -> Iterator[tuple[NDArray[np.float64], float]]:
        """Each live block, centred and of total variance 1, and the root of the total variance that it had (ddof 1).

        One factor scales the whole block, so that a rotation inside it changes no distance; a block of one code is the
        standardised code.
        """
        unit, std = self.inputs.standardized()
        for block in np.flatnonzero(self.alive):
            columns = self.columns[block]
            largest = std[columns].max()
            share = std[columns] / largest  # divided first: no square overflows or vanishes
            length = float(np.sqrt(share @ share))
            yield unit[:, columns] * (share / length), float(largest) * length


def check_blocks(
    codes: ArrayLike, factors: ArrayLike, blocks: Blocks, *, min_blocks: int = 1, n_factor_bins: int | None = None
) -> CheckedBlocks:
    """Check the input of a metric of blocks.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group. A group may be empty, and a code may be in none: it is not scored.
        min_blocks: Fewest blocks for which the metric is defined.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        The checked arrays and columns.

    Raises:
        ValueError: If the arrays cannot be scored (see ``check_codes_and_factors``), there are fewer than
            ``min_blocks`` blocks, a block names a column that is not there, or a column is named twice.
    """
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    columns = check_columns(blocks, inputs.codes.shape[1])
    if len(columns) < min_blocks:
        raise ValueError(f"this metric compares blocks and needs at least {min_blocks} of them; got {len(columns)}")
    return CheckedBlocks(inputs, columns, np.array([bool(inputs.alive[block].any()) for block in columns]))


def check_columns(blocks: Blocks, n_codes: int) -> tuple[NDArray[np.intp], ...]:
    """Check that blocks are groups of different columns.

    Args:
        blocks: Columns, group by group.
        n_codes: Columns that there are.

    Returns:
        One array of columns per block, ascending.

    Raises:
        ValueError: If there is no block, a column is not one of 0..n_codes-1, or a column is named twice.
    """
    groups = [np.asarray(block) for block in blocks]
    if not groups:
        raise ValueError("blocks must be groups of code columns, such as ((0, 1), (2,)); got none")
    if any(group.ndim != 1 or (group.size and group.dtype.kind not in "ui") for group in groups):
        raise ValueError(f"blocks must be groups of integer columns, such as ((0, 1), (2,)); got {blocks!r}")
    columns = tuple(np.sort(group.astype(np.intp)) for group in groups)  # a block is a set: its order decides no bit
    named, times = np.unique(np.concatenate(columns), return_counts=True)
    outside = named[(named < 0) | (named >= n_codes)]
    if outside.size:
        raise ValueError(
            f"blocks name the columns {outside.tolist()}; the {n_codes} codes are columns 0..{n_codes - 1}"
        )
    if (times > 1).any():
        raise ValueError(f"a code belongs to one block at most; columns {named[times > 1].tolist()} are named twice")
    return columns


def check_nuisance(nuisance: int | None, n_blocks: int) -> None:
    """Refuse a nuisance block that is not there.

    Args:
        nuisance: The number of the block, or ``None`` without one.
        n_blocks: Blocks that there are.

    Raises:
        ValueError: If it is none of 0..n_blocks-1.
        TypeError: If it is neither a whole number nor ``None``.
    """
    if nuisance is None:
        return
    check_counts(0, nuisance=nuisance)
    if nuisance >= n_blocks:
        raise ValueError(f"nuisance must be one of the blocks 0..{n_blocks - 1}, or None; got {nuisance}")


def pca1(codes: ArrayLike, blocks: Blocks) -> NDArray[np.float64]:
    """The first principal component of each block, a scalar code for any metric of single codes.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``; centred here, not scaled.
        blocks: Columns of ``codes``, group by group.

    Returns:
        Shape ``(n_samples, n_blocks)``, each column with mean 0. Its sign makes the loading of largest size positive.
        Constant and empty blocks are constant 0.

    Raises:
        ValueError: If ``codes`` cannot be scored (see ``check_codes``) or ``blocks`` are not groups of its columns.
    """
    values = check_codes(codes).codes
    columns = check_columns(blocks, values.shape[1])
    components = np.zeros((len(values), len(columns)))
    for number, block in enumerate(columns):
        part = values[:, block]
        if part.size and np.ptp(part, axis=0).any():
            centred = part - part.mean(axis=0)
            unit = float(np.abs(centred).max())
            loading = np.linalg.eigh((centred / unit).T @ (centred / unit))[1][:, -1]
            components[:, number] = centred @ (loading * np.sign(loading[np.abs(loading).argmax()]))
    return components
