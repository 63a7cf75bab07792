"""JEMMIG: values by hand, collapse, and its collapse-safe form."""

import numpy as np
import pytest

from minebench.metrics.information import joint_information
from minebench.metrics.jemmig import jemmig, jemmig_from_information, jemmig_joint, jemmig_result


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def test_identity_on_a_grid_scores_one():
    """H(z*, v) = I(z*; v) = H(v), and no second code knows anything: raw is 0."""
    factors = full_grid(4, 5, 6)
    assert jemmig(factors, factors) == pytest.approx(1.0)
    assert jemmig_joint(factors, factors) == pytest.approx(1.0)


def test_matches_value_by_hand():
    """Code 0 takes four values and tells the binary factor: H(z*) = ln 4, H(v) = I* = ln 2, H(z*, v) = ln 4.
    Code 1 agrees with the factor on 3 of 4 rows. raw = ln 4 - ln 2 + weak."""
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 1.0]])
    weak = np.log(2) + (-0.75 * np.log(0.75) - 0.25 * np.log(0.25)) - 1.5 * np.log(2)
    raw = np.log(2) + weak
    assert jemmig(codes, factors) == pytest.approx(1 - raw / (np.log(2) + np.log(20)))
    assert jemmig(codes, factors, n_bins=30) == pytest.approx(1 - raw / (np.log(2) + np.log(30)))
    assert jemmig_joint(codes, factors) == pytest.approx((2 * np.log(2) - weak) / (np.log(4) + np.log(2)))
    assert jemmig_result(codes, factors).details["raw_nats"] == pytest.approx([raw])


def test_two_equal_codes_per_factor_lose_the_whole_entropy():
    """The second code is as good as the first: raw = H - H + H."""
    factors = full_grid(4, 5)
    expected = np.mean([1 - np.log(n) / (np.log(n) + np.log(20)) for n in (4, 5)])
    assert jemmig(np.hstack([factors, factors]), factors) == pytest.approx(expected)
    assert jemmig_joint(np.hstack([factors, factors]), factors) == pytest.approx(0.5)


def test_collapse_is_rewarded_and_the_joint_form_does_not():
    """Constant codes: H(z*) = I = 0, so raw = H(v) = ln 2, a small share of ln 2 + ln 20.

    Codes whose 20 bins each tell the factor, twice over: H(z*) = ln 20, raw = ln 20 + ln 2 - 2 ln 2 + ln 2 = ln 20.
    """
    factor = np.arange(40)[:, None] % 2
    good = np.arange(40)[:, None] // 2 % 10 / 20 + factor / 2
    good = np.hstack([good, good])
    bound = np.log(2) + np.log(20)
    assert jemmig(np.ones((40, 2)), factor) == pytest.approx(1 - np.log(2) / bound)
    assert jemmig(good, factor) == pytest.approx(1 - np.log(20) / bound)
    assert jemmig(np.ones((40, 2)), factor) > jemmig(good, factor) + 0.5
    assert jemmig_joint(np.ones((40, 2)), factor) == 0
    assert jemmig_joint(good, factor) == pytest.approx(np.log(2) / bound)


def test_a_tie_goes_to_the_smaller_entropy_whatever_the_order():
    """Both codes tell the factor; the second splits its values in two as well. z* is the first: raw = ln 2."""
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    expected = 1 - np.log(2) / (np.log(2) + np.log(20))
    assert jemmig(codes, factors) == pytest.approx(expected)
    assert jemmig(codes[:, ::-1], factors) == pytest.approx(expected)


def test_a_dead_code_cannot_win_a_tie():
    """No code knows anything; the living one is z*: raw = ln 2 + ln 2."""
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[7.0, 0.0], [7.0, 1.0], [7.0, 0.0], [7.0, 1.0]])
    result = jemmig_result(codes, factors)
    assert result.details["best_code"] == [1]
    assert result.value == pytest.approx(1 - 2 * np.log(2) / (np.log(2) + np.log(20)))


@pytest.mark.parametrize("function", [jemmig, jemmig_joint])
def test_one_code_is_refused(function):
    with pytest.raises(ValueError, match="at least 2 of them"):
        function(np.arange(4.0)[:, None], np.array([[0], [0], [1], [1]]))


def test_shared_counts_give_the_same_result():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(200, 4)), rng.integers(3, size=(200, 2))
    result = jemmig_from_information(joint_information(codes, factors, n_bins=7))
    assert result == jemmig_result(codes, factors, n_bins=7)
    assert result.details["jemmig_joint"] == jemmig_joint(codes, factors, n_bins=7)
