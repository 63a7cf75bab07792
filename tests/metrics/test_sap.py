"""SAP: values by hand, the best thresholds against an exhaustive search, and lines."""

from fractions import Fraction
from itertools import combinations_with_replacement, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minebench.metrics.sap import sap, sap_result


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def test_identity_on_a_grid_reaches_one_minus_chance():
    """The best code tells every value, the second none: it gets one of n values right whatever the thresholds."""
    factors = full_grid(4, 5, 2)
    assert sap(factors, factors) == pytest.approx(np.mean([3 / 4, 4 / 5, 1 / 2]))


def test_two_equal_codes_per_factor_score_zero():
    factors = full_grid(4, 5)
    assert sap(np.hstack([factors, factors]), factors) == pytest.approx(0.0)


def test_balanced_accuracies_match_values_by_hand():
    """Code 0 in order: 0 0 1 0 1. Cut after two: recalls 2/3 and 1, mean 5/6 (after four it is 3/4).

    Code 1 can be cut once: recalls 2/3 and 1/2, mean 7/12. The gap is 1/4; in plain accuracy it were 4/5 - 3/5.
    """
    factors = np.array([[0], [0], [0], [1], [1]])
    codes = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 1.0], [2.0, 0.0], [4.0, 1.0]])
    result = sap_result(codes, factors)
    assert result.details["best_score"] == [pytest.approx(5 / 6)]
    assert result.details["best_code"] == [0]
    assert result.value == pytest.approx(1 / 4)


def test_a_code_may_order_the_values_as_it_likes():
    factors = full_grid(4, 3)
    codes = np.stack([np.array([5.0, -3.0, 1e6, 2.0])[factors[:, 0]], -factors[:, 1]], axis=1)
    assert sap(codes, factors) == pytest.approx(np.mean([3 / 4, 2 / 3]))


def test_thresholds_are_the_best_there_are():
    """Every way to cut 9 rows with ties into one interval per value, in every order of ascending mean positions."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        code, label = rng.integers(5, size=9), np.append([0, 1, 2], rng.integers(3, size=6))
        position = np.unique(code, return_inverse=True)[1]
        mean = [Fraction(int(position[label == v].sum()), int((label == v).sum())) for v in range(3)]
        orders = [order for order in permutations(range(3)) if mean[order[0]] <= mean[order[1]] <= mean[order[2]]]
        expected = max(
            np.mean([np.mean((np.searchsorted(cuts, code, side="right") == order.index(v))[label == v]) for v in order])
            for order in orders
            for cuts in combinations_with_replacement(range(7), 2)
        )
        # beside a constant code, which scores 0, the gap is the accuracy
        codes = np.stack([code, np.zeros(9)], axis=1).astype(float)
        assert len(orders) <= 2  # of the six orders of three tied values, four are tried
        assert sap(codes, label[:, None]) == pytest.approx(expected)


def test_values_of_one_mean_rank_stand_in_the_better_order():
    """Value 0 is once at code 0 and 9 times at 2, value 1 is 6 times at 1 and 4 times at 3: both means are 1.8.

    First 0: recalls 1 and 4/10, cut behind 2. First 1: 6/10 and 9/10, cut behind 1.
    """
    factors = np.repeat([0, 1], 10)[:, None]
    code = np.repeat([0.0, 2, 1, 3], [1, 9, 6, 4])
    assert sap(np.stack([code, 0 * code], axis=1), factors) == pytest.approx((6 / 10 + 9 / 10) / 2)


TIED = [rows for rows in combinations_with_replacement(range(5), 4) if sum(rows) == 8]  # of mean 2


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(TIED), min_size=2, max_size=5), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_neither_names_nor_sign_nor_rows_matter_where_mean_ranks_tie(tied, n_more, seed):
    """Values that all stand at 2, the middle of five levels, and one of them pulled away by more rows."""
    rng = np.random.default_rng(seed)
    code = np.concatenate([*tied, range(5), rng.integers(5, size=n_more)])
    label = np.append(np.repeat(np.arange(len(tied)), 4), [0] * (5 + n_more))
    codes, rows = np.stack([code, 0 * code], axis=1), rng.permutation(len(code))
    expected = pytest.approx(sap(codes, label[:, None]), abs=1e-12)
    assert sap(codes, rng.permutation(len(tied))[label][:, None]) == expected
    assert sap(-codes, label[:, None]) == expected
    assert sap(codes[rows], label[rows][:, None]) == expected


def test_intervals_do_not_overlap():
    """In order: 1 2 0 2 2 1, mean ranks 2, 2.5 and 8/3, so the intervals stand in the order of the values. The best are
    0 up to the third row and 2 from the fourth: recalls 1, 0 and 2/3. Were 2 to begin inside the interval of 0, where
    1 has no row to lose, it had all of its rows."""
    factors = np.array([[1], [2], [0], [2], [2], [1]])
    codes = np.stack([np.arange(6), np.zeros(6)], axis=1).astype(float)
    assert sap(codes, factors) == pytest.approx((1 + 0 + 2 / 3) / 3)


def test_lines_match_values_by_hand():
    """Code 0 less its mean is -1 0 0 1, the factor's rank -1/2 -1/2 1/2 1/2: R^2 = 1^2 / (2 * 1). Code 1 has none."""
    factors = np.array([[0], [0], [10], [10]])
    codes = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [2.0, 1.0]])
    assert sap(codes, factors, predictor="line") == pytest.approx(1 / 2)
    assert sap(1e-3 * codes - 7, factors, predictor="line") == pytest.approx(1 / 2)


def test_lines_see_one_for_perfect_ordered_codes_and_less_for_a_distortion():
    """0, 0, 1 for ranks -1, 0, 1: covariance 1 over the variances 2/3 and 2: R^2 = 3/4."""
    factors = full_grid(3, 5)
    assert sap(factors, factors, predictor="line") == pytest.approx(1.0)
    codes = np.stack([factors[:, 0] == 2, factors[:, 1]], axis=1).astype(float)
    assert sap(codes, factors, predictor="line") == pytest.approx((3 / 4 + 1) / 2)


@pytest.mark.parametrize("predictor", ["thresholds", "line"])
def test_a_constant_code_scores_zero_even_below_chance(predictor):
    """As the paper has it; so one code that knows nothing beside a constant one has a gap of 1/2 by thresholds."""
    factors = full_grid(2, 2)
    codes = np.stack([factors[:, 1], np.full(4, 0.1)], axis=1)
    expected = {"thresholds": 1 / 2, "line": 0.0}[predictor]
    assert sap(codes, factors[:, :1], predictor=predictor) == pytest.approx(expected)
    assert sap(np.full((4, 2), 0.1), factors, predictor=predictor) == 0


def test_bad_input_is_refused():
    factors = np.array([[0], [0], [1], [1]])
    with pytest.raises(ValueError, match="predictor must be 'thresholds' or 'line'; got 'svm'"):
        sap(np.eye(4), factors, predictor="svm")
    with pytest.raises(ValueError, match="at least 2 of them"):
        sap(np.arange(4.0)[:, None], factors)
