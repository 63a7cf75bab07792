"""IRS on blocks: equal to that of single codes where blocks are single, values by hand where not."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from minebench.metrics.block_irs import irs_blocks, irs_blocks_result
from minebench.metrics.blocks import pca1
from minebench.metrics.irs import irs, irs_result


def labels(n_samples=600):
    return np.stack([np.random.default_rng(n).integers(n, size=n_samples) for n in (4, 3, 5)], axis=1)


def noisy(sigma=0.5):
    factors = labels()
    codes = np.repeat(factors, 2, axis=1) + sigma * np.random.default_rng(0).normal(size=(600, 6))
    return codes * [1, 2, 3, 4, 0.5, 6], factors


@pytest.mark.parametrize("quantile", [1.0, 0.9])
def test_blocks_of_one_code_score_as_single_codes_do(quantile):
    codes, factors = noisy()
    codes[:, 3] = 0.1
    ours = irs_blocks_result(codes, factors, [[d] for d in range(6)], diff_quantile=quantile)
    theirs = irs_result(codes, factors, diff_quantile=quantile)
    assert ours.value == pytest.approx(theirs.value, abs=1e-12)
    assert ours.details["block_weight"] == pytest.approx(theirs.details["code_weight"])
    assert ours.details["block_robustness"] == pytest.approx(theirs.details["code_robustness"])
    assert ours.details["block_factor"] == theirs.details["code_factor"]


def test_matches_value_by_hand():
    """Block 0: (+-3, +-4) by value, mean 0: lengths 5; groups (3, 4 +- 1): deviation 1. Longest: |(3, 5)|.

    Block 1, weight 2, does not move with the factor: its group deviations are its own, robustness 0.
    """
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[3.0, 5.0, 2.0], [3.0, 3.0, -2.0], [-3.0, -5.0, 2.0], [-3.0, -3.0, -2.0]])
    longest = np.sqrt(34)
    result = irs_blocks_result(codes, factors, [[0, 1], [2]])
    assert result.details["block_weight"] == pytest.approx([longest, 2])
    assert result.details["block_robustness"] == pytest.approx([1 - 1 / longest, 0])
    assert result.value == pytest.approx((longest - 1) / (longest + 2))


def test_quantiles_are_of_lengths_by_hand():
    """Value 0: four points at distances 1, 1, 1, 1 about (0, 0) and (0, 0) itself: median 1, smallest 0.

    Value 1: one point at (9, 0), deviation 0. The mean is (1.5, 0), the longest deviation 7.5.
    """
    codes = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [0, 0], [9, 0]])
    factors = np.array([[0], [0], [0], [0], [0], [1]])
    assert irs_blocks(codes, factors, [[0, 1]], diff_quantile=0.5) == pytest.approx(1 - 0.5 / 7.5)
    assert irs_blocks(codes, factors, [[0, 1]], diff_quantile=0.125) == pytest.approx(1 - 0.25 / 7.5)


def test_perfect_blocks_score_one_and_shuffled_labels_near_the_floor():
    codes, factors = noisy(0)
    blocks = [[0, 1], [2, 3], [4, 5]]
    assert irs_blocks(codes, factors, blocks) == pytest.approx(1)
    assert irs_blocks(codes, np.random.default_rng(0).permutation(factors), blocks) < 0.2
    assert irs_blocks(codes, factors, [[0, 2, 4], [1, 3, 5]]) < 0.6


def test_order_of_blocks_and_codes_and_rotations_inside_a_block_change_nothing():
    codes, factors = noisy()
    blocks = [[0, 1], [2, 3], [4, 5]]
    expected = irs_blocks(codes, factors, blocks)
    assert irs_blocks(codes, factors, [[5, 4], [0, 1], [3, 2]]) == pytest.approx(expected, abs=1e-12)
    turned = codes.copy()
    for block in blocks:
        turned[:, block] = codes[:, block] @ ortho_group.rvs(2, random_state=np.random.default_rng(0)) + [3, -2]
    assert irs_blocks(turned, factors, blocks) == pytest.approx(expected, abs=1e-12)


def test_dead_and_empty_blocks_weigh_nothing():
    codes, factors = noisy()
    padded = np.insert(codes, 6, 0.1, axis=1)
    expected = irs_blocks(codes, factors, [[0, 1], [2, 3]])
    assert irs_blocks(padded, factors, [[6], [0, 1], [], [2, 3]]) == pytest.approx(expected, abs=1e-12)
    assert irs_blocks(padded, factors, [[6], []]) == 0


def test_factors_of_one_row_a_value_are_named():
    codes, _ = noisy()
    result = irs_blocks_result(codes, np.arange(len(codes))[:, None], [[0, 1], [2, 3]])
    assert result.value == pytest.approx(1)
    assert "factor columns [0] have one row" in result.details["notes"][0]


def test_pca1_is_the_metric_of_the_first_components():
    codes, factors = noisy()
    result = irs_blocks_result(codes, factors, [[0, 1], [2, 3]], diff_quantile=0.9)
    expected = irs(pca1(codes, [[0, 1], [2, 3]]), factors, diff_quantile=0.9)
    assert result.details["pca1"] == pytest.approx(expected, abs=1e-12)


def test_a_quantile_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"diff_quantile must be in \(0, 1\]; got 0"):
        irs_blocks(*noisy(), [[0]], diff_quantile=0)
