"""What blocks tell of factors: a lower bound near the truth where the truth is known."""

import numpy as np
import pytest

from minebench.metrics import block_information as block_information_module
from minebench.metrics.block_information import _Split, block_information


def coins(n_samples=2000, n_factors=2, seed=0):
    return np.random.default_rng(seed).integers(2, size=(n_samples, n_factors))


def measure(codes, factors, blocks, seed=0):
    return block_information(codes, factors, blocks, rng=np.random.default_rng(seed))


def test_a_factor_is_known_where_only_both_codes_of_a_block_tell_it():
    """v is the exclusive or of two coins: each code alone tells nothing, the block everything, ln 2."""
    codes = coins()
    factors = codes.sum(axis=1, keepdims=True) % 2
    found = measure(codes, factors, [[0, 1]])
    assert found.gain[0, 0] == pytest.approx(np.log(2), abs=0.02)
    assert measure(codes, factors, [[0], [1]]).gain == pytest.approx(0, abs=0.02)


def test_a_noisy_channel_is_known_up_to_its_capacity():
    """A coin flipped with probability 1/10 tells ln 2 - h(1/10) nats, h the binary entropy.

    The spread of a row's log-likelihood is |ln 9| * 0.3 = 0.66: five errors on 1,200 test rows are 0.095.
    """
    factors = coins(6000, 1)
    flips = np.random.default_rng(1).random(size=(6000, 1)) < 0.1
    truth = np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9)
    assert measure(factors ^ flips, factors, [[0]]).gain[0, 0] == pytest.approx(truth, abs=0.095)


def test_independent_codes_tell_nothing_rather_than_less():
    """Training rows learnt by heart would cost nats on the others: the network that ignores the codes is kept."""
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(500, 20)), rng.integers(4, size=(500, 2))
    found = measure(codes, factors, [range(10), range(10, 20)])
    assert np.abs(found.gain).max() < 0.05
    assert (found.mutual >= 0).all()
    np.testing.assert_array_equal(found.mutual, np.maximum(found.gain, 0))


def test_a_code_of_32_values_is_known_to_a_fiftieth():
    factors = np.random.default_rng(0).integers(32, size=(3000, 1))
    found = measure(factors, factors, [[0]])
    assert 0.98 * np.log(32) < found.gain[0, 0] <= found.factor_entropy[0]


def test_entropies_and_bounds_of_unequal_factors_stand_side_by_side():
    """One factor has 2 values, one 5, and each is known by one block; a skewed one has its entropy, not ln 2."""
    rng = np.random.default_rng(0)
    factors = np.column_stack([rng.random(2000) < 0.1, rng.integers(5, size=2000)]).astype(int)
    found = measure(factors, factors, [[0], [1]])
    p = factors[:, 0].mean()
    assert found.factor_entropy[0] == pytest.approx(-p * np.log(p) - (1 - p) * np.log(1 - p))
    assert found.factor_entropy[1] == pytest.approx(np.log(5), abs=0.01)
    np.testing.assert_allclose(found.gain, np.diag(found.factor_entropy), atol=0.08)


def test_dead_and_empty_blocks_tell_exactly_nothing():
    factors = coins()
    codes = np.column_stack([factors, np.full(len(factors), 0.1)])
    found = measure(codes, factors, [[2], [], [0, 1]])
    assert (found.gain[:2] == 0).all()
    assert (found.gain[2] > 0.65).all()


def test_the_order_of_the_blocks_does_not_matter_and_the_seed_does(monkeypatch):
    monkeypatch.setattr(block_information_module, "_UPDATES", 200)  # however well it was learnt
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(60, 2))
    codes = factors[:, [0, 1, 0, 1]] + rng.normal(size=(60, 4))
    found = measure(codes, factors, [[0, 2], [1], [3]])
    np.testing.assert_array_equal(found.gain[[2, 0, 1]], measure(codes, factors, [[3], [0, 2], [1]]).gain)
    assert (found.gain != measure(codes, factors, [[0, 2], [1], [3]], seed=1).gain).all()


def test_units_of_the_codes_do_not_matter():
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(300, 1))
    codes = factors + rng.normal(size=(300, 2))
    expected = measure(codes, factors, [[0, 1]]).gain
    np.testing.assert_allclose(measure(codes * [1e-9, 1e9] + [5, 0], factors, [[0, 1]]).gain, expected, atol=0.02)


def test_rows_are_counted_that_were_neither_learnt_from_nor_said_when_to_stop():
    """The code is the coin, but turned over on the fifth of the rows that is named.

    Turned over where it is counted, what was learnt is wrong there, and far below nothing; where learning is stopped,
    nothing that is learnt helps, and the share of the values is kept.
    """
    codes = coins(600, 1)
    split = _Split.draw(600, np.random.default_rng(0))
    assert sorted(np.concatenate(split)) == list(range(600))
    assert [len(rows) for rows in split] == [360, 120, 120]
    for rows, low, high in ((split.test, -np.inf, -1), (split.stop, -0.05, 0.05)):
        factors = codes.copy()
        factors[rows] = 1 - factors[rows]
        assert low < measure(codes, factors, [[0]]).gain[0, 0] < high


def test_too_few_rows_and_seeds_for_generators_are_refused():
    with pytest.raises(ValueError, match="5 samples at least; got 4"):
        measure(np.eye(4), coins(4), [[0]])
    with pytest.raises(TypeError, match=r"numpy.random.Generator; got 3"):
        block_information(coins(), coins(), [[0]], rng=3)
