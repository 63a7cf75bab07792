"""How often the intervals hold and the flag is wrong, found by simulation.

Seeds are drawn from beta distributions, which have the range and the skew of disentanglement
scores: means of 0.1, 0.2 and 0.8, standard deviations of 0.07 to 0.16. The tables below are
what the functions that simulate return; a slow test makes them again.
"""

import itertools
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from minebench.leaderboard.statistics import CONFIDENCE

POPULATIONS = ((2.0, 18.0), (1.0, 4.0), (8.0, 2.0), (16.0, 4.0))  # Beta(a, b)
N_TABLES = 200_000  # simulated cells for each population


class Coverage(NamedTuple):
    """Share of nominal 95 % intervals that hold the true mean, least and most over the populations."""

    low: float
    high: float


COVERAGE: dict[str, dict[int, Coverage]] = {
    "logit t": {
        2: Coverage(0.950, 0.952),
        3: Coverage(0.949, 0.951),
        4: Coverage(0.947, 0.950),
        5: Coverage(0.946, 0.949),
        6: Coverage(0.945, 0.949),
        7: Coverage(0.944, 0.949),
        8: Coverage(0.946, 0.949),
        9: Coverage(0.945, 0.949),
        10: Coverage(0.945, 0.949),
        11: Coverage(0.944, 0.949),
        12: Coverage(0.945, 0.949),
        13: Coverage(0.945, 0.949),
        14: Coverage(0.945, 0.949),
        15: Coverage(0.945, 0.949),
        16: Coverage(0.946, 0.950),
        17: Coverage(0.946, 0.950),
        18: Coverage(0.945, 0.949),
        19: Coverage(0.946, 0.950),
        20: Coverage(0.946, 0.950),
    },
    "t": {
        2: Coverage(0.923, 0.947),
        3: Coverage(0.909, 0.942),
        4: Coverage(0.909, 0.941),
        5: Coverage(0.912, 0.940),
        6: Coverage(0.916, 0.940),
        7: Coverage(0.919, 0.941),
        8: Coverage(0.922, 0.942),
        9: Coverage(0.923, 0.942),
        10: Coverage(0.926, 0.943),
        11: Coverage(0.928, 0.944),
        12: Coverage(0.930, 0.943),
        13: Coverage(0.931, 0.944),
        14: Coverage(0.932, 0.944),
        15: Coverage(0.933, 0.944),
        16: Coverage(0.934, 0.945),
        17: Coverage(0.936, 0.946),
        18: Coverage(0.937, 0.945),
        19: Coverage(0.937, 0.946),
        20: Coverage(0.937, 0.947),
    },
}

# Of the mean over data sets, by seeds on each: least and most over two, three and five data sets.
OVERALL_COVERAGE: dict[str, dict[int, Coverage]] = {
    "logit t": {
        2: Coverage(0.963, 0.980),
        3: Coverage(0.946, 0.966),
        4: Coverage(0.942, 0.961),
        5: Coverage(0.940, 0.958),
        6: Coverage(0.940, 0.956),
        7: Coverage(0.940, 0.956),
        8: Coverage(0.942, 0.954),
        9: Coverage(0.942, 0.954),
        10: Coverage(0.942, 0.953),
    },
    "t": {
        2: Coverage(0.947, 0.979),
        3: Coverage(0.919, 0.965),
        4: Coverage(0.917, 0.960),
        5: Coverage(0.920, 0.957),
        6: Coverage(0.923, 0.955),
        7: Coverage(0.925, 0.956),
        8: Coverage(0.928, 0.954),
        9: Coverage(0.929, 0.953),
        10: Coverage(0.931, 0.952),
    },
}

FALSE_ALARMS: dict[int, float] = {
    8: 0.219,
    9: 0.168,
    10: 0.130,
    11: 0.102,
    12: 0.082,
    13: 0.067,
    14: 0.058,
    15: 0.050,
    16: 0.045,
    17: 0.039,
    18: 0.035,
    19: 0.032,
    20: 0.029,
}


def coverage(n: int, method: Literal["logit t", "t"], *, overall: bool = False) -> Coverage:
    """Simulated coverage of the 95 % interval at ``n`` seeds.

    Args:
        n: Seeds, >= 2; from the table's end on its last row serves.
        method: As in ``Estimate``.
        overall: Whether the mean is over several data sets.

    Returns:
        Its least and greatest value over the populations.

    Raises:
        ValueError: If ``n`` is below two, where there is no interval.
    """
    if n < 2:
        raise ValueError(f"an interval takes two seeds or more; got {n}")
    table = (OVERALL_COVERAGE if overall else COVERAGE)[method]
    return table[min(n, max(table))]


