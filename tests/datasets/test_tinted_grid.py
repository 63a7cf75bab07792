import numpy as np
import pytest

from minebench.datasets.tinted_grid import FULL, TintedGrid

NAMES, SIZES = ("tint", "scene"), (3, 2)
# two materials: the first scene shows each of them in one pixel, the second mixes them and overshoots on both sides
PLANES = np.array([[[[FULL, 0]], [[0, FULL]]], [[[64, -32]], [[192, 384]]]], np.float32)
COLOURS = np.array([[[255, 0], [0, 255], [51, 102]], [[0, 1], [2, 3], [4, 5]], [[255, 255]] * 3], np.float32)


@pytest.fixture
def dataset() -> TintedGrid:
    return TintedGrid("toy", "procedural", PLANES, COLOURS, NAMES, SIZES)


def test_a_pixel_is_the_sum_of_the_materials_colours_by_their_shares(dataset):
    images = dataset.images([0, 1, 3])
    assert images[0].tolist() == [[[255, 0]], [[0, 255]], [[51, 102]]]
    # a quarter of one colour and three quarters of the other; then minus an eighth and one and a half
    assert images[1].tolist() == [[[64, 0]], [[191, 255]], [[89, 147]]]
    assert images[2].tolist() == [[[1, 2]], [[3, 4]], [[5, 7]]]  # 0.75 2.75 4.75, and 1.5 4.25 7.0 to the nearest


def test_rows_beyond_one_block_and_none_at_all(dataset):
    rows = np.arange(23) % 6
    images = dataset.images(rows)
    assert np.array_equal(images, np.concatenate([dataset.images([row]) for row in rows]))
    assert dataset.images([]).shape == (0, 3, 1, 2)


def test_the_caller_may_write_into_images(dataset):
    first = dataset.images([0])
    first[:] = 7
    assert (dataset.images([0]) != 7).any()


def test_the_last_factors_make_the_scene(dataset):
    assert dataset.factors([0, 1, 2, 5]).tolist() == [[0, 0], [0, 1], [1, 0], [2, 1]]
    assert dataset.index([[2, 1]]).tolist() == [5]


def test_planes_and_colours_decide_the_fingerprint(dataset):
    other = [
        TintedGrid("toy", "procedural", PLANES + 1, COLOURS, NAMES, SIZES),
        TintedGrid("toy", "procedural", PLANES, COLOURS + 1, NAMES, SIZES),
    ]
    assert dataset.fingerprint() == TintedGrid("copy", "procedural", PLANES, COLOURS, NAMES, SIZES).fingerprint()
    assert len({dataset.fingerprint(), *(one.fingerprint() for one in other)}) == 3


@pytest.mark.parametrize(
    ("planes", "colours"), [(PLANES[:1], COLOURS), (PLANES, COLOURS[:2]), (PLANES[:, :1], COLOURS)]
)
def test_planes_and_colours_that_do_not_fit_are_refused(planes, colours):
    with pytest.raises(ValueError, match=r"toy needs planes \(scenes, M, H, W\) and colours"):
        TintedGrid("toy", "procedural", planes, colours, NAMES, SIZES)
