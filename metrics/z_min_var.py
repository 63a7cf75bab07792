"""Z-min Var, the FactorVAE score as an error rate: does the code that varies least name the fixed factor?

Kim and Mnih (2018), Disentangling by Factorising, section 4, arXiv:1802.05983. Departure: the paper's accuracy is
``factor_vae_score``; Z-min Var is 1 minus it, so that lower is better. The rows of a fixed value are dealt without
replacement across votes: drawing them with replacement, as some implementations do, lowers the score of small samples.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.groups import ValueGroups
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.protocol import check_counts, check_generator, check_number
from minebench.metrics.result import MetricResult
from minebench.metrics.votes import accuracy_details, deal_votes, drawn_from, majority_vote, votable_groups

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
    check_generator(rng)
    check_counts(n_train=n_train, n_test=n_test)
    check_counts(2, batch_size=batch_size)  # a vote is a variance: it needs two rows
    check_number("min_std", min_std)
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    groups = votable_groups(inputs)
    details = inputs.details() | {"chance": 1 - 1 / len(groups), "drawn_from": drawn_from(inputs)}
    if not inputs.alive.any():
        details |= {"factor_vae_score": 1 / len(groups), "notes": ["all codes are constant: the score is chance"]}
        return MetricResult(1 - 1 / len(groups), "down", details)
    standardized, std = inputs.standardized()
    active, told = inputs.active_codes(std, min_std)
    tables = _tables(standardized, active)
    del standardized  # its memory is for the votes
    factor = rng.integers(len(groups), size=n_train + n_test)
    winner = _winners(tables, groups, factor, batch_size, rng)
    named, correct = majority_vote(winner, factor, n_train, shape=(len(active), len(groups)))
    accuracy = float(correct.mean())
    details |= told | accuracy_details(correct, factor[n_train:], len(groups))
    details |= {
        "factor_vae_score": accuracy,
        "code_factor": [inputs.kept_factors[k] for k in named],
    }
    return MetricResult(1 - accuracy, "down", details)


def _tables(codes: NDArray[np.float64], columns: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    """These columns, a few at a time, each time beside their squares."""
    step = max(1, min(_BLOCK, _CELLS // len(codes)))
    tables = []
    for first in range(0, len(columns), step):
        block = columns[first : first + step]
        table = np.empty((len(codes), 2 * len(block)))
        table[:, : len(block)] = codes[:, block]
        np.square(table[:, : len(block)], out=table[:, len(block) :])
        tables.append(table)
    return tables


def _winners(
    tables: list[NDArray[np.float64]],
    groups: list[ValueGroups],
    factor: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Which of the codes (mean 0, variance 1) varies least in each vote, counted over all tables."""
    winner = np.empty(len(factor), dtype=np.intp)
    n_codes = sum(table.shape[1] for table in tables) // 2
    for votes, picks in deal_votes(groups, factor, batch_size, rng, n_codes):
        least, first = np.full(len(votes), np.inf), 0
        for table in tables:
            sums = picks @ table
            sums /= batch_size
            mean, variance = np.hsplit(sums, 2)
            variance -= mean**2  # one constant factor away from the paper's, for all codes alike
            column = variance.argmin(axis=1)
            smallest = variance[np.arange(len(column)), column]
            better = smallest < least
            least[better] = smallest[better]
            winner[votes[better]] = first + column[better]
            first += variance.shape[1]
    return winner
