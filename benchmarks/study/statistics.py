"""Moments of estimates with intervals, and the comparison of two estimators on the same batches.

Values are of S critics on R batches. Moments scatter with both; each is left out in turn (a jackknife over batches, and
one over critics where there are two or more), and the two squared errors are added, with Satterthwaite's degrees of
freedom. Ratios of standard deviations are compared on the logarithm of the variance: an interval from the F
distribution covers 75 % where it says 95 % when values are skewed.

References:
    Miller (1974), The Jackknife: A Review. Biometrika 61(1).
    Brown and Forsythe (1974), Robust Tests for the Equality of Variances. JASA 69.
    Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of Statistics 6(2).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import stats

from minebench.leaderboard.statistics import satterthwaite

Statistic = Callable[[np.ndarray], float]


class Interval(NamedTuple):
    """A number with a 95 % interval; the ends are NaN where it has none."""

    value: float
    low: float
    high: float


class Moments(NamedTuple):
    """What an estimator does, in nats.

    Attributes:
        bias: Mean less truth.
        sigma_eval: Standard deviation over batches at fixed critics.
        sigma_train: Standard deviation over critics, that of batches taken off; 0 without critics.
        rmse: Root mean squared error over both.
        not_finite: Share of values that are not finite; with any, the other numbers are NaN.
        above: Share of finite values above log M, where M samples of the product support no bound.
        negative: Share of finite values below 0.
    """

    bias: Interval
    sigma_eval: Interval
    sigma_train: float
    rmse: Interval
    not_finite: float
    above: float
    negative: float


class Comparison(NamedTuple):
    """A ratio of two estimators' numbers, first over second, with the p-value of its being 1."""

    ratio: Interval
    p: float


def moments(values: np.ndarray, truth: float, batch_size: int) -> Moments:
    """The moments of an estimator.

    Args:
        values: Nats, shape (S, R), R >= 3.
        truth: Nats.
        batch_size: M.
    """
    finite = np.isfinite(values)
    kept = values[finite]
    shares = {
        "not_finite": 1 - float(finite.mean()),
        "above": float((kept > np.log(batch_size)).mean()) if len(kept) else 0.0,
        "negative": float((kept < 0).mean()) if len(kept) else 0.0,
    }
    if not finite.all():
        nothing = Interval(np.nan, np.nan, np.nan)
        return Moments(nothing, nothing, np.nan, nothing, **shares)
    return Moments(
        bias=interval(lambda v: float(v.mean()) - truth, values),
        sigma_eval=_root(interval(lambda v: _log(variance_eval(v)), values)),
        sigma_train=math.sqrt(variance_train(values)),
        rmse=_root(interval(lambda v: _log(float(((v - truth) ** 2).mean())), values)),
        **shares,
    )


def variance_eval(values: np.ndarray) -> float:
    """Variance over batches, mean over critics; values of shape (S, R)."""
    return float(np.mean(values.var(1, ddof=1)))


def variance_train(values: np.ndarray) -> float:
    """Variance over critics of what they say in the mean, the part of R batches taken off, at least 0."""
    n_critics, n = values.shape
    if n_critics < 2:
        return 0.0
    rest = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    residual = float(np.square(rest).sum()) / ((n_critics - 1) * (n - 1))
    return max(0.0, float(values.mean(1).var(ddof=1) - residual / n))


def mean_squared_error(values: np.ndarray, truth: float, averaged: float = 1.0) -> float:
    """Squared bias and the variances, that over batches divided by a number of batches that are averaged."""
    bias = float(values.mean()) - truth
    return float(bias * bias + variance_eval(values) / averaged + variance_train(values))


def interval(statistic: Statistic, values: np.ndarray) -> Interval:
    """A statistic of values (S, R) with its 95 % interval by two jackknives; no interval without spread."""
    value, variance, df = _jackknife([statistic], [values])
    if not (df and np.isfinite(value)):
        return Interval(value, np.nan, np.nan)
    reach = float(stats.t.ppf(0.975, df)) * variance**0.5
    return Interval(value, value - reach, value + reach)


def compare(statistics: Sequence[Statistic], values: Sequence[np.ndarray]) -> Comparison:
    """The ratio of two positive statistics, paired on the same batches: the root of the ratio for variances.

    Args:
        statistics: Of the first and the second estimator: variances or mean squared errors.
        values: Theirs, of shapes (S, R) and (S', R).

    Returns:
        The square root of first over second, and the two-sided p-value of 1. Without spread, or with values that are
        not finite, the ratio has no interval and p is 1.
    """
    if not all(np.isfinite(v).all() for v in values):
        return Comparison(Interval(np.nan, np.nan, np.nan), 1.0)
    value, variance, df = _jackknife([partial(_log_of, statistic) for statistic in statistics], values)
    if not (df and np.isfinite(value)):
        return Comparison(_root(Interval(value, np.nan, np.nan)), 1.0)
    reach = float(stats.t.ppf(0.975, df)) * variance**0.5
    p = 2 * float(stats.t.sf(abs(value) / variance**0.5, df))
    return Comparison(_root(Interval(value, value - reach, value + reach)), p)


def brown_forsythe(first: np.ndarray, second: np.ndarray) -> float:
    """Whether two estimators scatter alike: p-value, paired on the same batches.

    The distances to each critic's median, mean over critics, are compared batch by batch with Student's t.

    Args:
        first: Shape (S, R).
        second: Shape (S', R).
    """
    distances = [np.abs(v - np.median(v, axis=1, keepdims=True)).mean(0) for v in (first, second)]
    difference = distances[0] - distances[1]
    if not np.isfinite(difference).all() or np.ptp(difference) == 0:
        return 1.0
    return float(stats.ttest_1samp(difference, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that one false alarm in all of them is as rare as each p says, in the same order."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors), 1.0)
    found = np.empty(len(p_values))
    found[order] = adjusted
    return [float(p) for p in found]


def _jackknife(statistics: Sequence[Statistic], values: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """A statistic, or the first less the second, with its variance and the degrees of freedom (0 without spread)."""

    def difference(parts: Sequence[np.ndarray]) -> float:
        first, *rest = (statistic(part) for statistic, part in zip(statistics, parts, strict=True))
        return first - sum(rest)

    n = values[0].shape[1]
    rounds = [[difference([np.delete(v, batch, 1) for v in values]) for batch in range(n)]]
    for place, array in enumerate(values):
        if len(array) > 1:
            before, after = values[:place], values[place + 1 :]
            rounds.append([difference([*before, np.delete(array, c, 0), *after]) for c in range(len(array))])
    if not np.isfinite([*itertools.chain(*rounds)]).all():
        return difference(values), np.nan, 0.0
    variances = [(len(parts) - 1) * float(np.var(parts)) for parts in rounds]
    return difference(values), sum(variances), satterthwaite(variances, [len(parts) - 1 for parts in rounds])


def _log_of(statistic: Statistic, values: np.ndarray) -> float:
    return _log(statistic(values))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _root(log_interval: Interval) -> Interval:
    """From the logarithm of a variance to a standard deviation."""
    return Interval(*(float(np.exp(0.5 * end)) for end in log_interval))
