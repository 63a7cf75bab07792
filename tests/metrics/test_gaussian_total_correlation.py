"""Gaussian total correlation: values by hand from a correlation matrix."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from minebench.metrics.gaussian_total_correlation import (
    gaussian_total_correlation,
    gaussian_total_correlation_result,
)


def with_covariance(covariance, n_samples=200):
    """Codes whose sample covariance is exactly the given one: whitened noise, coloured."""
    noise = np.random.default_rng(0).normal(size=(n_samples, len(covariance)))
    noise -= noise.mean(axis=0)
    white = noise @ np.linalg.inv(np.linalg.cholesky(np.cov(noise.T))).T
    return white @ np.linalg.cholesky(np.array(covariance)).T


def test_two_codes_by_hand():
    """Correlation 0.6: -1/2 log(1 - 0.36), whatever the variances; a third code with no correlation adds nothing."""
    codes = with_covariance([[4, 2 * 0.6 * 3, 0], [2 * 0.6 * 3, 9, 0], [0, 0, 1]])
    assert gaussian_total_correlation(codes) == pytest.approx(-0.5 * np.log(0.64))


def test_three_codes_by_hand():
    """All correlations 1/2: the determinant is (1 - 1/2)^2 (1 + 2/2) = 1/2."""
    codes = with_covariance([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]])
    assert gaussian_total_correlation(codes) == pytest.approx(0.5 * np.log(2))


def test_units_and_origins_do_not_matter_and_rotations_do():
    codes = with_covariance([[1, 0], [0, 4]])
    assert gaussian_total_correlation(codes * [1e-9, 1e9] + [7, 0]) == pytest.approx(0, abs=1e-9)
    turned = codes @ ortho_group.rvs(2, random_state=np.random.default_rng(1))
    assert gaussian_total_correlation(turned) > 0.01


def test_a_copy_counts_as_one_dependence_and_a_dead_code_as_none():
    codes = with_covariance([[1, 0], [0, 1]])
    result = gaussian_total_correlation_result(np.column_stack([codes, 3 * codes[:, 0], np.full(200, 0.1)]))
    assert result.direction == "down"
    assert result.details["linear_dependences"] == 1
    assert result.details["dead_codes"] == [3]
    assert result.value == pytest.approx(-0.5 * np.log(1e-10 * 2), rel=1e-6)  # eigenvalues 0, 1 and 2
    assert gaussian_total_correlation(np.full((5, 3), 0.1)) == 0


def test_independent_codes_score_the_chance_value():
    """E[-1/2 log det] of D codes is D (D - 1) / (4 n) to first order: 0.0225 here, its spread is about 0.005."""
    codes = np.random.default_rng(0).normal(size=(1000, 10))
    assert gaussian_total_correlation(codes) == pytest.approx(10 * 9 / 4000, abs=0.015)
