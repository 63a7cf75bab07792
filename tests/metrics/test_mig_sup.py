"""MIG-sup: values by hand, what it is divided by, and which codes count."""

import numpy as np
import pytest

from minebench.metrics.information import joint_information
from minebench.metrics.mig_sup import mig_sup, mig_sup_from_information, mig_sup_result


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def test_identity_on_a_grid_scores_one():
    factors = full_grid(4, 5, 6)
    assert mig_sup(factors, factors) == pytest.approx(1.0)


def test_a_factor_coded_twice_is_not_seen():
    factors = full_grid(4, 5, 6)
    assert mig_sup(np.hstack([factors, factors]), factors) == pytest.approx(1.0)


def test_the_score_is_the_mean_over_codes_not_over_factors():
    """Code 0 is the first factor: gap 1. Code 1 is 1 where both factors are: it knows as much of either, gap 0.
    Code 2 is the first factor again."""
    factors = full_grid(2, 2)
    codes = np.stack([factors[:, 0], factors.min(axis=1), factors[:, 0]], axis=1)
    result = mig_sup_result(codes, factors)
    assert result.value == pytest.approx(2 / 3)
    np.testing.assert_allclose(result.details["gap"], [1, 0, 1], atol=1e-12)
    assert result.details["best_factor"][0] == 0


def test_matches_value_by_hand():
    """Code 0 is 1 on two of six rows: H = H(1/3). Given factor 0 it is constant for one value and 1 on two of three
    rows for the other: H(1/3) / 2. Given factor 1 it is either for two of the three values: 2/3 ln 2."""
    factors = full_grid(2, 3)
    codes = np.stack([(factors[:, 0] == 1) & (factors[:, 1] < 2), np.zeros(6)], axis=1).astype(float)
    third = -np.log(1 / 3) / 3 - 2 * np.log(2 / 3) / 3
    first, second = (third - third / 2) / np.log(2), (third - 2 / 3 * np.log(2)) / np.log(3)
    assert mig_sup(codes, factors) == pytest.approx(first - second)


def test_each_information_is_divided_by_the_entropy_of_its_factor():
    """The code tells two of three factors in full, a share of 1 each; in nats it were ahead by ln 4 - ln 2."""
    factors = full_grid(2, 4, 3)
    codes = np.stack([4 * factors[:, 0] + factors[:, 1], np.zeros(24)], axis=1)
    assert mig_sup(codes, factors) == pytest.approx(0.0, abs=1e-12)


def test_the_gap_is_not_divided_by_the_entropy_of_the_code():
    """The code takes four values (ln 4) and tells the binary factor 0 (ln 2): 1; over H(code) it were 1/2."""
    grid = full_grid(2, 2, 2)
    codes = np.stack([2 * grid[:, 0] + grid[:, 2], np.zeros(8)], axis=1)
    assert mig_sup(codes, grid[:, :2]) == pytest.approx(1.0)


def test_collapsed_codes_do_not_count_unless_there_are_no_others():
    """Code 1 mixes the factors on a scale of 1e-3: below 0.05 it is no meaningful code."""
    factors = full_grid(2, 2)
    codes = np.stack([factors[:, 0], 1e-3 * factors.min(axis=1)], axis=1)
    result = mig_sup_result(codes, factors)
    assert result.value == pytest.approx(1.0)
    assert result.details["active_codes"] == [0]
    result = mig_sup_result(1e-3 * codes, factors)
    assert result.value == pytest.approx(0.5)
    assert result.details["notes"] == ["no code passed min_std=0.05: all non-constant codes were used"]


def test_one_factor_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 that vary; got 1 \(columns \[0\]\)"):
        mig_sup(np.eye(4), np.array([[0, 5], [0, 5], [1, 5], [1, 5]]))


def test_shared_counts_give_the_same_result():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(200, 4)), rng.integers(3, size=(200, 2))
    shared = mig_sup_from_information(joint_information(codes, factors, n_bins=7))
    assert shared == mig_sup_result(codes, factors, n_bins=7)
