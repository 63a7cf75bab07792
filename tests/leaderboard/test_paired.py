"""Differences of models that share their seeds."""

import itertools

import numpy as np
import pytest
from scipy import stats

from minebench.leaderboard.comparison import welch
from minebench.leaderboard.paired import corrected, paired_difference

A = {0: 0.50, 1: 0.70, 2: 0.30, 3: 0.90, 4: 0.61}
SHIFT = {0: 0.02, 1: 0.03, 2: 0.01, 3: 0.02, 4: 0.03}
B = {seed: A[seed] - SHIFT[seed] for seed in A}


def test_it_is_the_paired_t_test_of_the_seeds_that_both_have():
    found = paired_difference([A | {7: 0.1}], [B | {8: 0.9, 9: 0.8}])
    a, b = list(A.values()), list(B.values())
    interval = stats.ttest_rel(a, b).confidence_interval()
    assert found.estimate.mean == pytest.approx(0.022)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert (found.estimate.n, found.unpaired) == (5, 3)


def test_pairs_find_what_the_spread_between_seeds_hides():
    assert paired_difference([A], [B]).p < 0.01
    assert welch(list(A.values()), list(B.values()))[0] > 0.5


def test_seeds_are_paired_by_name_and_not_by_place():
    backwards = dict(reversed(B.items()))
    assert paired_difference([A], [backwards]) == paired_difference([A], [B])


def test_over_data_sets_it_is_the_mean_of_their_means():
    """Differences 1, 3 (mean 2, variance 2) and 5, 5, 8 (mean 6, variance 3): squared error (2/2 + 3/3) / 4 = 1/2."""
    found = paired_difference(
        [{0: 1.0, 1: 3.0}, {0: 5.0, 1: 5.0, 2: 8.0}], [{0: 0.0, 1: 0.0}, {0: 0.0, 1: 0.0, 2: 0.0}]
    )
    df = (1 + 1) ** 2 / (1 / 1 + 1 / 2)
    assert found.estimate.mean == pytest.approx(4.0)
    assert found.p == pytest.approx(2 * stats.t.sf(4 / np.sqrt(0.5), df))


def test_what_cannot_be_tested_says_so():
    assert paired_difference([A], [{9: 1.0}]) is None
    assert paired_difference([A, {}], [B, {}]) is None
    one = paired_difference([{0: 1.0}], [{0: 0.5}])
    assert (one.estimate.mean, one.estimate.low, one.p, one.separable) == (0.5, None, None, False)
    same = paired_difference([{0: 1.0, 1: 2.0}], [{0: 0.5, 1: 1.5}])
    assert (same.estimate.method, same.p) == ("no spread", 1.0)


def test_all_signs_are_counted_where_they_could_reject():
    """Six differences of one sign: 2 of 64. Five could not reach 5 %."""
    rising = {seed: 0.1 * (seed + 1) for seed in range(6)}
    zero = dict.fromkeys(range(6), 0.0)
    assert paired_difference([rising], [zero]).exact == pytest.approx(2 / 64)
    assert paired_difference([A], [B]).exact is None
    mixed = rising | {5: -0.05}
    values = np.array(list(mixed.values()))
    by_hand = [abs(values @ signs) >= abs(values.sum()) - 1e-12 for signs in itertools.product((1, -1), repeat=6)]
    assert paired_difference([mixed], [zero]).exact == pytest.approx(np.mean(by_hand))
    assert paired_difference([dict.fromkeys(range(30), 1.0)], [dict.fromkeys(range(30), 0.0)]).exact is None


def test_the_family_is_what_can_be_tested():
    """p of 0.01 and 0.04 among two tests become 0.02 and 0.04; what has none neither counts nor changes."""
    two = [paired_difference([A], [B]), paired_difference([A], [{s: v - 0.05 * (s - 1) for s, v in A.items()}])]
    one_seed = paired_difference([{0: 1.0}], [{0: 0.5}])
    found = corrected([two[0], None, two[1], one_seed])
    low, high = sorted((two[0].p, two[1].p))
    assert sorted((found[0].holm, found[2].holm)) == pytest.approx([2 * low, max(2 * low, high)])
    assert found[1] is None
    assert found[3] == one_seed
    assert found[0].separable
