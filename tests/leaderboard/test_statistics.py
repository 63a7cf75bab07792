import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minebench.leaderboard.statistics import estimate, metric_noise, satterthwaite, seeds_disagree

T_1 = math.tan(0.95 * math.pi / 2)  # 97.5 % quantile of t with one degree of freedom (Cauchy): 12.706
T_2 = 0.95 * math.sqrt(2 / (1 - 0.95**2))  # with two: 4.303


def logit(u):
    return math.log(u / (1 - u))


def test_plain_t_by_hand():
    """Mean 2, s = 1, standard error 1 / sqrt(3)."""
    result = estimate([1.0, 2.0, 3.0])
    assert (result.mean, result.n, result.method) == (2.0, 3, "t")
    assert result.high - 2 == pytest.approx(T_2 / math.sqrt(3))
    assert 2 - result.low == pytest.approx(T_2 / math.sqrt(3))


def test_logit_t_by_hand():
    """Mean 0.3, standard error 0.1; on the logit 0.1 / (0.3 x 0.7)."""
    result = estimate([0.2, 0.4], lower=0.0, upper=1.0)
    assert result.method == "logit t"
    assert logit(result.high) - logit(0.3) == pytest.approx(T_1 * 0.1 / 0.21)
    assert logit(0.3) - logit(result.low) == pytest.approx(T_1 * 0.1 / 0.21)


def test_a_general_range_is_the_unit_range_rescaled():
    unit = estimate([0.2, 0.4, 0.5], lower=0.0, upper=1.0)
    wide = estimate([-0.6, -0.2, 0.0], lower=-1.0, upper=1.0)  # 2 u - 1
    assert (wide.mean, wide.low, wide.high) == pytest.approx((2 * unit.mean - 1, 2 * unit.low - 1, 2 * unit.high - 1))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_the_logit_interval_stays_in_the_range_and_holds_the_mean(values):
    result = estimate(values, lower=0.0, upper=1.0)
    if result.method == "logit t":
        assert 0 <= result.low <= result.mean <= result.high <= 1


def test_one_seed_has_no_interval():
    result = estimate([0.3], lower=0.0, upper=1.0)
    assert (result.mean, result.low, result.high, result.n, result.method) == (0.3, None, None, 1, "one seed")


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_equal_seeds_have_no_spread_and_no_interval(value):
    result = estimate([value] * 3, lower=0.0, upper=1.0)
    assert (result.mean, result.low, result.high, result.n, result.method) == (value, None, None, 3, "no spread")
    assert result.partly_constant


def test_a_mean_outside_the_range_gets_plain_t():
    result = estimate([-0.3, 0.1], lower=0.0, upper=1.0)
    assert result.method == "t"
    assert (result.low + result.high) / 2 == pytest.approx(-0.1)
    assert result.high - result.mean == pytest.approx(T_1 * 0.2)


def test_a_range_open_on_one_side_gets_plain_t():
    assert estimate([0.2, 0.4], lower=None, upper=1.0).method == "t"


def test_overall_is_the_mean_of_data_set_means_whatever_their_seeds():
    """Means 0.3 (two seeds) and 0.6 (three): 0.45, where pooling all five seeds would give 0.48.

    Variances of the means 0.01 and 0.01 / 3; of their mean (0.01 + 0.01 / 3) / 4 = 1 / 300; degrees of
    freedom by Satterthwaite (4 / 3)^2 / (1 / 1 + (1 / 9) / 2) = (16 / 9) / (19 / 18) = 32 / 19.
    """
    from scipy import stats

    result = estimate([[0.2, 0.4], [0.5, 0.6, 0.7]], lower=0.0, upper=1.0)
    assert result.mean == pytest.approx(0.45)
    assert result.n == 5
    reach = stats.t.ppf(0.975, 32 / 19) * math.sqrt(1 / 300) / (0.45 * 0.55)
    assert logit(result.high) - logit(0.45) == pytest.approx(reach)


def test_one_data_set_alone_is_its_own_overall():
    assert estimate([[0.2, 0.4, 0.5]], lower=0.0, upper=1.0) == estimate([0.2, 0.4, 0.5], lower=0.0, upper=1.0)


def test_overall_says_when_a_data_set_has_no_spread():
    """The spread of the other data set alone: standard error 0.1 / 2, one degree of freedom."""
    result = estimate([[0.2, 0.4], [0.5, 0.5]])
    assert result.partly_constant
    assert result.high - 0.4 == pytest.approx(T_1 * 0.05)
    assert not estimate([[0.2, 0.4], [0.5, 0.6]]).partly_constant


def test_overall_with_one_seed_somewhere_has_no_interval():
    result = estimate([[0.2, 0.4], [0.5]], lower=0.0, upper=1.0)
    assert (result.mean, result.low, result.method) == (pytest.approx(0.4), None, "one seed")


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [math.inf], [[0.1, 0.2], []], [[[0.1]]]])
def test_what_is_no_list_of_finite_seeds_is_refused(values):
    with pytest.raises(ValueError, match="finite numbers"):
        estimate(values)


def test_degrees_of_freedom_lie_between_the_least_and_the_sum():
    assert satterthwaite([1.0, 1.0], [3, 3]) == pytest.approx(6)  # equal variances: the sum
    assert satterthwaite([1.0, 0.0], [3, 9]) == pytest.approx(3)  # one without spread: the other's
    assert satterthwaite([1e-200, 1e-200], [3, 3]) == pytest.approx(6)  # squares underflow
    assert satterthwaite([0.0, 0.0], [3, 3]) == 0


def test_seeds_disagree_from_eight_on_when_one_gap_is_over_half_the_range():
    camps = [0.1, 0.11, 0.12, 0.13, 0.8, 0.81, 0.82, 0.83]
    assert seeds_disagree(camps)
    assert not seeds_disagree(camps[:7])
    assert not seeds_disagree(np.linspace(0, 1, 8))
    assert not seeds_disagree([0, 1, 2, 3, 4, 8, 8, 8])  # the gap is half the range, not more
    assert not seeds_disagree([0.5] * 8)


def test_metric_noise_is_pooled_within_seeds():
    """Seeds differ a lot; within them squares sum to 0.02 and 0.08 on 1 + 2 degrees of freedom."""
    assert metric_noise([[0.1, 0.3], [0.7, 0.9, 0.5]]) == pytest.approx(math.sqrt((0.02 + 0.08) / 3))
    assert metric_noise([[0.1, 0.1], [0.9]]) == 0
    assert metric_noise([[0.1], [], [0.9]]) is None
