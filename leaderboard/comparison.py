"""Which models can be told apart: tests between pairs, ranks with ties, and what a table can resolve.

One metric at a time. Two models are compared by Welch's t on the logit of their means,
stratified over data sets; Holm's correction holds the chance of any false claim within the
metric at 5 %.

References:
    Welch (1947), The Generalization of Student's Problem when Several Different Population
        Variances are Involved. Biometrika 34(1-2).
    Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian
        Journal of Statistics 6(2).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats
from scipy.special import logit, ndtr

from minebench.leaderboard.permutation import permutation_test, smallest_p
from minebench.leaderboard.statistics import as_strata, has_no_spread, inside, moments_of, satterthwaite

ALPHA = 0.05
POWER = 0.8

Samples = Mapping[str, ArrayLike | Sequence[ArrayLike]]  # model -> seeds, or a list of seeds for each data set


@dataclass(frozen=True)
class Pair:
    """Two models on one metric.

    Attributes:
        first: A model.
        second: Another.
        difference: Mean of ``first`` minus mean of ``second``.
        p: Two-sided p of the deciding test: Welch's, or the permutation test where neither
            model has any spread; 1 where nothing can be tested.
        holm: ``p`` corrected for all pairs of the metric.
        scale: Where Welch's t was taken.
        permutation: Two-sided p of the exact permutation test; None where it could not
            reject at this number of seeds, or where there are too many arrangements to count.
        least: The least p that the exact test can give at this number of seeds.
    """

    first: str
    second: str
    difference: float
    p: float
    holm: float
    scale: Literal["logit", "plain"]
    permutation: float | None
    least: float

    @property
    def separable(self) -> bool:
        """Whether the two differ at 5 % within the metric."""
        return self.holm < ALPHA


@dataclass(frozen=True, order=True)
class Rank:
    """A place on one metric; ``tied`` where others share it."""

    place: int
    tied: bool = False

    def __str__(self) -> str:
        return f"{self.place}=" if self.tied else f"{self.place}"


def compare(samples: Samples, *, lower: float | None = None, upper: float | None = None) -> tuple[Pair, ...]:
    """Test every pair of models on one metric.

    Args:
        samples: For each model its seeds, shape ``(n,)`` with n >= 2, or a list of such for
            the data sets, the same ones for every model.
        lower: Lower end of the metric's range; None if it has none.
        upper: Upper end.

    Returns:
        All pairs, in the order of ``samples``.

    Raises:
        ValueError: If a model has fewer than two seeds on a data set, or the models differ
            in their number of data sets.
    """
    strata = {model: as_strata(values) for model, values in samples.items()}
    _check(strata)
    names = list(itertools.combinations(strata, 2))
    raw = []
    for first, second in names:
        a, b = strata[first], strata[second]
        p, scale = welch(a, b, lower=lower, upper=upper)
        least = smallest_p(a, b)
        permutation = permutation_test(a, b) if least < ALPHA / len(names) else None
        decides = p if p is not None else permutation if permutation is not None else 1.0
        raw.append((moments_of(a).mean - moments_of(b).mean, decides, scale, permutation, least))
    corrected = holm([p for _, p, *_ in raw])
    return tuple(
        Pair(first, second, difference, p, adjusted, scale, permutation, least)
        for (first, second), (difference, p, scale, permutation, least), adjusted in zip(
            names, raw, corrected, strict=True
        )
    )


def welch(
    first: ArrayLike | Sequence[ArrayLike],
    second: ArrayLike | Sequence[ArrayLike],
    *,
    lower: float | None = None,
    upper: float | None = None,
) -> tuple[float | None, Literal["logit", "plain"]]:
    """Welch's t test of equal means, on the logit scale where every mean has a logit.

    The difference of logits is averaged over data sets; its variance is the sum of the
    delta-method variances, its degrees of freedom are Satterthwaite's.

    Args:
        first: Seeds of one model, as in ``estimate``.
        second: Seeds of the other, on the same data sets.
        lower: Lower end of the metric's range; None if it has none.
        upper: Upper end.

    Returns:
        The two-sided p and the scale; p is None where neither model has any spread.
    """
    a, b = as_strata(first), as_strata(second)
    means = [moments_of([values]).mean for values in (*a, *b)]
    on_logit = all(inside(mean, lower, upper) for mean in means)
    places, variances, freedom = [], [], []
    for values, mean in zip((*a, *b), means, strict=True):
        place, variance = mean, moments_of([values]).variance
        if on_logit and lower is not None and upper is not None:
            u = (mean - lower) / (upper - lower)
            place, variance = float(logit(u)), variance / ((upper - lower) * u * (1 - u)) ** 2
        places.append(place)
        variances.append(variance)
        freedom.append(len(values) - 1)
    scale: Literal["logit", "plain"] = "logit" if on_logit else "plain"
    if not any(variances):
        return None, scale
    difference = np.mean(places[: len(a)]) - np.mean(places[len(a) :])
    t = difference / (math.sqrt(sum(variances)) / len(a))
    return float(2 * stats.t.sf(abs(t), satterthwaite(variances, freedom))), scale


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction.

    Args:
        p_values: p of each test of the family, in [0, 1].

    Returns:
        Corrected p in the same order: the k-th smallest of m times (m - k + 1), made monotone, at most 1.
    """
    corrected = [0.0] * len(p_values)
    worst = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - step)))
        corrected[index] = worst
    return corrected


