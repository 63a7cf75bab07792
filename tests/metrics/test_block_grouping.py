"""Greedy groups: each code to the factor that it knows best, by shares and freed of bias."""

import numpy as np
import pytest

from minebench.metrics.block_grouping import greedy_blocks


def labels(n_samples=500, sizes=(2, 3, 30)):
    return np.stack([np.random.default_rng(n).integers(n, size=n_samples) for n in sizes], axis=1)


def test_each_code_joins_the_factor_that_it_knows():
    factors = labels()
    codes = factors[:, [1, 0, 2, 1]] * [1.0, -2, 3, 4]
    assert greedy_blocks(codes, factors) == ((), (1,), (0, 3), (2,))
    assert greedy_blocks(codes, factors, nuisance=False) == ((1,), (0, 3), (2,))


def test_shares_decide_not_nats():
    """The code is a coin and one bit of a factor of 64 values: ln 2 of each, all of the coin, a sixth of the other."""
    grid = np.indices((2, 64)).reshape(2, -1).T.repeat(20, axis=0)
    code = grid[:, :1] * 2 + grid[:, 1:] // 32
    assert greedy_blocks(np.hstack([code, code]), grid) == ((), (0, 1), ())


def test_noise_goes_to_the_nuisance_block_not_to_the_factor_of_most_values():
    """Without the correction noise seems to know 19 * 29 / 1000 / ln 30 = 0.16 of the factor of 30 values."""
    factors = labels()
    codes = np.column_stack([factors[:, 0], np.random.default_rng(0).normal(size=(500, 3))])
    assert greedy_blocks(codes, factors) == ((1, 2, 3), (0,), (), ())
    assert greedy_blocks(codes, factors, min_share=0.999) == ((0, 1, 2, 3), (), (), ())


def test_dead_codes_are_nuisance_and_constant_factors_have_an_empty_block():
    factors = np.insert(labels(), 0, 7, axis=1)
    codes = np.column_stack([np.full(500, 0.1), factors[:, 1:]])
    assert greedy_blocks(codes, factors) == ((0,), (), (1,), (2,), (3,))


def test_without_a_nuisance_block_every_code_is_in_one():
    factors = labels()
    blocks = greedy_blocks(np.random.default_rng(0).normal(size=(500, 6)), factors, nuisance=False)
    assert sorted(code for block in blocks for code in block) == list(range(6))


def test_one_code_is_refused():
    with pytest.raises(ValueError, match="needs at least 2"):
        greedy_blocks(labels()[:, :1], labels())
