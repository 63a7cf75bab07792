import numpy as np
import pytest

from minebench.datasets.rendering.canvas import REAL, Layer, Traits, bar, block, common, ellipse, paint, union

CENTRES = np.arange(64, dtype=REAL) + REAL.type(0.5) - 32
X, Y = (grid[None].repeat(2, axis=0) for grid in np.meshgrid(CENTRES, CENTRES))  # two pictures
TRAITS = Traits({"radius": np.array([5, 10], REAL)[:, None, None], "hat": np.array([0, 1], REAL)[:, None, None]})
WHITE = np.ones((3, 1, 1, 1), REAL)


def at(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[[x]]], REAL), np.array([[[y]]], REAL)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (ellipse(*at(3, 4), 2.0, 2.0), 3.0),  # a circle: exact
        (ellipse(*at(0, 0), 5.0, 3.0), -3.0),
        (ellipse(*at(5, 0), 5.0, 3.0), 0.0),
        (bar(*at(7, 4), 4.0, 1.0), 4.0),  # 3 beyond the end of the middle line and 4 above
        (bar(*at(2, 0.5), 4.0, 1.0), -0.5),
        (block(*at(8, 9), 6.0, 6.0, 1.0), np.sqrt(3**2 + 4**2) - 1),  # 3 and 4 from the corner's centre (5, 5)
        (block(*at(0, 7), 6.0, 6.0, 1.0), 1.0),
        (union(np.array(2.0), np.array(-1.0), np.array(5.0)), -1.0),
        (common(np.array(2.0), np.array(-1.0)), 2.0),
    ],
)
def test_distances_by_hand(distance, expected):
    assert np.ravel(distance)[0] == pytest.approx(expected, abs=1e-6)


def test_plain_numbers_do_not_make_arrays_wider():
    assert ellipse(X, Y, 5.0, 3.0).dtype == bar(X, Y, 5.0, 3.0).dtype == block(X, Y, 5.0, 3.0, 1.0).dtype == REAL


def circle(x: np.ndarray, y: np.ndarray, t: Traits) -> np.ndarray:
    return ellipse(x, y, t["radius"], t["radius"])


def painted(layer: Layer) -> np.ndarray:
    pixels = np.zeros((3, 2, 64, 64), REAL)
    paint(pixels, X, Y, layer, TRAITS)
    assert (pixels == pixels[0]).all()
    return pixels[0]


def test_a_layer_covers_its_shape_with_edges_that_keep_its_area():
    """Pixels at the edge take a share, so that their sum is pi r^2 within a percent or two."""
    cover = painted(Layer(circle, lambda _: WHITE))
    assert cover[0, 32, 32] == 1
    assert cover[0, 0, 0] == 0
    assert cover.sum(axis=(1, 2)) == pytest.approx(np.pi * np.array([25, 100]), rel=0.02)


def test_opacity_and_softness():
    assert painted(Layer(circle, lambda _: WHITE, opacity=0.25))[0, 32, 32] == 0.25
    between = [
        ((cover > 0) & (cover < 1)).sum()
        for cover in (painted(Layer(circle, lambda _: WHITE, softness=s))[1] for s in (1, 4))
    ]
    assert between[1] == pytest.approx(4 * between[0], rel=0.2)


def test_a_layer_stays_in_its_rows_and_columns():
    cover = painted(Layer(circle, lambda _: WHITE, rows=(30, 34), columns=(20, 33)))[1]
    rows, columns = np.nonzero(cover)
    assert (rows.min(), rows.max(), columns.max()) == (30, 33, 32)


def test_a_layer_is_painted_on_pictures_that_show_it_with_their_own_traits():
    cover = painted(Layer(circle, lambda t: WHITE * t["radius"] / 10, shown="hat"))
    assert not cover[0].any()
    assert cover[1, 32, 32] == 1
    assert np.array_equal(cover[1], painted(Layer(circle, lambda _: WHITE))[1])
