"""MIG, JEMMIG and the named gap on blocks of codes, from the bound on what each block tells about each factor.

The definitions are those of ``mig`` and ``jemmig`` (Chen et al. 2018, section 4, arXiv:1802.04942; Do and Tran 2020,
section 4, arXiv:1908.09961) with I(block; v) in place of I(code; v). A gap between two lower bounds is itself no bound.
Block MIG rewards collapse: one block with everything in it has no rival. The named gap asks that block k is the one
that knows factor k, and falls below 0 where another one is. JEMMIG needs the entropy of the best block: it is that of
its first principal component in ``n_bins`` equal-width bins, and at least the most that the block tells of a factor.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import entropy

from minebench.metrics.block_information import BlockInformation, block_information
from minebench.metrics.blocks import Blocks, check_nuisance, pca1
from minebench.metrics.information import bin_codes
from minebench.metrics.jemmig import jemmig
from minebench.metrics.mig import mig
from minebench.metrics.protocol import check_counts, check_flags
from minebench.metrics.result import Json, MetricResult

VERSION: int = 1


def mig_blocks(
    codes: ArrayLike, factors: ArrayLike, blocks: Blocks, *, rng: np.random.Generator, n_factor_bins: int | None = None
) -> float:
    """How much better the best block knows a factor than the second best does.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group, two groups at least.
        rng: Source of the split and of the classifiers' draws.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        A value in [0, 1]; higher is better; near 0 for random blocks of entangled codes, and near 1 with everything in
        one block: read it beside ``named_gap``.

    Raises:
        ValueError: If the inputs cannot be scored (see ``block_information``) or there are fewer than two blocks.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Chen et al. (2018), section 4. arXiv:1802.04942.
    """
    return mig_blocks_result(codes, factors, blocks, rng=rng, n_factor_bins=n_factor_bins).value


def mig_blocks_result(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    n_factor_bins: int | None = None,
    information: BlockInformation | None = None,
) -> MetricResult:
    """``mig_blocks`` with its parts; ``information`` saves the classifiers where they have learnt already.

    Details: the gap of each factor, its two best blocks, the confusion matrix, and ``pca1``, MIG of the blocks' first
    principal components.
    """
    found = information or block_information(codes, factors, blocks, rng=rng, min_blocks=2, n_factor_bins=n_factor_bins)
    _need_two(found)
    ranked = np.argsort(found.mutual, axis=0, kind="stable")
    second, best = np.take_along_axis(found.mutual, ranked[-2:], axis=0)
    gap = (best - second) / found.factor_entropy
    details = _details(found) | {
        "gap": gap.tolist(),
        "best_block": ranked[-1].tolist(),
        "second_block": ranked[-2].tolist(),
        "pca1": mig(pca1(codes, blocks), factors, n_factor_bins=n_factor_bins),
    }
    return MetricResult(float(gap.mean()), "up", details)


def jemmig_blocks(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    n_bins: int = 20,
    n_factor_bins: int | None = None,
) -> float:
    """How compactly the best block of a factor tells it, and how little the second best adds.

    With b* the block that knows factor v most and b2 the next: raw = H(b*) + H(v) - 2 I(b*; v) + I(b2; v); the score is
    the mean over factors of 1 - raw / (H(v) + bound of H(b*)). Constant codes are rewarded as in ``jemmig``:
    ``jemmig_joint`` in the details answers for it.

    Args:
        codes: As in ``mig_blocks``.
        factors: As in ``mig_blocks``.
        blocks: As in ``mig_blocks``.
        rng: As in ``mig_blocks``.
        n_bins: Bins of a block's first principal component.
        n_factor_bins: As in ``mig_blocks``.

    Returns:
        A value in [0, 1]; higher is better. The bound of H(b*) is log ``n_bins``, or the largest H(v) if that is more.

    Raises:
        ValueError: As in ``mig_blocks``.
        TypeError: As in ``mig_blocks``.

    References:
        Do and Tran (2020), section 4. arXiv:1908.09961.
    """
    return jemmig_blocks_result(codes, factors, blocks, rng=rng, n_bins=n_bins, n_factor_bins=n_factor_bins).value


def jemmig_blocks_result(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    n_bins: int = 20,
    n_factor_bins: int | None = None,
    information: BlockInformation | None = None,
) -> MetricResult:
    """``jemmig_blocks`` with its parts; ``information`` saves the classifiers where they have learnt already."""
    check_counts(2, n_bins=n_bins)
    found = information or block_information(codes, factors, blocks, rng=rng, min_blocks=2, n_factor_bins=n_factor_bins)
    _need_two(found)
    second, best = np.sort(found.mutual, axis=0)[-2:]
    components = pca1(codes, blocks)
    entropies = np.maximum(_binned_entropy(components, n_bins), found.mutual.max(axis=1))
    # a tie, such as several blocks at 0, goes to the smaller entropy: the order of the blocks does not matter
    contender = (found.mutual >= best - 1e-12) & (found.blocks.alive[:, None] | ~found.blocks.alive.any())
    best_block = np.where(contender, entropies[:, None], np.inf).argmin(axis=0)
    block_entropy = entropies[best_block]
    raw = block_entropy + found.factor_entropy - 2 * best + second
    bound = found.factor_entropy + max(np.log(n_bins), found.factor_entropy.max())
    joint = (2 * best - second) / (block_entropy + found.factor_entropy)
    details = _details(found) | {
        "jemmig_joint": float(joint.mean()),
        "best_block": best_block.tolist(),
        "raw_nats": raw.tolist(),
        "bound_nats": bound.tolist(),
        "pca1": jemmig(components, factors, n_bins=n_bins, n_factor_bins=n_factor_bins),
    }
    return MetricResult(float(np.mean(1 - raw / bound)), "up", details)


def named_gap(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    named: bool = False,
    nuisance: int | None = None,
    n_factor_bins: int | None = None,
) -> float:
    """How much better a factor's own block knows it than the best other block does.

    The mean over factors of (I(own block; v) - largest I(other block; v)) / H(v). The nuisance block is nobody's own,
    but it is an other. Without names, blocks are matched to factors so that the matched information is largest.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group, two groups at least.
        rng: Source of the split and of the classifiers' draws.
        named: Whether the k-th block (the nuisance block not counted) is the one of the k-th column of ``factors``.
        nuisance: The block that is to hold what no factor tells, if there is one.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        A value in [-1, 1]; higher is better; near 0 for random blocks; (2 - K) / K with all that K factors need in one
        block. A factor that no block is left for has 0 as its own information.

    Raises:
        ValueError: If the inputs cannot be scored (see ``block_information``), there are fewer than two blocks,
            ``nuisance`` is no block, or ``named`` blocks are fewer than factors.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Kuhn (1955), The Hungarian Method for the Assignment Problem: the matching.
    """
    return named_gap_result(
        codes, factors, blocks, rng=rng, named=named, nuisance=nuisance, n_factor_bins=n_factor_bins
    ).value


def named_gap_result(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    named: bool = False,
    nuisance: int | None = None,
    n_factor_bins: int | None = None,
    information: BlockInformation | None = None,
) -> MetricResult:
    """``named_gap`` with its parts; ``information`` saves the classifiers where they have learnt already.

    Details: the gap of each factor, its block (None where none was left), the confusion matrix, the codes per block.
    """
    check_flags(named=named)
    candidates = _candidates(len(blocks), nuisance)
    found = information or block_information(codes, factors, blocks, rng=rng, min_blocks=2, n_factor_bins=n_factor_bins)
    _need_two(found)
    share = found.mutual / found.factor_entropy
    own = _named(found, candidates) if named else _matched(share, candidates)
    gaps = [_gap(share[:, k], block) for k, block in enumerate(own)]
    details = _details(found) | {"gap": gaps, "block_of_factor": own, "named": named, "nuisance": nuisance}
    return MetricResult(float(np.mean(gaps)), "up", details)


def _candidates(n_blocks: int, nuisance: int | None) -> list[int]:
    check_nuisance(nuisance, n_blocks)
    return [block for block in range(n_blocks) if block != nuisance]


def _named(found: BlockInformation, candidates: list[int]) -> list[int | None]:
    inputs = found.blocks.inputs
    n_factors = len(inputs.kept_factors) + len(inputs.dropped_factors)
    if len(candidates) < n_factors:
        raise ValueError(
            f"named blocks are one per factor: {n_factors} factors need as many blocks beside the nuisance block; "
            f"got {len(candidates)}; pass named=False to match them"
        )
    return [candidates[column] for column in inputs.kept_factors]


def _matched(share: NDArray[np.float64], candidates: list[int]) -> list[int | None]:
    """The Hungarian matching: each factor a block of its own, as far as there are blocks."""
    own: list[int | None] = [None] * share.shape[1]
    rows, columns = linear_sum_assignment(share[candidates], maximize=True)
    for row, column in zip(rows, columns, strict=True):
        own[column] = candidates[row]
    return own


def _gap(share: NDArray[np.float64], block: int | None) -> float:
    if block is None:
        return -float(share.max())
    return float(share[block] - np.delete(share, block).max())


def _need_two(found: BlockInformation) -> None:
    if len(found.gain) < 2:
        raise ValueError(f"this metric compares blocks and needs at least 2 of them; got {len(found.gain)}")


def _details(found: BlockInformation) -> dict[str, Json]:
    return found.blocks.details() | {
        "factor_entropy": found.factor_entropy.tolist(),
        "confusion": (found.mutual / found.factor_entropy).tolist(),  # blocks x factors, I / H
    }


def _binned_entropy(components: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    bins = bin_codes(components, n_bins=n_bins)
    return np.array([entropy(np.bincount(column)) for column in bins.T])
