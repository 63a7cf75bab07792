"""What a handful of seeds says about a model: mean, interval, spread.

The unit is the seed. A metric with a range gets Student's t on the logit of its mean (delta
method), anything else plain Student's t; ``calibration.py`` holds the simulated coverage of
both. Tests between models stand in ``comparison.py``.

References:
    Student (1908), The Probable Error of a Mean. Biometrika 6(1).
    Satterthwaite (1946), An Approximate Distribution of Estimates of Variance Components.
        Biometrics Bulletin 2(6).
    Oehlert (1992), A Note on the Delta Method. The American Statistician 46(1).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit, logit

CONFIDENCE = 0.95
MIN_SEEDS_TO_DISAGREE = 8  # below, the largest gap exceeds half the range too often by chance

Method = Literal["logit t", "t", "no spread", "one seed"]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and how far to trust it.

    Attributes:
        mean: Mean over seeds (and then over data sets), in the metric's unit.
        low: Lower end of the 95 % interval; None if there is no interval.
        high: Upper end.
        n: Seeds behind it, over all data sets.
        method: ``logit t`` or ``t`` with an interval; ``no spread`` (all seeds equal) or
            ``one seed`` without.
        partly_constant: Whether the seeds of some data set are all equal, so that the
            interval knows nothing of that data set's spread.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    method: Method
    partly_constant: bool = False


@dataclass(frozen=True)
class Moments:
    """Mean of means over data sets, its squared standard error and that error's degrees of freedom."""

    mean: float
    variance: float
    df: float  # Satterthwaite; 0 without spread


def estimate(
    samples: ArrayLike | Sequence[ArrayLike], *, lower: float | None = None, upper: float | None = None
) -> Estimate:
    """Mean and 95 % interval over seeds, or over several data sets of some seeds each.

    Args:
        samples: One value a seed, shape ``(n,)``, or a list of such, one for each data set
            (they need not have the same number of seeds); every data set weighs the same.
        lower: Lower end of the metric's range; None if it has none.
        upper: Upper end.

    Returns:
        The estimate. Without interval where some data set has one seed, or where all seeds
        are equal. By ``t`` where the range is open or the mean is not inside it, by
        ``logit t`` otherwise.

    Raises:
        ValueError: If there is no value, or one that is not finite.
    """
    strata = as_strata(samples)
    n = sum(len(values) for values in strata)
    moments = moments_of(strata)
    constant = [len(values) > 1 and has_no_spread(values) for values in strata]
    if min(len(values) for values in strata) == 1:
        return Estimate(moments.mean, None, None, n, "one seed", any(constant))
    if all(constant):
        return Estimate(moments.mean, None, None, n, "no spread", True)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, moments.df))
    half = quantile * math.sqrt(moments.variance)
    if not inside(moments.mean, lower, upper):
        return Estimate(moments.mean, moments.mean - half, moments.mean + half, n, "t", any(constant))
    low, high = _logit_interval(moments.mean, half, lower, upper)
    return Estimate(moments.mean, low, high, n, "logit t", any(constant))


def as_strata(samples: ArrayLike | Sequence[ArrayLike]) -> list[np.ndarray]:
    """Samples as one float64 array for each data set.

    Args:
        samples: As in ``estimate``.

    Returns:
        Arrays of shape ``(n,)``, n >= 1.

    Raises:
        ValueError: If there is no value, or one that is not finite.
    """
    nested = isinstance(samples, Sequence) and bool(samples) and np.ndim(samples[0]) == 1
    parts = samples if nested else [samples]
    strata = [np.asarray(part, dtype=np.float64) for part in parts]  # type: ignore[union-attr]
    for values in strata:
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise ValueError(f"seeds must be a non-empty list of finite numbers; got {values.tolist()}")
    return strata


def moments_of(strata: Sequence[np.ndarray]) -> Moments:
    """Moments of the mean over data sets of the mean over seeds.

    Args:
        strata: One array of seeds for each data set, shape ``(n,)``, n >= 1.

    Returns:
        The variance is sum_d s_d^2 / n_d / D^2, with s_d^2 = 0 for one seed.
    """
    parts = np.array([_variance(values) / len(values) for values in strata]) / len(strata) ** 2
    freedom = np.array([max(len(values) - 1, 1) for values in strata])
    means = [values[0] if has_no_spread(values) else math.fsum(values) / len(values) for values in strata]
    return Moments(math.fsum(means) / len(means), float(parts.sum()), satterthwaite(parts, freedom))


def satterthwaite(variances: ArrayLike, df: ArrayLike) -> float:
    """Degrees of freedom of a sum of independent variance estimates.

    Args:
        variances: Estimates, shape ``(k,)``, >= 0.
        df: Degrees of freedom of each, shape ``(k,)``, >= 1.

    Returns:
        (sum v)^2 / sum(v^2 / df), between the least df and their sum; 0 if all variances are 0.
    """
    v, f = np.asarray(variances, dtype=np.float64), np.asarray(df, dtype=np.float64)
    share = v / v.max() if v.max() > 0 else v  # v^2 of a tiny v is 0
    return float(share.sum() ** 2 / (share**2 / f).sum()) if share.any() else 0.0


def has_no_spread(values: ArrayLike) -> bool:
    """Whether all seeds, shape ``(n,)``, have one and the same value (or differ by less than can be squared)."""
    array = np.asarray(values, dtype=np.float64)
    return bool(np.ptp(array) == 0 or array.var() == 0)


def inside(mean: float, lower: float | None, upper: float | None) -> bool:
    """Whether the range is bounded on both sides and the mean is strictly within, so that it has a logit."""
    return lower is not None and upper is not None and lower < mean < upper


def seeds_disagree(values: ArrayLike) -> bool:
    """Whether the seeds seem to fall into two camps: a gap of more than half their range.

    Args:
        values: One value a seed, shape ``(n,)``.

    Returns:
        Always False below eight seeds; ``calibration.FALSE_ALARMS`` says how often it is
        True by chance.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if len(ordered) < MIN_SEEDS_TO_DISAGREE:
        return False
    return bool(np.diff(ordered).max() > np.ptp(ordered) / 2)


def metric_noise(repeats: Sequence[ArrayLike]) -> float | None:
    """Standard deviation of a stochastic metric on fixed codes, pooled over seeds.

    Args:
        repeats: For each seed, the metric's values on its codes, shape ``(r,)``.

    Returns:
        sqrt(sum of squared deviations / sum of (r - 1)); None if nothing was repeated.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in repeats]
    df = sum(max(len(values) - 1, 0) for values in arrays)
    if not df:
        return None
    return math.sqrt(sum(float(((values - values.mean()) ** 2).sum()) for values in arrays if len(values)) / df)


def _variance(values: np.ndarray) -> float:
    if has_no_spread(values):
        return 0.0  # exactly, where rounding of the mean would leave 1e-34
    return float(values.var(ddof=1))


def _logit_interval(mean: float, half: float, lower: float | None, upper: float | None) -> tuple[float, float]:
    """``mean -+ half`` carried to the logit by d logit(u) / du = 1 / (u (1 - u)), and back."""
    if lower is None or upper is None:
        raise ValueError("the logit needs a range that is bounded on both sides")
    span = upper - lower
    u = (mean - lower) / span
    reach = half / span / (u * (1 - u))
    return lower + span * float(expit(logit(u) - reach)), lower + span * float(expit(logit(u) + reach))
