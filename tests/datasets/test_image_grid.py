import numpy as np
import pytest

from minebench.datasets.cache import Stored
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.pixels import BytePixels

PIXELS = BytePixels(Stored.of(np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), np.uint8)))


def grid_of(pixels: BytePixels = PIXELS, name: str = "toy") -> ImageGrid:
    return ImageGrid(name, "real", pixels, Grid(("a", "b"), (2, 3)))


def test_rows_and_factors_are_those_of_the_grid():
    grid = grid_of()
    assert (len(grid), grid.factor_names, grid.factor_sizes) == (6, ("a", "b"), (2, 3))
    assert grid.factors([5]).tolist() == [[1, 2]]
    assert grid.index([[1, 2]]).tolist() == [5]
    assert set(grid.sample(20, np.random.default_rng(0), {"a": 1, "b": 0}).tolist()) == {3}


def test_images_are_those_of_the_pixels_and_rows_are_checked():
    grid = grid_of()
    assert grid.image_shape == (3, 4, 5)
    assert np.array_equal(grid.images([4, 0, 4]), PIXELS.images(np.array([4, 0, 4])))
    assert grid.images([]).shape == (0, 3, 4, 5)
    with pytest.raises(IndexError, match="got 6"):
        grid.images([6])


def test_the_fingerprint_is_blind_to_the_name():
    assert grid_of(name="other").fingerprint() == grid_of().fingerprint() == PIXELS.fingerprint()


def test_more_or_fewer_images_than_rows_are_refused():
    with pytest.raises(ValueError, match="toy needs 6 images, one a row of its grid; got 5"):
        grid_of(BytePixels(Stored.of(PIXELS.stored.array[:5])))


def test_a_grid_prints_without_its_pixels():
    grid = "Grid(factor_names=('a', 'b'), factor_sizes=(2, 3))"
    assert repr(grid_of()) == f"ImageGrid(name='toy', source='real', grid={grid})"
