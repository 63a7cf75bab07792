import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minebench.datasets.cache import Stored
from minebench.datasets.pixels import BytePixels

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), np.uint8)


def pixels_of(array: np.ndarray = PIXELS) -> BytePixels:
    return BytePixels(Stored.of(array))


@settings(deadline=None, database=None)
@given(st.lists(st.integers(0, 5), max_size=8))
def test_images_follow_the_index_with_channels_first(rows):
    images = pixels_of().images(np.array(rows, np.int64))
    assert images.shape == (len(rows), 3, 4, 5)
    assert all(np.array_equal(image, np.moveaxis(PIXELS[row], -1, 0)) for row, image in zip(rows, images, strict=True))


def test_channels_stay_last_in_memory():
    """So that a tensor in channels-last order needs no turning around."""
    assert pixels_of().images(np.array([1, 2])).transpose(0, 2, 3, 1).flags.c_contiguous


def test_the_caller_may_write_into_images_even_of_a_read_only_array():
    pixels = PIXELS.copy()
    pixels.flags.writeable = False
    images = pixels_of(pixels).images(np.array([0]))
    images[:] = 0
    assert np.array_equal(pixels_of(pixels).images(np.array([0]))[0, 0], PIXELS[0, ..., 0])


def test_the_fingerprint_is_that_of_the_pixels_and_their_shape_wherever_they_come_from():
    digest = hashlib.sha256(PIXELS.tobytes()).hexdigest()
    expected = hashlib.sha256(f"{digest} 6 (3, 4, 5)".encode()).hexdigest()
    assert pixels_of().fingerprint() == BytePixels(Stored(PIXELS.copy(), digest)).fingerprint() == expected
    assert len({pixels_of(pixels).fingerprint() for pixels in (PIXELS, PIXELS[::-1], PIXELS.swapaxes(1, 2))}) == 3


@pytest.mark.parametrize("pixels", [PIXELS.astype(np.int16), PIXELS[..., 0]])
def test_pixels_of_another_form_are_refused(pixels):
    with pytest.raises(ValueError, match=r"pixels must be uint8 \(n, H, W, C\); got"):
        pixels_of(pixels)


def test_pixels_print_without_their_array():
    assert repr(pixels_of()) == "BytePixels()"
