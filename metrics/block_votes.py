"""Z-diff and Z-min Var on blocks of codes: distances and variances of whole blocks.

The protocols are those of ``z_diff`` (Higgins et al. 2017, section 3) and ``z_min_var`` (Kim and Mnih 2018, section 4,
arXiv:1802.05983); abs(z1 - z2) becomes the Euclidean distance of two blocks, the variance of a code the trace of a
block's covariance. Each block is scaled as one, so that rotations inside it change nothing; with single codes as blocks
these are the metrics of single codes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from minebench.metrics.blocks import Blocks, CheckedBlocks, check_blocks, pca1
from minebench.metrics.groups import ValueGroups
from minebench.metrics.protocol import check_counts, check_generator, check_number
from minebench.metrics.result import MetricResult
from minebench.metrics.votes import accuracy_details, votable_groups
from minebench.metrics.z_diff import classify_votes, draw_pairs, z_diff
from minebench.metrics.z_min_var import deal_votes, z_min_var

VERSION: int = 1

_CHUNK = 2048  # votes whose pairs are held at once


def z_diff_blocks(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    n_factor_bins: int | None = None,
) -> float:
    """``z_diff`` with one feature a block: the mean Euclidean distance of its codes over the pairs of a vote.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``; each block is scaled to total variance 1.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group.
        rng: Source of the votes.
        batch_size: Pairs in a vote.
        n_train: Votes to learn from.
        n_test: Votes to score.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        The accuracy on the test votes, in [0, 1]; higher is better; chance is 1 / (number of non-constant factors).

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_blocks``), a factor has no value with two rows, or a
            size is below 1.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Higgins et al. (2017), section 3.
    """
    return z_diff_blocks_result(
        codes,
        factors,
        blocks,
        rng=rng,
        batch_size=batch_size,
        n_train=n_train,
        n_test=n_test,
        n_factor_bins=n_factor_bins,
    ).value


def z_diff_blocks_result(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``z_diff_blocks`` with its parts; ``pca1`` is Z-diff of the blocks' first principal components."""
    check_generator(rng)
    check_counts(batch_size=batch_size, n_train=n_train, n_test=n_test)
    checked = check_blocks(codes, factors, blocks, n_factor_bins=n_factor_bins)
    groups = votable_groups(checked.inputs)
    details = checked.details() | {"chance": 1 / len(groups)}
    if not checked.alive.any():
        return MetricResult(1 / len(groups), "up", details | {"notes": ["all codes are constant: the score is chance"]})
    label = rng.integers(len(groups), size=n_train + n_test)
    features = _distances(checked, groups, label, batch_size, rng)
    predicted, fit = classify_votes(features[:n_train], label[:n_train], features[n_train:])
    correct = predicted == label[n_train:]
    details |= fit | accuracy_details(correct, label[n_train:], len(groups))
    details["pca1"] = z_diff(
        pca1(codes, blocks),
        factors,
        rng=rng,
        batch_size=batch_size,
        n_train=n_train,
        n_test=n_test,
        n_factor_bins=n_factor_bins,
    )
    return MetricResult(float(correct.mean()), "up", details)


def z_min_var_blocks(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    min_std: float = 0.05,
    n_factor_bins: int | None = None,
) -> float:
    """``z_min_var`` with the trace of a block's covariance in place of the variance of a code.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group.
        rng: Source of the votes.
        batch_size: Rows in a vote, at least 2.
        n_train: Votes that assign a factor to each block.
        n_test: Votes to score.
        min_std: Blocks whose root of the total variance is smaller are inactive. If none passes, all non-constant
            blocks count.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        The error rate, in [0, 1]; lower is better; chance is 1 - 1 / (number of non-constant factors).

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_blocks``), a factor has no value with two rows, or a
            size or ``min_std`` is too small.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Kim and Mnih (2018), section 4. arXiv:1802.05983.
    """
    return z_min_var_blocks_result(
        codes,
        factors,
        blocks,
        rng=rng,
        batch_size=batch_size,
        n_train=n_train,
        n_test=n_test,
        min_std=min_std,
        n_factor_bins=n_factor_bins,
    ).value


