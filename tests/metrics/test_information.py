"""Binning, entropies and joint counts."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from minebench.metrics import information
from minebench.metrics.information import bin_codes, joint_information


def mixed(n_samples, n_codes, sizes, seed=0):
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(size, size=n_samples) for size in sizes], axis=1)
    codes = rng.normal(size=(n_samples, n_codes))
    codes[:, : len(sizes)] += factors[:, :n_codes]
    return codes, factors


def test_entropies_and_information_by_hand():
    """Code 0 is the first factor (ln 2); code 1 is 1 on one row in four.

    H(code 1) = -3/4 ln 3/4 - 1/4 ln 1/4. With factor 0 the cells are 2, 1, 1 of 4: H = 3/2 ln 2. Factor 1 splits
    every cell of code 0 in halves: no information. Its cells with code 1 are 2, 1, 1 as well.
    """
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    codes = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    found = joint_information(codes, factors)
    quarter = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    weak = np.log(2) + quarter - 1.5 * np.log(2)
    np.testing.assert_allclose(found.code_entropy, [np.log(2), quarter])
    np.testing.assert_allclose(found.factor_entropy, [np.log(2)] * 2)
    np.testing.assert_allclose(found.mutual, [[np.log(2), 0.0], [weak, weak]], atol=1e-15)


def test_all_pairs_agree_with_scikit_learn():
    codes, factors = mixed(1000, 7, (2, 9, 5))
    found = joint_information(codes, factors, n_bins=13)
    bins = bin_codes(codes, n_bins=13)
    expected = [[mutual_info_score(factors[:, k], bins[:, d]) for k in range(3)] for d in range(7)]
    np.testing.assert_allclose(found.mutual, expected, atol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 50, 997, 10**9])
def test_the_size_of_the_blocks_changes_nothing(monkeypatch, block):
    codes, factors = mixed(300, 5, (2, 9, 5))
    expected = joint_information(codes, factors)
    monkeypatch.setattr(information, "_BLOCK", block)
    found = joint_information(codes, factors)
    np.testing.assert_array_equal(found.mutual, expected.mutual)
    np.testing.assert_array_equal(found.code_entropy, expected.code_entropy)


@pytest.mark.parametrize(("n_samples", "n_codes", "sizes"), [(2000, 128, (10, 10, 15)), (20_000, 10, (2,) * 40)])
def test_no_step_needs_more_than_eight_times_the_codes(n_samples, n_codes, sizes):
    """Everything that is alive at once, the checked copies of codes and factors included."""
    codes, factors = mixed(n_samples, n_codes, sizes)
    codes = codes.astype(np.float32)
    joint_information(codes, factors)  # imports and caches first
    tracemalloc.start()
    joint_information(codes, factors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    copies = 2 * codes.nbytes + 2 * 8 * factors.size
    table = n_codes * 20 * sum(sizes) * 8
    assert peak - copies < 8 * codes.nbytes + 3 * table


def test_dead_codes_know_exactly_nothing():
    codes, factors = mixed(777, 4, (3, 5))
    codes[:, 2] = 0.1
    found = joint_information(codes, factors)
    assert (found.mutual[2] == 0).all()
    assert found.code_entropy[2] == pytest.approx(0, abs=1e-12)


def test_information_is_never_below_zero():
    """On a grid the sums of logarithms cancel to about 1e-16 of either sign."""
    factors = np.indices((2, 2, 3)).reshape(3, -1).T
    mutual = joint_information(factors, factors).mutual
    assert mutual.min() == 0
    np.testing.assert_allclose(mutual, np.diag(np.log([2, 2, 3])), atol=1e-12)


def test_quantile_bins_by_hand_and_the_same_from_both_ends():
    """Ranks 1..7 less a half, times 3 / 7: 0.2, 0.6, 1.1, 1.5, 1.9, 2.4, 2.8."""
    code = np.array([[3.0], [5.0], [6.0], [7.0], [70.0], [71.0], [72.0]])
    bins = bin_codes(code, n_bins=3, binning="quantile")
    np.testing.assert_array_equal(bins[:, 0], [0, 0, 1, 1, 1, 2, 2])
    np.testing.assert_array_equal(bin_codes(-code, n_bins=3, binning="quantile"), 2 - bins)


def test_quantile_bins_hold_equally_many():
    codes = np.random.default_rng(0).normal(size=(1000, 3))
    bins = bin_codes(codes, n_bins=20, binning="quantile")
    np.testing.assert_array_equal([np.bincount(column) for column in bins.T], np.full((3, 20), 50))


def test_quantile_bins_do_not_move_under_a_monotone_distortion():
    codes = np.random.default_rng(0).normal(size=(500, 2)).round(1)  # with ties
    expected = bin_codes(codes, n_bins=7, binning="quantile")
    np.testing.assert_array_equal(bin_codes(np.exp(3 * codes), n_bins=7, binning="quantile"), expected)


@pytest.mark.parametrize("rare", [0, 1])
def test_quantile_bins_keep_a_rare_value_apart_at_either_end(rare):
    """One row in 50 holds the rare value; its rank lies inside the first (or last) of 20 bins, the others' does not."""
    code = np.full((50, 1), 1 - rare)
    code[7] = rare
    bins = bin_codes(code.astype(float), n_bins=20, binning="quantile")
    assert (bins == bins[7]).sum() == 1


def test_quantile_bins_share_ties():
    code = np.array([[0.0], [0.0], [0.0], [1.0]])
    bins = bin_codes(code, n_bins=20, binning="quantile")
    assert len(set(bins[:3, 0])) == 1


def test_one_bin_and_unknown_binning_are_refused():
    codes, factors = mixed(10, 2, (2,))
    with pytest.raises(ValueError, match="n_bins must be at least 2; got 1"):
        joint_information(codes, factors, n_bins=1)
    with pytest.raises(ValueError, match="binning must be 'width' or 'quantile'; got 'log'"):
        joint_information(codes, factors, binning="log")
