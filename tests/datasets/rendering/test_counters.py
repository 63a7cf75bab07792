from statistics import NormalDist

import numpy as np
import pytest

from minebench.datasets.rendering.counters import normals, random_words, uniforms

ROWS = np.arange(100_000)


def test_a_row_has_its_numbers_in_any_company():
    some = np.array([5, 99_999, 17])
    for draw in (random_words, uniforms, normals):
        assert np.array_equal(draw(ROWS, 3)[some], draw(some, 3))


def test_words_differ_between_rows_and_between_streams():
    words = np.concatenate([random_words(ROWS[:20_000], stream) for stream in range(3)])
    assert len(np.unique(words)) == 60_000


def test_every_bit_is_set_in_half_of_the_words():
    """100,000 words: a share of half has a standard error of 0.0016; five of them."""
    bits = np.unpackbits(random_words(ROWS, 0).view(np.uint8)).reshape(len(ROWS), 64)
    assert abs(bits.mean(axis=0) - 0.5).max() < 0.008


def test_uniform_numbers_fill_the_unit_interval_evenly():
    """A hundred bins of 1,000 expected: chi-square with 99 degrees of freedom is below 150 but once in 1,400."""
    numbers = uniforms(ROWS, 1)
    assert 0 <= numbers.min() < numbers.max() < 1
    counts = np.bincount((numbers * 100).astype(int), minlength=100)
    assert ((counts - 1000) ** 2 / 1000).sum() < 150


def test_neighbouring_rows_and_streams_are_uncorrelated():
    """The standard error of a correlation is 0.0032; four of them."""
    one, other = uniforms(ROWS, 1), uniforms(ROWS, 2)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.013
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.013
    assert abs(np.corrcoef(normals(ROWS, 0), normals(ROWS, 1))[0, 1]) < 0.013


def test_normals_have_the_moments_and_quantiles_of_the_normal_law():
    """Standard errors at 100,000: mean 0.003, variance 0.0045, a quantile's share at most 0.0016.

    The sum of twelve uniform numbers has the excess kurtosis -6 / (5 * 12) = -0.1 exactly.
    """
    numbers = normals(ROWS, 4)
    assert numbers.mean() == pytest.approx(0, abs=0.013)
    assert numbers.var() == pytest.approx(1, abs=0.018)
    assert (numbers**4).mean() / numbers.var() ** 2 - 3 == pytest.approx(-0.1, abs=0.06)
    for share in (0.02, 0.16, 0.5, 0.84, 0.98):
        assert (numbers < NormalDist().inv_cdf(share)).mean() == pytest.approx(share, abs=0.008)