def ranks(samples: Samples, pairs: Sequence[Pair], *, direction: Literal["up", "down"]) -> dict[str, Rank]:
    """Places with ties.

    The best mean leads; all that are not separable from it share its place. The best of the
    rest leads the next place, and so on. A model without any spread never leads alone: its
    equal seeds may only show that the metric is saturated.

    Args:
        samples: As in ``compare``.
        pairs: What ``compare`` returned for them.
        direction: Which way is better.

    Returns:
        A rank for each model, the best first.
    """
    strata = {model: as_strata(values) for model, values in samples.items()}
    sign = -1 if direction == "up" else 1
    waiting = sorted(strata, key=lambda model: (sign * moments_of(strata[model]).mean, model))
    separable = {frozenset((pair.first, pair.second)) for pair in pairs if pair.separable}
    result: dict[str, Rank] = {}
    while waiting:
        group = _inseparable(waiting, separable)
        if not result and len(group) == 1 and all(has_no_spread(values) for values in strata[group[0]]):
            group += _inseparable([model for model in waiting if model not in group], separable)
        rank = Rank(len(result) + 1, len(group) > 1)
        result |= dict.fromkeys(group, rank)
        waiting = [model for model in waiting if model not in group]
    return result


def resolvable_difference(samples: Samples, *, power: float = POWER) -> float | None:
    """The smallest true difference of two models that such a table finds with the given power.

    Welch's test is harder to pass at few seeds than its normal or pooled-variance
    approximation (which would find 62 % where it promises 80 %, at three seeds and three
    pairs), so its power is integrated over the variances that the seeds may show.

    Args:
        samples: As in ``compare``.
        power: Chance to find it, in (0, 1).

    Returns:
        In the metric's unit, for normal seeds with the variance pooled over models, the
        least number of seeds of each data set, and a test at 5 % over the number of pairs (the
        first and hardest step of Holm); None with fewer than two models or without any spread.
    """
    strata = [as_strata(values) for values in samples.values()]
    pairs = math.comb(len(strata), 2)
    columns = list(zip(*strata, strict=True))  # by data set
    variances = np.repeat([_pooled(column) / min(len(values) for values in column) for column in columns], 2)
    if not pairs or not variances.any():
        return None
    df = np.repeat([min(len(values) for values in column) - 1 for column in columns], 2)
    seen = variances * stats.chi2.ppf(_unit_points(len(df)), df) / df  # what the test takes the variances for
    total = seen.sum(axis=1)
    threshold = stats.t.isf(ALPHA / pairs / 2, total**2 / (seen**2 / df).sum(axis=1)) * np.sqrt(total / variances.sum())

    def miss(distance: float) -> float:
        return power - float(np.mean(ndtr(distance - threshold) + ndtr(-distance - threshold)))

    reach = 1.0
    while miss(reach) > 0:
        reach *= 2
    return float(optimize.brentq(miss, 0.0, reach)) * math.sqrt(variances.sum()) / len(columns)


def _pooled(column: Sequence[np.ndarray]) -> float:
    """Variance over seeds, pooled over models."""
    squares = [float(((values - values.mean()) ** 2).sum()) for values in column if not has_no_spread(values)]
    return math.fsum(squares) / sum(len(values) - 1 for values in column)


def _unit_points(dimensions: int) -> np.ndarray:
    """4,095 evenly spread points of the open unit cube, always the same ones."""
    return np.asarray(stats.qmc.Halton(dimensions, scramble=False).random(4096)[1:])  # the first is the corner


def _check(strata: Mapping[str, Sequence[np.ndarray]]) -> None:
    for model, values in strata.items():
        if min(len(part) for part in values) < 2:
            raise ValueError(f"models are compared from two seeds on; {model} has {[len(part) for part in values]}")
    if len({len(values) for values in strata.values()}) > 1:
        counts = {model: len(values) for model, values in strata.items()}
        raise ValueError(f"models are compared on the same data sets; got {counts} of them")


def _inseparable(ordered: list[str], separable: set[frozenset[str]]) -> list[str]:
    """The first and all that cannot be told from it."""
    return [model for model in ordered if model == ordered[0] or frozenset((ordered[0], model)) not in separable]
