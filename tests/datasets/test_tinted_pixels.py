import numpy as np
import pytest

from minebench.datasets.cache import Stored
from minebench.datasets.tinted_pixels import FULL, TintedPixels

# two materials: the first scene shows each of them in one pixel, the second mixes them and overshoots on both sides
PLANES = np.array([[[[FULL, 0]], [[0, FULL]]], [[[64, -32]], [[192, 384]]]], np.float32)
COLOURS = np.array([[[255, 0], [0, 255], [51, 102]], [[0, 1], [2, 3], [4, 5]], [[255, 255]] * 3], np.float32)


@pytest.fixture
def pixels() -> TintedPixels:
    return pixels_of()


def pixels_of(planes: np.ndarray = PLANES, colours: np.ndarray = COLOURS) -> TintedPixels:
    return TintedPixels(Stored.of(planes), colours)


def test_a_pixel_is_the_sum_of_the_materials_colours_by_their_shares(pixels):
    images = pixels.images(np.array([0, 1, 3]))
    assert images[0].tolist() == [[[255, 0]], [[0, 255]], [[51, 102]]]
    # a quarter of one colour and three quarters of the other; then minus an eighth and one and a half
    assert images[1].tolist() == [[[64, 0]], [[191, 255]], [[89, 147]]]
    assert images[2].tolist() == [[[1, 2]], [[3, 4]], [[5, 7]]]  # 0.75 2.75 4.75, and 1.5 4.25 7.0 to the nearest


def test_rows_beyond_one_block_and_none_at_all(pixels):
    rows = np.arange(23) % 6
    images = pixels.images(rows)
    assert np.array_equal(images, np.concatenate([pixels.images(np.array([row])) for row in rows]))
    assert pixels.images(np.zeros(0, np.int64)).shape == (0, 3, 1, 2)


def test_the_caller_may_write_into_images(pixels):
    first = pixels.images(np.array([0]))
    first[:] = 7
    assert (pixels.images(np.array([0])) != 7).any()


def test_planes_and_colours_decide_the_fingerprint(pixels):
    others = [pixels_of(PLANES + 1), pixels_of(colours=COLOURS + 1)]
    assert pixels.fingerprint() == pixels_of(PLANES.copy()).fingerprint()
    assert len({pixels.fingerprint(), *(one.fingerprint() for one in others)}) == 3


@pytest.mark.parametrize(("planes", "colours"), [(PLANES[0], COLOURS), (PLANES, COLOURS[0]), (PLANES[:, :1], COLOURS)])
def test_planes_and_colours_that_do_not_fit_are_refused(planes, colours):
    with pytest.raises(ValueError, match=r"planes \(scenes, M, H, W\) and colours \(tints, 3, M\) must be of one M"):
        pixels_of(planes, colours)
