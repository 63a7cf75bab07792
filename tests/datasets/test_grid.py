from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from minebench.datasets.grid import Grid

GRID = Grid(("shape", "scale", "posX"), (2, 3, 4))


def test_rows_are_in_c_order():
    """Row 17 of sizes 2, 3, 4 is 1 * 12 + 1 * 4 + 1."""
    assert GRID.factors([0, 1, 4, 12, 17, 23]).tolist() == [
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
        [1, 1, 1],
        [1, 2, 3],
    ]


@settings(deadline=None, database=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_index_undoes_factors_for_any_sizes(sizes):
    grid = Grid(tuple(f"f{k}" for k in range(len(sizes))), tuple(sizes))
    rows = np.arange(prod(sizes))
    assert len(grid) == prod(sizes)
    assert np.array_equal(grid.index(grid.factors(rows)), rows)


def test_no_factors_have_no_rows():
    assert GRID.index(np.zeros((0, 3), np.int64)).shape == (0,)


@pytest.mark.parametrize("shape", [(3,), (4, 2), (1, 4, 3)])
def test_factors_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(n, 3\) for shape, scale, posX; got"):
        GRID.index(np.zeros(shape, np.int64))


def test_factors_must_be_integers():
    with pytest.raises(TypeError, match="integer value indices; got float64"):
        GRID.index(np.zeros((1, 3)))


@pytest.mark.parametrize(("bad", "message"), [((0, 3, 0), "'scale' lie in 0 ... 2; got 3"), ((0, 0, -1), "got -1")])
def test_a_value_outside_its_size_is_named(bad, message):
    with pytest.raises(ValueError, match=message):
        GRID.index([(0, 0, 0), bad])


def test_a_sample_is_uniform_over_all_rows():
    """24 cells, 24,000 draws: chi-square on 23 degrees, seed 0."""
    counts = np.bincount(GRID.sample(24_000, np.random.default_rng(0)), minlength=24)
    assert chisquare(counts).pvalue > 0.01


def test_a_sample_is_uniform_over_the_matching_rows_and_takes_no_other():
    """scale = 1 leaves 2 * 4 rows: 4 ... 7 and 16 ... 19."""
    counts = np.bincount(GRID.sample(8_000, np.random.default_rng(0), fixed={"scale": 1}), minlength=24)
    matching = [4, 5, 6, 7, 16, 17, 18, 19]
    assert counts.sum() == counts[matching].sum()
    assert chisquare(counts[matching]).pvalue > 0.01


def test_fixing_every_factor_leaves_one_row():
    assert set(GRID.sample(20, np.random.default_rng(0), {"shape": 1, 1: 2, "posX": 3}).tolist()) == {23}


def test_fixing_a_factor_leaves_the_draws_of_the_others():
    free = GRID.factors(GRID.sample(100, np.random.default_rng(3)))
    fixed = GRID.factors(GRID.sample(100, np.random.default_rng(3), {"scale": 0}))
    assert np.array_equal(free[:, [0, 2]], fixed[:, [0, 2]])


def test_a_value_can_be_fixed_by_a_numpy_integer():
    assert (GRID.factors(GRID.sample(5, np.random.default_rng(0), {2: np.int32(3)}))[:, 2] == 3).all()


@pytest.mark.parametrize("value", [3, -1])
def test_a_fixed_value_outside_is_refused(value):
    with pytest.raises(ValueError, match=f"'scale' lie in 0 ... 2; got {value}"):
        GRID.sample(1, np.random.default_rng(0), {"scale": value})


def test_a_fixed_value_must_be_an_integer():
    with pytest.raises(TypeError, match=r"'scale' must be fixed to an integer; got 1\.0"):
        GRID.sample(1, np.random.default_rng(0), {"scale": 1.0})


def test_a_factor_cannot_be_fixed_twice():
    with pytest.raises(ValueError, match="'scale' is fixed twice"):
        GRID.sample(1, np.random.default_rng(0), {"scale": 1, 1: 1})


def test_an_unknown_fixed_factor_is_refused():
    with pytest.raises(ValueError, match="did you mean 'scale'"):
        GRID.sample(1, np.random.default_rng(0), {"scal": 1})


@pytest.mark.parametrize(("names", "sizes"), [(("a",), (2, 3)), (("a", "a"), (2, 3)), ((), ()), (("a",), (0,))])
def test_a_grid_needs_distinct_names_and_positive_sizes(names, sizes):
    with pytest.raises(ValueError, match="size"):
        Grid(names, sizes)
