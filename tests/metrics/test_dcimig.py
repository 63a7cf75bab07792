"""DCIMIG: values by hand and what it is divided by."""

import numpy as np
import pytest

from minebench.metrics.dcimig import dcimig, dcimig_from_information, dcimig_result
from minebench.metrics.information import joint_information


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def test_identity_on_a_grid_scores_one():
    factors = full_grid(4, 5, 6)
    assert dcimig(factors, factors) == pytest.approx(1.0)


def test_a_factor_coded_twice_counts_once():
    """The best gap is kept, not the sum of the gaps, which would score 2."""
    factors = full_grid(4, 5, 6)
    assert dcimig(np.hstack([factors, factors]), factors) == pytest.approx(1.0)


def test_gaps_are_in_nats_over_the_sum_of_the_entropies():
    """Code 0 is the binary factor: gap ln 2. Code 1 tells both factors: it belongs to the larger one with a gap of
    ln 4 - ln 2. With shares in place of nats, code 1 would have no gap. No code tells factor 2."""
    factors = full_grid(2, 4, 3)
    codes = np.stack([factors[:, 0], 4 * factors[:, 0] + factors[:, 1]], axis=1)
    result = dcimig_result(codes, factors)
    assert result.value == pytest.approx(2 * np.log(2) / (3 * np.log(2) + np.log(3)))
    assert result.details["gap_nats"] == pytest.approx([np.log(2), np.log(2), 0])
    assert result.details["best_code"] == [0, 1, None]
    assert result.details["factor_entropy"] == pytest.approx([np.log(2), np.log(4), np.log(3)])


def test_a_factor_without_a_code_of_its_own_counts_zero():
    """Only the binary factor is coded: ln 2 of 3 ln 2, where a mean over factors would be 1/2."""
    factors = full_grid(2, 4)
    result = dcimig_result(np.stack([factors[:, 0], np.zeros(8)], axis=1), factors)
    assert result.value == pytest.approx(1 / 3)
    assert result.details["best_code"] == [0, None]


def test_noise_beside_good_codes_is_not_seen():
    grid = full_grid(2, 4, 3)
    assert dcimig(grid, grid[:, :2]) == pytest.approx(1.0)


def test_one_factor_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 that vary; got 1 \(columns \[0\]\)"):
        dcimig(np.eye(4), np.array([[0], [0], [1], [1]]))


def test_shared_counts_give_the_same_result():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(200, 4)), rng.integers(3, size=(200, 2))
    shared = dcimig_from_information(joint_information(codes, factors, n_bins=7))
    assert shared == dcimig_result(codes, factors, n_bins=7)
