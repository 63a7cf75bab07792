import itertools

import numpy as np
import pytest
from scipy import stats

from minebench.leaderboard.permutation import permutation_test, smallest_p


def test_two_against_two_by_hand():
    """Of the six splits of 1, 2, 3, 4 only {1, 2} and {3, 4} are two apart; {1, 3} and {2, 4} are one apart."""
    assert permutation_test([1.0, 2.0], [3.0, 4.0]) == pytest.approx(2 / 6)
    assert permutation_test([1.0, 3.0], [2.0, 4.0]) == pytest.approx(4 / 6)
    assert permutation_test([1.0, 4.0], [2.0, 3.0]) == 1


def test_the_least_p_is_reached_by_separated_seeds():
    first, second = np.arange(5.0), np.arange(5.0) + 10
    assert permutation_test(first, second) == smallest_p([first], [second]) == pytest.approx(2 / 252)


def test_the_least_p_of_unequal_numbers_of_seeds_is_one_sided():
    """C(5, 2) = 10; exchanging the models is no arrangement of 2 against 3."""
    first, second = np.array([0.0, 0.1]), np.array([5.0, 5.1, 5.2])
    assert permutation_test(first, second) == smallest_p([first], [second]) == pytest.approx(1 / 10)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 5), (5, 5)])
def test_agrees_with_scipy_on_one_data_set(sizes):
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.7, 1, sizes[0]), rng.normal(0, 1, sizes[1])
    expected = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.abs(a.mean(axis=axis) - b.mean(axis=axis)),
        vectorized=True,
        n_resamples=np.inf,
        alternative="greater",
    ).pvalue
    assert permutation_test(first, second) == pytest.approx(expected)


def test_strata_agree_with_plain_enumeration():
    """Three data sets of different sizes, every joint arrangement written out."""
    rng = np.random.default_rng(2)
    first = [rng.normal(0.5, 1, n) for n in (2, 3, 2)]
    second = [rng.normal(0, 1, n) for n in (3, 2, 2)]

    def differences(a, b):
        values = np.concatenate([a, b])
        for chosen in itertools.combinations(range(len(values)), len(a)):
            yield values[list(chosen)].mean() - np.delete(values, chosen).mean()

    observed = abs(sum(a.mean() - b.mean() for a, b in zip(first, second, strict=True)))
    sums = [abs(sum(parts)) for parts in itertools.product(*map(differences, first, second))]
    assert permutation_test(first, second) == pytest.approx(np.mean([s >= observed - 1e-12 for s in sums]))


def test_equal_models_are_not_separable():
    assert permutation_test([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]) == 1
    assert permutation_test([0.5, 0.5], [0.5, 0.5]) == 1


def test_rounding_does_not_decide_a_tie():
    """0.1 + 0.2 against 0.3: sums equal in theory, not in floating point."""
    assert permutation_test([0.1, 0.2], [0.3, 0.0]) == 1


def test_too_many_arrangements_are_not_counted():
    seeds = np.arange(11.0)  # C(22, 11) = 705,432
    assert permutation_test(seeds, seeds + 20) is None
    assert smallest_p([seeds], [seeds]) == pytest.approx(2 / 705_432)
    assert permutation_test([seeds, seeds[:2]], [np.arange(2.0), seeds[:2]]) is not None  # 78 x 6
