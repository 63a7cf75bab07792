"""The arm against projective geometry worked out by hand; the data set is in ``test_mpi3d_like.py``."""

from math import cos, pi, radians, sin, sqrt

import numpy as np
import pytest

from minebench.datasets.rendering.robot_arm import SOLIDS, ArmScenes
from minebench.datasets.rendering.solids import Rays
from minebench.datasets.rendering.stage import (
    BAND_LEVELS,
    CAMERAS,
    FOCAL,
    GREY_LEVELS,
    OBJECT_LEVELS,
    empty_picture,
    pooled,
    tints,
    words,
)

ARM, DISTANCE = 1.15, 6.2
SHAPES = list(SOLIDS)


@pytest.fixture(scope="module")
def scenes() -> ArmScenes:
    """Five positions an axis: the middle of the horizontal one points to the cameras."""
    return ArmScenes(5)


def scene(scenes: ArmScenes, *, shape: str = "sphere", size: int = 1, camera: int = 1, h: int = 2, v: int = 2) -> int:
    return int(np.ravel_multi_index((SHAPES.index(shape), size, camera, h, v), scenes.sizes))


def layers(scenes: ArmScenes, number: int) -> np.ndarray:
    """Object, grey and band levels of a whole picture, (3, 64, 64)."""
    _, _, camera, _, _ = np.unravel_index(number, scenes.sizes)
    grey, band = empty_picture(CAMERAS[camera])
    picture = words(np.zeros_like(grey), grey, band)
    top, left, height, width = scenes.boxes[number]
    picture[top : top + height, left : left + width] = scenes.draw(np.array([number]))[0, :height, :width]
    rest, band_level = np.divmod(picture.astype(int), BAND_LEVELS)
    return np.array([*np.divmod(rest, GREY_LEVELS), band_level])


def centre_of(scenes: ArmScenes, number: int) -> np.ndarray:
    """Row and column of the middle of the object's pixels."""
    found = np.argwhere(layers(scenes, number)[0] > 0)
    return (found.min(axis=0) + found.max(axis=0) + 1) / 2


def test_words_hold_three_brightnesses_and_tints_turn_them_into_colours():
    """255 is the last level of each: 31, 127 and 15; a colour is their sum, cut at white."""
    assert OBJECT_LEVELS * GREY_LEVELS * BAND_LEVELS == 1 << 16
    one, grey, band = (np.array(levels, float) for levels in ([255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]))
    found = words(one, grey, band)
    assert found.tolist() == [31 * 2048, 127 * 16, 15, 65_535]
    colours = tints(np.array([200, 100, 0]), np.array([0, 50, 250]))[:, found]
    assert colours.T.tolist() == [[200, 100, 0], [255, 255, 255], [0, 50, 250], [255, 255, 255]]


def test_brightness_beyond_the_range_is_cut_and_not_carried_into_the_next_level():
    assert words(np.array([-9.0, 300.0]), np.array([300.0, -9.0]), np.array([0.0, 0.0])).tolist() == [
        127 * 16,
        31 * 2048,
    ]


def test_pooling_is_the_mean_over_neighbours():
    fine = np.arange(2 * 4 * 6).reshape(2, 4, 6)
    assert np.array_equal(pooled(fine, 2), fine.reshape(2, 2, 2, 3, 2).mean(axis=(2, 4)))


@pytest.mark.parametrize(("camera", "elevation"), [(0, 38.0), (1, 22.0), (2, 6.0)])
def test_cameras_look_at_the_same_point_from_one_distance(camera, elevation):
    eye = CAMERAS[camera]
    column, row, depth = eye.project(0.0, 0.0, -0.12)
    assert (column, row, depth) == pytest.approx((32, 32, DISTANCE))
    assert eye.z + 0.12 == pytest.approx(DISTANCE * sin(radians(elevation)))


def test_a_point_is_projected_to_the_pixel_whose_ray_passes_through_it():
    eye = CAMERAS[0]
    ray = eye.rays(np.array(10.5), np.array(50.5))
    point = (4 * part + origin for part, origin in zip(ray[3:], ray[:3], strict=True))
    assert eye.project(*point)[:2] == pytest.approx((10.5, 50.5))


def test_a_higher_camera_sees_the_band_higher_and_more_bent():
    tops = []
    for eye in CAMERAS:
        rows = [int(np.flatnonzero(empty_picture(eye)[1][:, column] > 60)[0]) for column in (3, 25)]
        tops.append(rows)
    (top_side, top_middle), (centre_side, centre_middle), (bottom_side, bottom_middle) = tops
    assert top_middle < centre_middle < bottom_middle
    assert top_side - top_middle > centre_side - centre_middle > bottom_side - bottom_middle


@pytest.mark.parametrize("name", SHAPES)
def test_no_ray_meets_a_solid_beyond_its_reach(name):
    """Rays that pass just beside a ball of that radius miss; the bound is tight, so some a little farther in do not."""
    rng = np.random.default_rng(0)
    aim = rng.normal(size=(3, 40_000))
    aim /= np.sqrt((aim**2).sum(axis=0))
    across = np.cross(aim.T, rng.normal(size=(40_000, 3))).T
    across /= np.sqrt((across**2).sum(axis=0))
    solid = SOLIDS[name]
    for share, some in ((1.001, False), (0.93, True)):
        start = across * share * solid.reach - 5 * aim
        assert np.isfinite(solid.hit(Rays(*start, *aim), 1.0).distance).any() == some


