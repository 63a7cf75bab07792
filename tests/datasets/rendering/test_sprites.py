"""The renderer against geometry worked out by hand; the published pixels are in ``test_dsprites.py``."""

from math import pi

import numpy as np
import pytest

from minebench.datasets.packed_pixels import unpack
from minebench.datasets.rendering.sprites import SHAPES, render_sprites

BOX = 19.2


def draw(shape: str, *, scale: float = 1.0, angle: float = 0.0, x: float = 0.5, y: float = 0.5) -> np.ndarray:
    """One frame as booleans (64, 64), rows downwards."""
    (words,) = render_sprites([shape], [scale], [angle], [x], [y])
    return unpack(words)[0, 0] > 0


def test_an_upright_square_covers_the_pixels_whose_centres_lie_in_it():
    """Centre 32, half a side 9.6: centres from 22.5 to 41.5 lie between 22.4 and 41.6."""
    expected = np.zeros((64, 64), bool)
    expected[22:42, 22:42] = True
    assert np.array_equal(draw("square"), expected)


def test_scale_multiplies_the_side():
    """Half a side of 4.8 around 32: centres from 27.5 to 36.5, ten of them."""
    assert draw("square", scale=0.5).sum() == 10 * 10


def test_the_middle_moves_from_a_quarter_to_three_quarters_of_the_canvas():
    """Centres 16 and 48: columns 6 ... 25 and 38 ... 57, as 22 ... 41 for centre 32."""
    left, right = draw("square", x=0.0), draw("square", x=1.0)
    assert np.flatnonzero(left.any(axis=0)).tolist() == list(range(6, 26))
    assert np.flatnonzero(right.any(axis=0)).tolist() == list(range(38, 58))
    assert np.array_equal(draw("square", y=1.0), right.T)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_whole_pixel_of_motion_shifts_the_picture(shape):
    still = draw(shape, scale=0.7, angle=0.4)
    moved = draw(shape, scale=0.7, angle=0.4, x=0.5 + 3 / 32, y=0.5 - 2 / 32)
    assert np.array_equal(moved, np.roll(still, (-2, 3), axis=(0, 1)))


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        ("square", BOX**2),
        # the regular 100-gon stretched to the semi-axes: (n / 2) sin(2 pi / n) a b
        ("ellipse", 50 * np.sin(2 * pi / 100) * (BOX / 2) ** 2),
        # Green's theorem on the curve gives 180 pi for the unscaled heart
        ("heart", 180 * pi * BOX / 32 * BOX / 29),
    ],
)
def test_the_mean_number_of_pixels_over_subpixel_places_is_the_area(shape, area):
    """A random grid point count is unbiased for the area; 256 places around the middle, within 0.2 %."""
    places = (0.5 + np.arange(16) / 16 / 32).tolist()
    (words,) = render_sprites([shape], [1.0], [0.2], places, places)
    assert (unpack(words) > 0).sum() / 256 == pytest.approx(area, rel=2e-3)


def test_the_ellipse_is_long_across_and_short_down():
    """Semi-axes 12.768 and 7.218 around 32: columns 19 ... 44 and rows 25 ... 38 have centres within."""
    ellipse = draw("ellipse")
    assert np.flatnonzero(ellipse.any(axis=0))[[0, -1]].tolist() == [19, 44]
    assert np.flatnonzero(ellipse.any(axis=1))[[0, -1]].tolist() == [25, 38]


def test_orientation_turns_anticlockwise_on_the_screen():
    """Turned by 45 degrees, the long axis runs to the upper right: (+8, -8) is inside, (+8, +8) is not."""
    ellipse = draw("ellipse", angle=pi / 4)
    assert ellipse[24, 40]
    assert not ellipse[40, 40]


def test_the_heart_stands_on_its_tip():
    """The curve ends in a cusp at y = -17 of 29, which is 19.2 (17 / 29 - 0.075) = 9.815 below the middle, at 41.815.

    With t = pi + d it is 9.6 |d|^3 wide to either side (19.2 / 32 of 16) and 19.2 / 29 * 15.5 d^2 = 10.26 d^2 above its
    end: 0.44 at the centre of row 40, short of the pixel centres at 0.5, and 1.03 at that of row 39, two pixels wide.
    """
    widths = draw("heart").sum(axis=1)
    last = np.flatnonzero(widths)[-1]
    assert (last, widths[last]) == (39, 2)


def test_the_heart_is_symmetric_and_notched_above():
    heart = draw("heart")
    assert np.array_equal(heart, heart[:, ::-1])
    top = np.flatnonzero(heart.any(axis=1))[0]
    assert not heart[top, 31:33].any()


@pytest.mark.parametrize(("shape", "turn"), [("square", pi / 2), ("ellipse", pi), ("heart", 2 * pi)])
def test_symmetry_returns_each_shape_to_itself_first_at_its_own_turn(shape, turn):
    assert np.array_equal(draw(shape), draw(shape, angle=turn))
    assert not np.array_equal(draw(shape), draw(shape, angle=turn / 2))


def test_blocks_come_in_c_order():
    grid = list(render_sprites(["square", "heart"], [0.5, 1.0], [0.0, 0.5], [0.2, 0.8], [0.1, 0.5, 0.9]))
    assert [block.shape for block in grid] == [(6, 64)] * 8
    one = draw("heart", scale=0.5, angle=0.5, x=0.8, y=0.1)
    assert np.array_equal(unpack(grid[1 * 4 + 0 * 2 + 1])[1 * 3 + 0, 0] > 0, one)


def test_a_shape_that_leaves_the_canvas_is_cut_at_its_edge():
    """A square of side 38.4 at centre 16 reaches from -3.2 to 35.2: columns and rows 0 ... 34."""
    frame = draw("square", scale=2.0, x=0.0, y=0.0)
    assert frame[:35, :35].all()
    assert frame.sum() == 35 * 35


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="shapes are square, ellipse, heart; got 'star'"):
        list(render_sprites(["star"], [1.0], [0.0], [0.5], [0.5]))
