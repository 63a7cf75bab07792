"""MIG: values by hand, and the two mistakes that others make."""

import numpy as np
import pytest

from minebench.metrics.information import joint_information
from minebench.metrics.mig import mig, mig_from_information, mig_result


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def test_identity_on_a_grid_scores_one():
    """On a full grid no code knows anything of another factor. More factors than two guards against a transposed
    table, with which a peer scores 1.667 here."""
    factors = full_grid(4, 5, 6)
    assert mig(factors, factors) == pytest.approx(1.0)


def test_two_equal_codes_per_factor_score_zero():
    factors = full_grid(4, 5, 6)
    assert mig(np.hstack([factors, factors]), factors) == pytest.approx(0.0)


def test_matches_value_by_hand():
    """Code 0 is the factor (ln 2 nats); code 1 agrees with it on 3 of 4 rows."""
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    weak = np.log(2) + (-0.75 * np.log(0.75) - 0.25 * np.log(0.25)) - 1.5 * np.log(2)
    assert mig(codes, factors) == pytest.approx((np.log(2) - weak) / np.log(2))


def test_the_gap_is_divided_by_the_entropy_of_the_factor_not_of_the_code():
    """Code 0 takes four values (ln 4) and tells the binary factor (ln 2): the gap is 1; over H(code) it were 1/2."""
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert mig(codes, factors) == pytest.approx(1.0)


def test_the_score_is_the_mean_over_factors_that_vary():
    """Factor 0 is coded (gap 1), factor 2 is not (gap 0), factor 1 is constant and does not count."""
    grid = full_grid(2, 3)
    factors = np.stack([grid[:, 0], np.zeros(6), grid[:, 1]], axis=1)
    codes = np.stack([grid[:, 0], np.zeros(6)], axis=1)
    result = mig_result(codes, factors)
    assert result.value == pytest.approx(0.5)
    assert result.details["factors"] == [0, 2]
    assert result.details["dropped_factors"] == [1]
    np.testing.assert_allclose(result.details["gap"], [1, 0], atol=1e-12)
    assert result.details["best_code"][0] == 0


def test_equal_widths_penalise_a_monotone_distortion_and_quantiles_do_not():
    """0, 0.01, 1 fall into bins 0, 0, 19 of 20: what is left is whether the value is the last, H(1/3) of ln 3."""
    factors = full_grid(3, 2)
    codes = np.stack([np.array([0, 0.01, 1])[factors[:, 0]], factors[:, 1]], axis=1)
    last = -np.log(1 / 3) / 3 - 2 * np.log(2 / 3) / 3
    assert mig(codes, factors) == pytest.approx((last / np.log(3) + 1) / 2)
    assert mig(codes, factors, binning="quantile") == pytest.approx(1.0)


def test_one_code_is_refused():
    with pytest.raises(ValueError, match="at least 2 of them"):
        mig(np.arange(4.0)[:, None], np.array([[0], [0], [1], [1]]))


def test_shared_counts_give_the_same_result():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(200, 4)), rng.integers(3, size=(200, 2))
    assert mig_from_information(joint_information(codes, factors, n_bins=7)) == mig_result(codes, factors, n_bins=7)
