"""Modularity: values by hand, and the codes that do not count."""

import numpy as np
import pytest

from minebench.metrics.information import joint_information
from minebench.metrics.modularity import modularity, modularity_from_information, modularity_result


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def test_identity_on_a_grid_scores_one():
    factors = full_grid(4, 5, 6)
    assert modularity(factors, factors) == pytest.approx(1.0)


def test_a_factor_coded_twice_or_not_at_all_is_not_seen():
    factors = full_grid(4, 5, 6)
    assert modularity(factors[:, [0, 0, 1]], factors) == pytest.approx(1.0)


@pytest.mark.parametrize(("sizes", "expected"), [((2, 4), 1 - 1 / 4), ((2, 4, 3), 1 - 1 / 4 / 2)])
def test_matches_value_by_hand(sizes, expected):
    """The code tells ln 4 of factor 1 and ln 2 of factor 0, so (ln 2 / ln 4)^2 = 1/4 leaks, over n_factors - 1."""
    factors = full_grid(*sizes)
    codes = np.stack([4 * factors[:, 0] + factors[:, 1], np.zeros(len(factors))], axis=1)
    result = modularity_result(codes, factors)
    assert result.value == pytest.approx(expected)
    assert result.details["code_modularity"] == [pytest.approx(expected), None]
    assert result.details["code_factor"] == [1, None]


def test_the_score_is_the_mean_over_codes_that_vary_and_no_knowledge_is_zero():
    """A pure code, one that knows both factors alike, one that knows nothing, and a constant one: (1 + 0 + 0) / 3."""
    grid = full_grid(2, 2, 3)
    codes = np.stack([grid[:, 0], 2 * grid[:, 0] + grid[:, 1], grid[:, 2], np.zeros(12)], axis=1)
    result = modularity_result(codes, grid[:, :2])
    assert result.value == pytest.approx(1 / 3)
    assert result.details["code_modularity"] == [pytest.approx(1), pytest.approx(0), 0, None]


def test_the_amount_of_information_is_not_seen():
    """A code that is 1 on one row in four of factor 0's value 1 only, whatever factor 1: still fully modular."""
    factors = full_grid(4, 3)
    codes = np.stack([factors[:, 0] == 3, factors[:, 1] == 2], axis=1).astype(float)
    assert modularity(codes, factors) == pytest.approx(1.0)


def test_one_factor_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 that vary; got 1 \(columns \[0\]\)"):
        modularity(np.eye(4), np.array([[0], [0], [1], [1]]))


def test_shared_counts_give_the_same_result():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(200, 4)), rng.integers(3, size=(200, 2))
    shared = modularity_from_information(joint_information(codes, factors, n_bins=7))
    assert shared == modularity_result(codes, factors, n_bins=7)
