"""How much a score would move if other rows had been drawn: standard errors that hold for bins, maxima and votes.

The rows are cut at random into halves. Two halves are two independent samples of N / 2 rows, so half the squared
difference of their scores has the expectation Var(score of N / 2 rows), whatever the score is made of: neither a
bootstrap (repeated rows bias entropies and make pairs of equal rows) nor a delete-one jackknife (inconsistent for
maxima) can say as much. What is assumed is only the step from N / 2 to N rows, see ``rate_of``. The method is the
half-sample form of the delete-d jackknife: Shao and Wu (1989), A general theory for jackknife variance estimation,
Annals of Statistics 17.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minebench.metrics.block_irs import irs_blocks, irs_blocks_result
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.irs import irs, irs_result
from minebench.metrics.protocol import check_counts, check_generator, check_number


class StandardError(NamedTuple):
    """Standard deviations of a score under new draws.

    Attributes:
        total: Of new rows and new votes, the root of the sum of the squares of the two parts.
        rows: Of new rows from the same distribution.
        draws: Of new votes (or divisions of rows) from the same rows; 0 for metrics that draw nothing.
    """

    total: float
    rows: float
    draws: float


def standard_error(
    metric: Callable[..., float],
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    n_splits: int = 20,
    rate: float | None = None,
    **protocol: Any,
) -> StandardError:
    """Estimate the standard error of a score from the rows at hand.

    Args:
        metric: A function of (codes, factors, ...) that returns a float, e.g. ``mig``; called with ``rng=`` if it
            takes one.
        codes: As ``metric`` takes them, shape ``(n_samples, n_codes)``.
        factors: As ``metric`` takes them, shape ``(n_samples, n_factors)``.
        rng: Source of the halves and of the metric's votes.
        n_splits: Random halvings, each with two scores of half the rows (and, with votes, two of all); they leave a
            relative error of about 1 / sqrt(2 n_splits), more for maxima, which depend on few rows.
        rate: The variance that comes from rows falls as N to the power ``-rate``; ``rate_of`` the metric if left out.
        **protocol: Passed on to ``metric``.

    Returns:
        The standard error at the number of rows given.

    Raises:
        ValueError: If there are fewer than four rows or fewer than one halving, ``rate`` is negative, or half of the
            rows cannot be scored.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.
    """
    check_generator(rng)
    check_counts(n_splits=n_splits)
    if rate is not None:
        check_number("rate", rate)
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=protocol.get("n_factor_bins"))
    codes, factors = np.asarray(codes), np.asarray(factors)
    n_samples = len(inputs.codes)
    if n_samples < 4:
        raise ValueError(f"two halves of two rows are needed at least; got {n_samples} rows")
    random = "rng" in inspect.signature(metric).parameters

    def score(rows: Any) -> float:
        return metric(codes[rows], factors[rows], **protocol, **({"rng": rng} if random else {}))

    of_halves = []
    for _ in range(n_splits):
        order = rng.permutation(n_samples)
        middle = n_samples // 2
        of_halves.append(_variance(score(order[:middle]), score(order[middle : 2 * middle])))
    draws = float(np.mean([_variance(score(...), score(...)) for _ in range(n_splits)])) if random else 0.0
    rows = max(0.0, float(np.mean(of_halves)) - draws) / 2 ** (rate_of(metric, protocol) if rate is None else rate)
    return StandardError(total=(rows + draws) ** 0.5, rows=rows**0.5, draws=draws**0.5)


def rate_of(metric: Callable[..., Any], protocol: Mapping[str, Any]) -> float:
    """How fast the variance that comes from rows falls with their number N.

    Args:
        metric: A function of (codes, factors, ...), the plain one or the one that returns a ``MetricResult``.
        protocol: What it is called with; defaults may be left out.

    Returns:
        The variance falls as N to the power of minus this: 1, as for averages, entropies and votes; 0 for ``irs`` at
        quantile 1 and its form on blocks, because the largest of N Gaussian values varies as much at any N.
    """
    of_largest = metric in (irs, irs_result, irs_blocks, irs_blocks_result)
    return 0.0 if of_largest and protocol.get("diff_quantile", 1.0) == 1.0 else 1.0


def _variance(one: float, other: float) -> float:
    """The unbiased variance of two independent values."""
    return (one - other) ** 2 / 2
