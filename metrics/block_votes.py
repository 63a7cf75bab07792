"""Z-diff and Z-min Var on blocks of codes: distances and variances of whole blocks.

The protocols are those of ``z_diff`` (Higgins et al. 2017, section 3) and ``z_min_var`` (Kim and Mnih 2018, section 4,
arXiv:1802.05983); abs(z1 - z2) becomes the Euclidean distance of two blocks, the variance of a code the trace of a
block's covariance. Each block is scaled as one, so that rotations inside it change nothing; with single codes as blocks
these are the metrics of single codes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.blocks import Blocks, CheckedBlocks, check_blocks, pca1
from minebench.metrics.groups import ValueGroups
from minebench.metrics.protocol import check_counts, check_generator, check_number
from minebench.metrics.result import Json, MetricResult
from minebench.metrics.votes import accuracy_details, deal_votes, majority_vote, votable_groups
from minebench.metrics.z_diff import classify_votes, draw_pairs, z_diff
from minebench.metrics.z_min_var import z_min_var

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
        return MetricResult(
            1 / len(groups), "up", details | {"notes": ["all blocks are constant: the score is chance"]}
        )
    label = rng.integers(len(groups), size=n_train + n_test)
    predicted, fit = _told(checked, groups, label, n_train, batch_size, rng)
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
        details |= {"factor_vae_score": 1 / len(groups), "notes": ["all blocks are constant: the score is chance"]}
        return MetricResult(1 - 1 / len(groups), "down", details)
    factor = rng.integers(len(groups), size=n_train + n_test)
    winner, some_passed = _least_trace(checked, min_std, groups, factor, batch_size, rng)
    if not some_passed:
        details["notes"] = [f"no block passed min_std={min_std:g}: all non-constant blocks were used"]
    named, correct = majority_vote(winner, factor, n_train, shape=(len(blocks), len(groups)))
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


def _told(
    checked: CheckedBlocks,
    groups: list[ValueGroups],
    label: NDArray[np.intp],
    n_train: int,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.intp], dict[str, Json]]:
    """The predicted factor of each test vote, and how the fit went."""
    features = _distances(checked, groups, label, batch_size, rng)
    return classify_votes(features[:n_train], label[:n_train], features[n_train:])


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


def _beside_square(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """A block and, in the last column, the square of the length of each row."""
    return np.column_stack([block, np.einsum("nd,nd->n", block, block)])


def _least_trace(
    checked: CheckedBlocks,
    min_std: float,
    groups: list[ValueGroups],
    factor: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.intp], bool]:
    """The number of the active block whose trace is least in each vote, and whether any block is above ``min_std``."""
    numbered = zip(np.flatnonzero(checked.alive).tolist(), checked.scaled(), strict=True)
    live = {number: (_beside_square(block), spread) for number, (block, spread) in numbered}
    passed = {number: table for number, (table, spread) in live.items() if spread > min_std}
    tables = passed or {number: table for number, (table, _) in live.items()}
    winner = np.empty(len(factor), dtype=np.intp)
    n_codes = sum(table.shape[1] - 1 for table in tables.values())
    for votes, picks in deal_votes(groups, factor, batch_size, rng, n_codes):
        least = np.full(len(votes), np.inf)
        for number, table in tables.items():
            means = picks @ table
            means /= batch_size
            trace = means[:, -1] - np.einsum("vd,vd->v", means[:, :-1], means[:, :-1])
            better = trace < least
            least[better] = trace[better]
            winner[votes[better]] = number
    return winner, bool(passed)