def z_min_var_blocks_result(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    min_std: float = 0.05,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``z_min_var_blocks`` with its parts; ``pca1`` is Z-min Var of the blocks' first principal components."""
    check_generator(rng)
    check_counts(n_train=n_train, n_test=n_test)
    check_counts(2, batch_size=batch_size)
    check_number("min_std", min_std)
    checked = check_blocks(codes, factors, blocks, n_factor_bins=n_factor_bins)
    groups = votable_groups(checked.inputs)
    details = checked.details() | {"chance": 1 - 1 / len(groups)}
    if not checked.alive.any():
        details |= {"factor_vae_score": 1 / len(groups), "notes": ["all codes are constant: the score is chance"]}
        return MetricResult(1 - 1 / len(groups), "down", details)
    factor = rng.integers(len(groups), size=n_train + n_test)
    live = list(zip(np.flatnonzero(checked.alive).tolist(), checked.scaled(), strict=True))
    active = [(number, block) for number, (block, spread) in live if spread > min_std]
    if not active:
        active = [(number, block) for number, (block, _) in live]
        details["notes"] = [f"no block passed min_std={min_std:g}: all non-constant blocks were used"]
    winner = _least_trace(active, groups, factor, batch_size, rng)
    table = np.bincount(winner[:n_train] * len(groups) + factor[:n_train], minlength=len(blocks) * len(groups))
    named = table.reshape(len(blocks), len(groups)).argmax(axis=1)
    correct = named[winner[n_train:]] == factor[n_train:]
    details |= accuracy_details(correct, factor[n_train:], len(groups))
    details |= {
        "factor_vae_score": float(correct.mean()),
        "block_factor": [checked.inputs.kept_factors[k] for k in named],
        "pca1": z_min_var(
            pca1(codes, blocks),
            factors,
            rng=rng,
            batch_size=batch_size,
            n_train=n_train,
            n_test=n_test,
            min_std=min_std,
            n_factor_bins=n_factor_bins,
        ),
    }
    return MetricResult(1 - float(correct.mean()), "down", details)


def _distances(
    checked: CheckedBlocks,
    groups: list[ValueGroups],
    label: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Mean Euclidean distance of the pairs of each vote in each live block, (n_votes, n_live)."""
    scaled = [block.astype(np.float32) for block, _ in checked.scaled()]
    ends = np.cumsum([0] + [block.shape[1] for block in scaled])
    codes = np.hstack(scaled)
    features = np.empty((len(label), len(scaled)))
    for k, group in enumerate(groups):
        votes = np.flatnonzero(label == k)
        for start in range(0, len(votes), _CHUNK):
            chunk = votes[start : start + _CHUNK]
            total = np.zeros((len(chunk), len(scaled)), dtype=np.float32)
            for first, second in draw_pairs(group, len(chunk), batch_size, rng):
                difference = codes[first] - codes[second]
                total += np.sqrt(np.add.reduceat(difference**2, ends[:-1], axis=1))
            features[chunk] = total / batch_size
    return features


def _least_trace(
    active: list[tuple[int, NDArray[np.float64]]],
    groups: list[ValueGroups],
    factor: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """The number of the block (centred, total variance 1) that varies least in each vote."""
    order, rows = deal_votes(groups, factor, batch_size, rng)
    # a vote is a row of ones at its samples: a sparse product sums the codes and squares of all votes at once
    ends = np.arange(0, len(rows) + 1, batch_size)
    picks = csr_array((np.ones(len(rows)), rows, ends), shape=(len(factor), len(active[0][1])))
    least, winner = np.full(len(factor), np.inf), np.empty(len(factor), dtype=np.intp)
    for number, block in active:
        square = np.einsum("nd,nd->n", block, block)
        means = picks @ np.column_stack([block, square]) / batch_size
        trace = means[:, -1] - np.einsum("vd,vd->v", means[:, :-1], means[:, :-1])
        better = trace < least
        least[better] = trace[better]
        winner[order[better]] = number
    return winner