def false_alarm_rate(n: int) -> float:
    """How often ``seeds_disagree`` raises its flag over ``n`` seeds of one camp.

    Args:
        n: Seeds, >= 8; from the table's end on its last row serves.

    Returns:
        The greatest rate over the populations.

    Raises:
        ValueError: If ``n`` is below eight, where the flag is never raised.
    """
    if n < min(FALSE_ALARMS):
        raise ValueError(f"the flag is raised from {min(FALSE_ALARMS)} seeds on; got {n}")
    return FALSE_ALARMS[min(n, max(FALSE_ALARMS))]


def simulate_coverage(
    n: int, method: Literal["logit t", "t", "bar"], *, rng: np.random.Generator, n_tables: int = N_TABLES
) -> Coverage:
    """Draw cells of ``n`` seeds and count the intervals that hold the mean.

    Args:
        n: Seeds, >= 2.
        method: As in ``Estimate``; ``bar`` is the usual mean -+ one standard error.
        rng: Source of the seeds.
        n_tables: Cells drawn for each population; 200,000 give a standard error of 0.0005.

    Returns:
        Least and greatest share over the populations.
    """
    shares = []
    for a, b in POPULATIONS:
        low, high = _intervals(rng.beta(a, b, (n_tables, n)), method)
        shares.append(float(np.mean((low <= a / (a + b)) & (a / (a + b) <= high))))
    return Coverage(min(shares), max(shares))


def simulate_overall_coverage(
    n: int, method: Literal["logit t", "t"], *, rng: np.random.Generator, n_tables: int = N_TABLES
) -> Coverage:
    """Draw means over several data sets and count the intervals that hold the truth.

    Args:
        n: Seeds on each data set, >= 2.
        method: As in ``Estimate``.
        rng: Source of the seeds.
        n_tables: Cells drawn for each number of data sets and each choice of populations.

    Returns:
        Least and greatest share over two, three and five data sets, each of another
        population than the one before it.
    """
    shares = []
    for n_datasets, first in itertools.product((2, 3, 5), range(len(POPULATIONS))):
        shapes = [POPULATIONS[(first + k) % len(POPULATIONS)] for k in range(n_datasets)]
        seeds = np.stack([rng.beta(a, b, (n_tables, n)) for a, b in shapes])
        mean, parts = seeds.mean(axis=(0, 2)), seeds.var(axis=2, ddof=1) / n / n_datasets**2
        df = parts.sum(axis=0) ** 2 / (parts**2 / (n - 1)).sum(axis=0)
        low, high = _student(mean, np.sqrt(parts.sum(axis=0)), df, method)
        truth = np.mean([a / (a + b) for a, b in shapes])
        shares.append(float(np.mean((low <= truth) & (truth <= high))))
    return Coverage(min(shares), max(shares))


def simulate_false_alarms(n: int, *, rng: np.random.Generator, n_tables: int = N_TABLES) -> float:
    """Draw ``n`` seeds of one camp and count how often their largest gap exceeds half their range.

    Args:
        n: Seeds, >= 2.
        rng: Source of the seeds.
        n_tables: Cells drawn for each population.

    Returns:
        The greatest share over the populations.
    """
    shares = []
    for a, b in POPULATIONS:
        ordered = np.sort(rng.beta(a, b, (n_tables, n)), axis=1)
        largest = np.diff(ordered, axis=1).max(axis=1)
        shares.append(float(np.mean(largest > (ordered[:, -1] - ordered[:, 0]) / 2)))
    return max(shares)


def _intervals(seeds: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Both ends for every row of ``seeds``: ``estimate`` written for many cells at once."""
    n = seeds.shape[1]
    mean, error = seeds.mean(axis=1), seeds.std(axis=1, ddof=1) / np.sqrt(n)
    if method == "bar":
        return mean - error, mean + error
    return _student(mean, error, n - 1, method)


def _student(mean: np.ndarray, error: np.ndarray, df: float | np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    half = error * stats.t.ppf((1 + CONFIDENCE) / 2, df)
    if method == "t":
        return mean - half, mean + half
    reach = half / (mean * (1 - mean))
    return expit(logit(mean) - reach), expit(logit(mean) + reach)
