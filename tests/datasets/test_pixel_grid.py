import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minebench.datasets.pixel_grid import PixelGrid

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), np.uint8)
_FORM = {"name": "toy", "source": "real", "factor_names": ("a", "b"), "factor_sizes": (2, 3)}


def grid_of(pixels: np.ndarray = PIXELS, **changes: object) -> PixelGrid:
    return PixelGrid(**{**_FORM, "pixels": pixels, **changes})


@settings(deadline=None, database=None)
@given(st.lists(st.integers(0, 5), max_size=8))
def test_images_follow_the_index_with_channels_first(rows):
    images = grid_of().images(rows)
    assert images.shape == (len(rows), 3, 4, 5)
    assert all(np.array_equal(image, np.moveaxis(PIXELS[row], -1, 0)) for row, image in zip(rows, images, strict=True))


def test_channels_stay_last_in_memory():
    """So that a tensor in channels-last order needs no turning around."""
    assert grid_of().images([1, 2]).transpose(0, 2, 3, 1).flags.c_contiguous


def test_the_caller_may_write_into_images_even_of_a_read_only_array():
    pixels = PIXELS.copy()
    pixels.flags.writeable = False
    images = grid_of(pixels).images([0])
    images[:] = 0
    assert np.array_equal(grid_of(pixels).images([0])[0, 0], PIXELS[0, ..., 0])


def test_the_fingerprint_is_that_of_the_pixels_and_their_shape_wherever_they_come_from():
    digest = hashlib.sha256(PIXELS.tobytes()).hexdigest()
    expected = hashlib.sha256(f"{digest} 6 (3, 4, 5)".encode()).hexdigest()
    known = grid_of(PIXELS.copy(), source="procedural", name="other", pixels_sha256=digest)
    assert grid_of().fingerprint() == known.fingerprint() == expected
    assert len({grid_of(pixels).fingerprint() for pixels in (PIXELS, PIXELS[::-1], PIXELS.swapaxes(1, 2))}) == 3


def test_rows_and_factors_are_those_of_the_grid():
    grid = grid_of()
    assert grid.factors([5]).tolist() == [[1, 2]]
    assert grid.index([[1, 2]]).tolist() == [5]
    assert set(grid.sample(20, np.random.default_rng(0), {"a": 1, "b": 0}).tolist()) == {3}
    with pytest.raises(IndexError, match="got 6"):
        grid.images([6])


@pytest.mark.parametrize("pixels", [PIXELS[:5], PIXELS.astype(np.int16), PIXELS[..., 0]])
def test_pixels_of_another_form_are_refused(pixels):
    with pytest.raises(ValueError, match=r"pixels of toy must be uint8 \(6, H, W, C\); got"):
        grid_of(pixels)


def test_a_grid_prints_without_its_pixels():
    assert repr(grid_of()) == "PixelGrid(name='toy', source='real', factor_names=('a', 'b'), factor_sizes=(2, 3))"
