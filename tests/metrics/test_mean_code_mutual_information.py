"""Mean mutual information between codes: values by hand."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from minebench.metrics.information import bin_codes
from minebench.metrics.mean_code_mutual_information import (
    mean_code_mutual_information,
    mean_code_mutual_information_result,
)

COINS = np.indices((2, 2)).reshape(2, -1).T.repeat(5, axis=0)


def test_by_hand():
    """Codes: a coin, the same coin (ln 2 with the first), another coin (0 with both): the mean of three pairs."""
    codes = np.column_stack([COINS[:, 0], 5 - 3 * COINS[:, 0], COINS[:, 1]])
    result = mean_code_mutual_information_result(codes)
    assert result.value == pytest.approx(np.log(2) / 3)
    assert result.details["largest"] == pytest.approx(np.log(2))
    assert result.details["largest_pair"] == [0, 1]
    assert result.direction == "down"


def test_a_pair_that_only_three_tell_is_independent_two_by_two():
    codes = np.column_stack([COINS, COINS.sum(axis=1) % 2])
    assert mean_code_mutual_information(codes) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("binning", ["width", "quantile"])
def test_agrees_with_scikit_learn_over_pairs_and_dead_codes_count_as_pairs(binning):
    codes = np.random.default_rng(0).normal(size=(300, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    codes[:, 2] = 0.1
    bins = bin_codes(codes, n_bins=6, binning=binning)
    pairs = [mutual_info_score(bins[:, i], bins[:, j]) for i in range(4) for j in range(i) if 2 not in (i, j)]
    expected = sum(pairs) / 6
    assert mean_code_mutual_information(codes, n_bins=6, binning=binning) == pytest.approx(expected)


def test_a_shape_without_correlation_is_seen():
    x = np.linspace(-1, 1, 2001)
    assert abs(np.corrcoef(x, x**2)[0, 1]) < 1e-9
    assert mean_code_mutual_information(np.column_stack([x, x**2])) > 1


def test_constant_codes_share_nothing_and_one_code_is_refused():
    assert mean_code_mutual_information(np.full((5, 3), 0.1)) == 0
    with pytest.raises(ValueError, match="at least 2"):
        mean_code_mutual_information(COINS[:, :1])
