"""Z-min Var, the FactorVAE score as an error rate: does the code that varies least name the fixed factor?

Kim and Mnih (2018), Disentangling by Factorising, section 4, arXiv:1802.05983. Departure: the paper's accuracy is
``factor_vae_score``; Z-min Var is 1 minus it, so that lower is better. The rows of a fixed value are dealt without
replacement across votes: drawing them with replacement, as some implementations do, lowers the score of small samples.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from minebench.metrics.groups import ValueGroups
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.protocol import check_counts, check_generator, check_number
from minebench.metrics.result import MetricResult
from minebench.metrics.votes import accuracy_details, drawn_from, votable_groups

VERSION: int = 1

_BLOCK = 32  # codes summed at once: the rows of one value stay in the cache
_CELLS = 2**22  # entries summed at once: a whole grid of rows is taken a few codes at a time


def z_min_var(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    min_std: float = 0.05,
    n_factor_bins: int | None = None,
) -> float:
    """Error rate of naming a fixed factor by the code whose variance falls most.

    A vote draws a factor, fixes it at one of its values (uniformly over those with two rows), takes ``batch_size``
    rows and names the active code with the smallest variance relative to its variance over all rows. Each code is
    assigned the factor of most of its training votes; the error rate is counted on the test votes.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        rng: Source of the votes.
        batch_size: Rows in a vote, at least 2.
        n_train: Votes that assign a factor to each code.
        n_test: Votes to score.
        min_std: Codes with a smaller standard deviation are inactive: the literature's threshold, meant for
            posterior means under a N(0, 1) prior. If no code passes, all non-constant codes count.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        The error rate, in [0, 1]; lower is better; chance is 1 - 1 / (number of non-constant factors).

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), a factor has no value with two
            rows, or a size or ``min_std`` is too small.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Kim and Mnih (2018), section 4. arXiv:1802.05983.
    """
    return z_min_var_result(
        codes,
        factors,
        rng=rng,
        batch_size=batch_size,
        n_train=n_train,
        n_test=n_test,
        min_std=min_std,
        n_factor_bins=n_factor_bins,
    ).value


def factor_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    min_std: float = 0.05,
    n_factor_bins: int | None = None,
) -> float:
    """The accuracy that most papers print: 1 minus ``z_min_var``, whose arguments and errors it shares.

    Args:
        codes: As in ``z_min_var``.
        factors: As in ``z_min_var``.
        rng: As in ``z_min_var``.
        batch_size: As in ``z_min_var``.
        n_train: As in ``z_min_var``.
        n_test: As in ``z_min_var``.
        min_std: As in ``z_min_var``.
        n_factor_bins: As in ``z_min_var``.

    Returns:
        The accuracy, in [0, 1]; higher is better; chance is 1 / (number of non-constant factors).

    Raises:
        ValueError: As in ``z_min_var``.
        TypeError: As in ``z_min_var``.
    """
    return 1 - z_min_var(
        codes,
        factors,
        rng=rng,
        batch_size=batch_size,
        n_train=n_train,
        n_test=n_test,
        min_std=min_std,
        n_factor_bins=n_factor_bins,
    )


def z_min_var_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    min_std: float = 0.05,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``z_min_var`` with its parts; arguments and errors are those of ``z_min_var``.

    ``details`` say what the votes were ``drawn_from``: a whole ``"grid"`` of factors, or a ``"sample"`` of rows.
    """
    # a vote is a variance: it needs two rows
    check_generator(rng)
    check_counts(n_train=n_train, n_test=n_test)
    check_counts(2, batch_size=batch_size)
    check_number("min_std", min_std)
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    groups = votable_groups(inputs)
    details = inputs.details() | {"chance": 1 - 1 / len(groups), "drawn_from": drawn_from(inputs)}
    if not inputs.alive.any():
        details |= {"factor_vae_score": 1 / len(groups), "notes": ["all codes are constant: the score is chance"]}
        return MetricResult(1 - 1 / len(groups), "down", details)
    standardized, std = inputs.standardized()
    active = np.flatnonzero(inputs.alive & (std > min_std))
    if len(active) == 0:
        active = np.flatnonzero(inputs.alive)
        details["notes"] = [f"no code passed min_std={min_std:g}: all non-constant codes were used"]
    factor = rng.integers(len(groups), size=n_train + n_test)
    winner = _winners(standardized[:, active], groups, factor, batch_size, rng)
    votes = np.bincount(winner[:n_train] * len(groups) + factor[:n_train], minlength=len(active) * len(groups))
    named = votes.reshape(len(active), len(groups)).argmax(axis=1)
    correct = named[winner[n_train:]] == factor[n_train:]
    accuracy = float(correct.mean())
    details |= accuracy_details(correct, factor[n_train:], len(groups))
    details |= {
        "factor_vae_score": accuracy,
        "active_codes": active.tolist(),
        "code_factor": [inputs.kept_factors[k] for k in named],
    }
    return MetricResult(1 - accuracy, "down", details)


def _winners(
    codes: NDArray[np.float64],
    groups: list[ValueGroups],
    factor: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """The column of ``codes`` (mean 0, variance 1) that varies least in each vote."""
    order, rows = deal_votes(groups, factor, batch_size, rng)
    # a vote is a row of ones at its samples: a sparse product sums the codes and squares of all votes at once
    ends = np.arange(0, len(rows) + 1, batch_size)
    picks = csr_array((np.ones(len(rows)), rows, ends), shape=(len(factor), len(codes)))
    least = np.full(len(factor), np.inf)
    winner = np.empty(len(factor), dtype=np.intp)
    step = max(1, min(_BLOCK, _CELLS // len(codes)))
    for first in range(0, codes.shape[1], step):
        block = codes[:, first : first + step]
        mean, square = np.hsplit(picks @ np.hstack([block, block**2]) / batch_size, 2)
        variance = square - mean**2  # one constant factor away from the paper's, for all codes alike
        smallest = variance.min(axis=1)
        better = np.flatnonzero(smallest < least)
        least[better] = smallest[better]
        winner[order[better]] = first + variance[better].argmin(axis=1)
    return winner


def deal_votes(
    groups: list[ValueGroups], factor: NDArray[np.intp], batch_size: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Deal every vote its rows.

    Args:
        groups: Values with two rows or more, one ``ValueGroups`` per factor.
        factor: The fixed factor of each vote, shape ``(n_votes,)``.
        batch_size: Rows of a vote.
        rng: Source of the fixed values and of the shuffling.

    Returns:
        The votes, those with the same fixed value together, and in this order the rows of each, ``batch_size`` apiece.
    """
    order, rows = [], []
    for k, group in enumerate(groups):
        votes = np.flatnonzero(factor == k)
        value = rng.integers(len(group.counts), size=len(votes))
        order.append(votes[np.argsort(value, kind="stable")])
        rows.append(_deal(group, np.bincount(value, minlength=len(group.counts)) * batch_size, rng))
    return np.concatenate(order), np.concatenate(rows)


def _deal(group: ValueGroups, n_rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """``n_rows[v]`` rows of each value v in turn, from a deck that is reshuffled when it is exhausted."""
    dealt = []
    for start, count, n in zip(group.starts, group.counts, n_rows, strict=True):
        deck = group.order[start : start + count]
        shuffled = rng.permuted(np.broadcast_to(deck, (-(-n // count), count)), axis=1)
        dealt.append(shuffled.ravel()[:n])
    return np.concatenate(dealt)
