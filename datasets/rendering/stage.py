"""The stage of the robot's arm: three cameras, and the empty picture that each of them sees.

A pillar stands on a dark round floor before a coloured band. Pixels are colourless words: see
``words``. Lengths are in units of the pillar's height; its top, the arm's joint, is the origin, x
points to the right, y away from the cameras and z upwards.
"""

from functools import cache
from math import cos, radians, sin
from typing import NamedTuple

import numpy as np

from minebench.datasets.rendering.solids import Hit, Rays, cylinder, nearest, sphere, tube

SIZE = 64
FOCAL = 96.0  # pixels
OBJECT_LEVELS, GREY_LEVELS, BAND_LEVELS = 32, 128, 16  # 5 + 7 + 4 bits: one word
WORD = np.dtype("<u2")

_ELEVATIONS = (38.0, 22.0, 6.0)  # degrees above the horizontal: top, centre, bottom
_DISTANCE = 6.2
_LOOKED_AT = -0.12  # height of the point in the middle of the picture
_FLOOR, _BAND_TOP, _BAND_RADIUS = -1.0, -0.62, 2.45
_PILLAR, _FOOT, _JOINT = 0.17, 0.34, 0.15  # radii
_FINE = 4  # rays per pixel and axis

Number = float | np.ndarray


class Camera(NamedTuple):
    """Where a camera stands in the plane of y and z, and where it looks; or several, as arrays.

    Attributes:
        y, z: Its place; x is 0.
        cosine, sine: Of its elevation above the horizontal.
    """

    y: Number
    z: Number
    cosine: Number
    sine: Number

    def rays(self, column: np.ndarray, row: np.ndarray) -> Rays:
        """The rays through points of the picture, in pixels from its upper left corner."""
        right, up = (column - SIZE / 2) / FOCAL, (SIZE / 2 - row) / FOCAL
        dy, dz = self.cosine + self.sine * up, self.cosine * up - self.sine
        return Rays(np.asarray(0.0), np.asarray(self.y), np.asarray(self.z), right, dy, dz)

    def project(self, x: Number, y: Number, z: Number) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column and row of a point in the picture, and its depth."""
        y, z = y - self.y, z - self.z
        depth = self.cosine * y - self.sine * z
        up = self.sine * y + self.cosine * z
        column, row = SIZE / 2 + FOCAL * x / depth, SIZE / 2 - FOCAL * up / depth
        return np.asarray(column), np.asarray(row), np.asarray(depth)


def _camera(elevation: float) -> Camera:
    # rounded, so that a last bit of the C library's cosine cannot reach a pixel
    cosine, sine = round(cos(radians(elevation)), 12), round(sin(radians(elevation)), 12)
    return Camera(-_DISTANCE * cosine, _LOOKED_AT + _DISTANCE * sine, cosine, sine)


CAMERAS = tuple(map(_camera, _ELEVATIONS))


def words(on_object: np.ndarray, grey: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Brightnesses to words of 16 bits; a pixel's colour is the sum of three tinted brightnesses.

    Args:
        on_object: Brightness of the object's colour, 0 ... 255.
        grey: Brightness of everything that is grey, highlights included, 0 ... 255.
        band: Brightness of the band's colour, 0 ... 255.

    Returns:
        Words of the same shape, rounded to the nearest levels.
    """
    total = np.zeros(np.shape(grey), np.int64)
    for brightness, levels in ((on_object, OBJECT_LEVELS), (grey, GREY_LEVELS), (band, BAND_LEVELS)):
        level = np.floor(brightness * ((levels - 1) / 255) + 0.5)
        total = total * levels + np.minimum(np.maximum(level, 0), levels - 1).astype(np.int64)
    return total.astype(WORD)


def tints(object_colour: np.ndarray, band_colour: np.ndarray) -> np.ndarray:
    """The colour of every word.

    Args:
        object_colour: RGB, 0 ... 255, shape ``(3,)``.
        band_colour: The same of the band.

    Returns:
        uint8 ``(3, 65536)``.
    """
    word = np.arange(OBJECT_LEVELS * GREY_LEVELS * BAND_LEVELS)
    band, rest = word % BAND_LEVELS, word // BAND_LEVELS
    grey, on_object = rest % GREY_LEVELS, rest // GREY_LEVELS
    tinted = object_colour[:, None] * (on_object / (OBJECT_LEVELS - 1)) + band_colour[:, None] * (
        band / (BAND_LEVELS - 1)
    )
    return np.minimum(tinted + grey * (255 / (GREY_LEVELS - 1)) + 0.5, 255).astype(np.uint8)


@cache
def empty_picture(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """What a camera sees without the arm.

    Returns:
        The brightness of all that is grey and that of the band, float64 ``(64, 64)`` in 0 ... 255.
    """
    centres = (np.arange(SIZE * _FINE) + 0.5) / _FINE
    rays = camera.rays(*np.meshgrid(centres, centres))
    grey, band = _backdrop(rays)
    pillar = _pillar(rays)
    met = np.isfinite(pillar.distance)
    lit = 0.55 - 0.35 * pillar.nx - 0.25 * pillar.ny + 0.35 * pillar.nz
    grey = np.where(met, 30 + 75 * np.maximum(lit, 0), grey)
    return pooled(grey, _FINE), pooled(np.where(met, 0.0, band), _FINE)


def _pillar(rays: Rays) -> Hit:
    foot = cylinder(rays, _FOOT, _FLOOR, _FLOOR + 0.10)
    return nearest(nearest(foot, cylinder(rays, _PILLAR, _FLOOR, 0.0)), sphere(rays, _JOINT))


def _backdrop(rays: Rays) -> tuple[np.ndarray, np.ndarray]:
    """Grey of floor and wall, and brightness of the band, which is the inner side of a ring behind the pillar."""
    t = tube(rays, _BAND_RADIUS).leave
    x, z = rays.ox + t * rays.dx, rays.oz + t * rays.dz
    on_band = (z >= _FLOOR) & (z <= _BAND_TOP)
    wall = 26 + 10 * np.minimum(np.maximum(z + 0.6, 0), 2)
    ground = (_FLOOR - rays.oz) / np.minimum(rays.dz, -1e-6)
    fx, fy = rays.ox + ground * rays.dx, rays.oy + ground * rays.dy
    away = (fx + 0.7) * (fx + 0.7) + (fy + 0.5) * (fy + 0.5)
    floor = 38 + 44 / (1 + 0.45 * away)
    before_band = (fy < 0) | (fx * fx + fy * fy <= _BAND_RADIUS * _BAND_RADIUS)
    grey = np.where((rays.dz < 0) & before_band, floor, wall)
    return np.where(on_band, 0.0, grey), np.where(on_band, 221 - 17 * x, 0.0)


def pooled(fine: np.ndarray, factor: int) -> np.ndarray:
    """The mean of ``factor`` times ``factor`` neighbours over the last two axes.

    They are added one by one: the order of a sum over an axis differs between machines.
    """
    total = fine[..., 0::factor, 0::factor] * 1.0
    for row in range(factor):
        for column in range(factor):
            if row or column:
                total += fine[..., row::factor, column::factor]
    return total / factor**2
