"""Gaussian total correlation: values by hand from a correlation matrix."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from minebench.metrics.gaussian_total_correlation import (
    chance_nats,
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


def test_the_chance_value_by_hand():
    """4 rows, 2 codes: (digamma(3/2) - digamma(1)) / 2, where digamma(1) = -g, digamma(3/2) = 2 - g - 2 ln 2.

    5 rows, 3 codes: digamma(2) = 1 - g, twice, less digamma(3/2) and digamma(1): (2 ln 2 - 1 + 1) / 2.
    """
    assert chance_nats(4, 2) == pytest.approx(1 - np.log(2))
    assert chance_nats(5, 3) == pytest.approx(np.log(2))
    assert chance_nats(10**6, 10) == pytest.approx(10 * 9 / 4e6, rel=1e-4)
    assert chance_nats(5, 1) == pytest.approx(0)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_codes_score_too_high_by_the_chance_value_whatever_their_correlation(correlation):
    """The mean of 400 samples of 8 rows of 5 Gaussian codes is 1.16 nats above the truth, within four standard errors.

    To first order it were 5 * 4 / (4 * 7) = 0.71, which is further away.
    """
    rng, covariance = np.random.default_rng(0), correlation * np.ones((5, 5)) + (1 - correlation) * np.eye(5)
    root = np.linalg.cholesky(covariance)
    scores = [gaussian_total_correlation(rng.normal(size=(8, 5)) @ root.T) for _ in range(400)]
    truth = -0.5 * np.linalg.slogdet(covariance)[1]
    error = np.std(scores) / np.sqrt(400)
    assert np.mean(scores) == pytest.approx(truth + chance_nats(8, 5), abs=4 * error)
    assert np.mean(scores) > truth + 20 / 28 + 4 * error


def test_few_rows_are_noted_and_dead_codes_do_not_count():
    codes = np.random.default_rng(0).normal(size=(200, 10))
    few, many = gaussian_total_correlation_result(codes), gaussian_total_correlation_result(codes[:, :3])
    assert few.details["chance_nats"] == chance_nats(200, 10) == pytest.approx(90 / 796, rel=0.05)
    assert few.details["notes"] == ["200 rows are few: for Gaussian codes the value is 0.12 nats too high on average"]
    assert many.details["notes"] == []
    dead = gaussian_total_correlation_result(np.hstack([codes[:, :3], np.ones((200, 7))]))
    assert dead.details["chance_nats"] == many.details["chance_nats"]


def test_rows_that_are_no_more_than_the_codes_are_noted():
    result = gaussian_total_correlation_result(np.random.default_rng(0).normal(size=(4, 4)))
    assert result.details["linear_dependences"] == 1
    assert result.details["chance_nats"] is None
    assert result.details["notes"] == [
        "no more rows than codes that vary: these determine one another, whatever they know"
    ]
    constant = gaussian_total_correlation_result(np.ones((4, 4)))
    assert (constant.details["chance_nats"], constant.details["notes"]) == (0, ["all codes are constant"])


def test_codes_that_others_determine_have_no_chance_value():
    """Ten codes twice are too high by what ten are: the formula of twenty does not hold."""
    codes = np.random.default_rng(0).normal(size=(200, 10))
    details = gaussian_total_correlation_result(np.hstack([codes, codes])).details
    assert details["linear_dependences"] == 10
    assert details["chance_nats"] is None
    assert not details["notes"]
