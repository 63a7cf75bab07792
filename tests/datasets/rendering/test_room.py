"""The room against what its geometry says; the published frames are in ``test_shapes3d_like.py``."""

import numpy as np
import pytest

from minebench.datasets.rendering import room
from minebench.datasets.rendering.room import MATERIALS, draw_scenes, empty_room
from minebench.datasets.tinted_pixels import FULL

SKY, FLOOR, WALL, OBJECT, HIGHLIGHT = range(5)
CUBE, CYLINDER, SPHERE, CAPSULE = range(4)


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    """Planes by scale (small, large), shape and orientation (-30, 0, 30)."""
    drawn = np.concatenate(list(draw_scenes(np.array([0.75, 1.25]), np.array([-30.0, 0.0, 30.0]))))
    return drawn.reshape(2, 4, 3, len(MATERIALS), 64, 64)


def test_planes_are_whole_numbers_so_that_products_are_exact(scenes):
    assert scenes.dtype == np.float32
    assert np.array_equal(scenes, np.rint(scenes))
    assert abs(scenes).max() < 2 * FULL


def test_every_scene_has_sky_above_and_floor_below(scenes):
    assert (scenes[..., SKY, 0, :] == FULL).all()
    assert (scenes[..., [FLOOR, WALL, OBJECT], 0, :] == 0).all()
    assert (scenes[..., FLOOR, 63, :] > 0).all()
    assert (scenes[..., [SKY, WALL], 63, :] == 0).all()


def test_away_from_edges_a_pixel_takes_one_material_only(scenes):
    """Each edge blurs at most four pixels of a column, and there are at most four edges in one."""
    materials = (scenes[..., :4, :, :] != 0).sum(axis=-3)
    assert (materials == 1).mean() > 0.75
    assert (materials >= 1).all()


def test_the_object_grows_with_its_scale(scenes):
    """Lengths grow by 5/3, so areas by about 25/9; nearer parts look larger still."""
    area = (scenes[..., OBJECT, :, :] > FULL / 4).sum(axis=(-1, -2))
    assert (area[1] > 2.5 * area[0]).all()


def test_only_the_cube_changes_its_outline_with_the_orientation(scenes):
    outlines = scenes[..., OBJECT, :, :] > 0
    for shape in (CYLINDER, SPHERE, CAPSULE):
        assert np.array_equal(outlines[:, shape, 0], outlines[:, shape, 2])
    assert (outlines[:, CUBE, 0] != outlines[:, CUBE, 2]).any()


def test_the_back_corner_goes_left_as_orientation_grows(scenes):
    """A side wall faces the camera less than the back wall and is darker, so the brighter half changes."""
    row = scenes[0, SPHERE, :, WALL, 24]
    assert row[0, :20].mean() > row[0, -20:].mean()
    assert row[2, :20].mean() < row[2, -20:].mean()


def test_the_object_stands_on_the_floor_before_the_middle_of_the_room(scenes):
    """The camera at height 1 looks up by 0.0175: its horizon is 1.2 pixels below the middle of the picture, 31.3, and
    the cylinder's foot 67 times 1 over its distance below that."""
    cylinder = scenes[0, CYLINDER, 1, OBJECT] > FULL / 4
    rows = np.flatnonzero(cylinder[:, 32])
    horizon = 31.34 + 67 * 0.0175
    assert rows[-1] + 1 == pytest.approx(horizon + 67 / (3.353 - 0.75 * 0.513), abs=1.0)


@pytest.mark.parametrize("shape", range(4))
def test_every_object_throws_a_shadow_to_the_right(scenes, shape):
    """The lamp hangs on the left: at orientation 0 the floor to the right of the object is dark, to the left not."""
    lit = empty_room(0.0).planes[FLOOR][::2, ::2]
    dark = (scenes[1, shape, 1, FLOOR] < 0.6 * lit) & (lit > 0) & (scenes[1, shape, 1, OBJECT] == 0)
    columns = np.flatnonzero(dark.any(axis=0))
    object_columns = np.flatnonzero((scenes[1, shape, 1, OBJECT] > 0).any(axis=0))
    assert columns[-1] > object_columns[-1] + 2
    assert columns[0] > object_columns[0] - 2


def test_highlights_lie_on_the_object_alone(scenes):
    """Where a whole pixel shines, the object covers it; of a large cube no side that the lamp reaches need be seen."""
    shines = scenes[..., HIGHLIGHT, :, :] > 20
    assert shines[:, CYLINDER:].any(axis=(-1, -2)).all()
    assert shines[:, CUBE].any()
    assert (scenes[..., OBJECT, :, :][shines] > 0).all()


def test_the_object_lies_within_the_part_of_the_raster_that_is_searched_for_it(scenes, monkeypatch):
    monkeypatch.setattr(room, "_surroundings", lambda _: (slice(0, 128), slice(0, 128)))
    whole = np.concatenate(list(draw_scenes(np.array([0.75, 1.25]), np.array([-30.0, 0.0, 30.0]))))
    assert np.array_equal(whole.reshape(scenes.shape), scenes)