@pytest.mark.parametrize("camera", range(3))
@pytest.mark.parametrize(("h", "v"), [(0, 0), (0, 4), (2, 0), (2, 4), (4, 0), (4, 4), (2, 2)])
def test_the_sphere_is_where_projection_puts_it(scenes, camera, h, v):
    """At the angles -75 ... 75 and -15 ... 65 degrees; a sphere's picture is about 0.02 radii off its centre's."""
    turn, rise = radians(-75 + 37.5 * h), radians(-15 + 20 * v)
    x, y, z = ARM * cos(rise) * sin(turn), -ARM * cos(rise) * cos(turn), ARM * sin(rise)
    elevation = radians((38, 22, 6)[camera])
    away = DISTANCE * 1 + cos(elevation) * y - sin(elevation) * (z + 0.12)
    up = sin(elevation) * y + cos(elevation) * (z + 0.12)
    expected = 32 - FOCAL * up / away, 32 + FOCAL * x / away
    assert centre_of(scenes, scene(scenes, camera=camera, h=h, v=v)) == pytest.approx(expected, abs=0.8)


def test_size_scales_the_object(scenes):
    """Radii 0.26 and 0.42: areas as 0.38 to 1."""
    small, large = ((layers(scenes, scene(scenes, size=size, h=0))[0] > 0).sum() for size in (0, 1))
    assert small / large == pytest.approx((0.26 / 0.42) ** 2, abs=0.08)


def test_the_sphere_covers_the_disc_that_perspective_makes(scenes):
    """0.85 of the radius 0.42, at the depth of the arm's end: pi r^2, pixels at the edge counted by their share."""
    number = scene(scenes, h=0, v=1, camera=2)
    turn, rise, elevation = radians(-75), radians(5), radians(6)
    away = DISTANCE - cos(elevation) * ARM * cos(rise) * cos(turn) - sin(elevation) * (ARM * sin(rise) + 0.12)
    area = pi * (FOCAL * 0.85 * 0.42 / away) ** 2
    found = layers(scenes, number)[0]
    full = np.sort(found[found > 0])[-20:].mean()
    assert (found > 0).sum() == pytest.approx(area + 2 * sqrt(pi * area) / 2, rel=0.12)  # half of the edge's pixels
    assert full > 20


def test_the_band_and_the_grey_are_hidden_behind_the_object(scenes):
    drawn = layers(scenes, scene(scenes, shape="cube", h=1, v=3))
    inside = drawn[0] > 15
    assert inside.sum() > 40
    assert (drawn[2][inside] == 0).all()


def test_the_arm_runs_from_the_joint_to_the_object(scenes):
    """Half-way between the two the picture is brighter than the empty one."""
    number = scene(scenes, size=0, h=0, v=3)
    row, column = centre_of(scenes, number)
    joint_column, joint_row, _ = CAMERAS[1].project(0.0, 0.0, 0.0)
    middle = int((row + joint_row) / 2), int((column + joint_column) / 2)
    grey, band = empty_picture(CAMERAS[1])
    empty = (words(np.zeros_like(grey), grey, band)[middle] // BAND_LEVELS) % GREY_LEVELS
    assert layers(scenes, number)[1][middle] > empty + 10


def test_boxes_lie_in_the_picture_and_hold_all_that_moves(scenes):
    """With boxes of the whole picture the same pictures arise."""
    assert scenes.boxes.min() >= 0
    assert (scenes.boxes[:, :2] + scenes.boxes[:, 2:]).max() <= 64
    whole = ArmScenes(5)
    vars(whole)["boxes"] = np.tile([0, 0, 64, 64], (len(whole), 1))
    for number in range(0, len(scenes), 11):
        assert np.array_equal(layers(scenes, number), layers(whole, number))


def test_beside_its_box_a_window_is_zero(scenes):
    numbers = np.arange(0, len(scenes), 7)
    for number, window in zip(numbers, scenes.draw(numbers), strict=True):
        _, _, height, width = scenes.boxes[number]
        assert (window[height:] == 0).all()
        assert (window[:, width:] == 0).all()
        assert (window[:height, :width] > 0).all()  # nothing is quite black


def test_scenes_do_not_depend_on_their_company(scenes):
    numbers = np.random.default_rng(0).integers(0, len(scenes), 40)
    together = scenes.draw(numbers)
    assert all(np.array_equal(scenes.draw(numbers[k : k + 1])[0], together[k]) for k in range(40))


def test_all_scenes_differ(scenes):
    drawn = scenes.draw(np.arange(len(scenes)))
    places = scenes.boxes[:, :2].astype("<u2").view(np.uint8)
    content = np.concatenate([places, drawn.reshape(len(drawn), -1).view(np.uint8)], axis=1)
    assert len(np.unique(content, axis=0)) == len(scenes)
