"""The room of 3D Shapes, ray-cast: how bright each pixel is, before anything has a colour.

The camera looks at an object on the floor of a square room under the open sky; a lamp hangs above.
A scene depends on scale, shape and orientation alone; hues only tint it. So a scene is kept as
planes, one a material, that say how much of the material's colour a pixel takes: a picture is the
matrix product ``colours (3, 5) @ planes (5, 4096)``.

Camera, sizes and lights were fitted to 50 published frames, without their labels; nothing of the
frames themselves is kept. The published frames also show a faint honeycomb on the walls and uneven
highlights, from coarse meshes, which are left out here.

References:
    Burgess and Kim (2018), 3D Shapes Dataset. https://github.com/google-deepmind/3d-shapes
"""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from math import cos, radians, sin
from typing import NamedTuple

import numpy as np

from minebench.datasets.rendering.solids import Hit, Rays, box, capsule, cylinder, sphere
from minebench.datasets.tinted_pixels import FULL

SIZE = 64
MATERIALS = ("sky", "floor", "wall", "object", "highlight")
PLANE = np.dtype("<f4")  # whole numbers, so that products of matrices are exact in any order
SHAPES: tuple[Callable[[Rays, float], Hit], ...] = (
    lambda rays, scale: box(rays, 0.4775 * scale, 0.0, 0.955 * scale),
    lambda rays, scale: cylinder(rays, 0.513 * scale, 0.0, 1.025 * scale),
    lambda rays, scale: sphere(rays, 0.579 * scale, 0.579 * scale),
    lambda rays, scale: capsule(rays, 0.4455 * scale, 0.0, 1.787 * scale),
)
_REACH, _TOP = 0.70, 1.83  # no object of scale 1 is wider, from its axis, or higher

# lengths are in heights of the camera above the floor; x points to the right, y to the back wall
_FOCAL, _MIDDLE_X, _MIDDLE_Y = 67.0, 31.97, 31.34  # pixels
_PITCH = -0.0175  # radians downwards: it looks up a little
_DISTANCE = 3.353  # of the camera from the object
_BACK, _SIDE, _WALL_TOP = 5.007, 4.988, 2.86
_LAMP = (-1.94, 0.50, 9.95)
_AMBIENT, _HEADLIGHT = 0.358, 0.589  # on the object; the camera itself carries the second light
_LAMP_EDGE, _LAMP_LIGHT, _HIGHLIGHT = -0.109, 0.879, 0.101  # where the lamp shines
_WALL_AMBIENT, _WALL_HEADLIGHT, _WALL_FADES = 0.506, 0.627, (-0.016, -0.018, -0.012)
_FLOOR = (1.060, -0.1245, 0.0149, -0.0101, -0.0191, 0.0151)  # a quadratic of x and y around the object
_SHADOW = 0.33

_FINE = 2  # rays per pixel and axis
_RASTER = SIZE * _FINE
# Keys' cubic with a = -1/2 at the eight ray positions around a pixel's centre, in 1/256: the published frames were
# reduced by such a filter, edges overshoot by the same share
_CUBIC = (-3, -9, 29, 111, 111, 29, -9, -3)


class View(NamedTuple):
    """The empty room at one orientation.

    Attributes:
        turn: Cosine and sine of the orientation.
        planes: Brightness of each material on the raster of rays, ``FULL`` being 1, int16 ``(5, 128, 128)``.
    """

    turn: tuple[float, float]
    planes: np.ndarray


def draw_scenes(scales: np.ndarray, orientations: np.ndarray) -> Iterator[np.ndarray]:
    """All scenes in C order: scale, shape, orientation.

    Args:
        scales: Sizes of the object; 1 is the middle of the published ones.
        orientations: Degrees; at 30 the back corner of the room is on the left.

    Yields:
        For each scale and shape, planes float32 ``(orientations, 5, 64, 64)`` of whole numbers, ``FULL``
        for a material's full brightness; light goes beyond it, and edges overshoot on both sides.
    """
    views = [empty_room(orientation) for orientation in orientations.tolist()]
    for scale, hit in product(scales.tolist(), SHAPES):
        yield np.stack([_draw(view, hit, scale) for view in views])


def empty_room(orientation: float) -> View:
    """The room without an object, at an orientation in degrees."""
    angle = radians(-orientation)
    # rounded, so that a last bit of the C library's sine cannot reach a pixel
    turn = round(cos(angle), 12), round(sin(angle), 12)
    rays = _rays(turn)
    to_back = np.where(rays.dy > 0, (_BACK - rays.oy) / np.where(rays.dy > 0, rays.dy, 1.0), np.inf)
    to_side = (np.where(rays.dx < 0, -_SIDE, _SIDE) - rays.ox) / np.where(rays.dx == 0, 1e-12, rays.dx)
    to_floor, to_wall = _to_floor(rays), np.minimum(to_back, to_side)
    x, y, z = rays.ox + to_wall * rays.dx, rays.oy + to_wall * rays.dy, rays.oz + to_wall * rays.dz
    # how squarely a wall faces the camera: the back wall looks along -y, the side walls along x
    faced = np.where(to_back <= to_side, turn[0], np.where(rays.dx < 0, -turn[1], turn[1]))
    on_floor = to_floor < to_wall
    on_wall = ~on_floor & (z <= _WALL_TOP)
    nothing = np.zeros_like(z)
    planes = [
        np.where(on_floor | on_wall, 0.0, 1.0),
        np.where(on_floor, _floor_light(rays, np.where(on_floor, to_floor, 0.0)), 0.0),
        np.where(on_wall, _wall_light(turn, faced, x, y, z), 0.0),
    ]
    return View(turn, _levels(np.stack([*planes, nothing, nothing])).astype(np.int16))


def _rays(turn: tuple[float, float], rows: slice = slice(None), columns: slice = slice(None)) -> Rays:
    """Rays from the camera through rows and columns of the raster, in the room's coordinates."""
    cosine, sine = turn
    pitch_cosine, pitch_sine = round(cos(_PITCH), 12), round(sin(_PITCH), 12)
    centres = (np.arange(_RASTER) + 0.5) / _FINE
    right, up = np.meshgrid((centres[columns] - _MIDDLE_X) / _FOCAL, (_MIDDLE_Y - centres[rows]) / _FOCAL)
    ahead, dz = pitch_cosine + pitch_sine * up, pitch_cosine * up - pitch_sine
    dx, dy = ahead * sine + right * cosine, ahead * cosine - right * sine
    return Rays(np.asarray(-_DISTANCE * sine), np.asarray(-_DISTANCE * cosine), np.asarray(1.0), dx, dy, dz)


def _to_floor(rays: Rays) -> np.ndarray:
    return np.where(rays.dz < 0, -rays.oz / np.where(rays.dz < 0, rays.dz, -1.0), np.inf)


def _floor_light(rays: Rays, t: np.ndarray) -> np.ndarray:
    x, y = rays.ox + t * rays.dx, rays.oy + t * rays.dy
    flat = _FLOOR[0] + _FLOOR[1] * x + _FLOOR[2] * y
    return np.asarray(flat + _FLOOR[3] * x * x + _FLOOR[4] * y * y + _FLOOR[5] * x * y)


def _wall_light(
    turn: tuple[float, float], faced: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray
) -> np.ndarray:
    across, away = x * turn[0] - y * turn[1], x * turn[1] + y * turn[0]  # as the camera sees the room
    fade = _WALL_FADES[0] * across + _WALL_FADES[1] * away + _WALL_FADES[2] * z
    return np.asarray(_WALL_AMBIENT + _WALL_HEADLIGHT * faced + fade)


def _draw(view: View, hit: Callable[[Rays, float], Hit], scale: float) -> np.ndarray:
    """The planes of one scene, ``(5, 64, 64)``."""
    planes = view.planes.astype(np.float64)
    _darken(planes[MATERIALS.index("floor")], view.turn, hit, scale)
    _place(planes, view.turn, hit, scale)
    return _reduced(planes)


def _darken(floor: np.ndarray, turn: tuple[float, float], hit: Callable[[Rays, float], Hit], scale: float) -> None:
    """Put the object's shadow on the floor."""
    reach = (_REACH + 0.35 * _TOP) * scale
    rows = slice(int(_MIDDLE_Y * _FINE), _RASTER)  # the floor lies below
    rays = _rays(turn, rows)
    t = _to_floor(rays)
    t = np.where(np.isfinite(t), t, 0.0)
    x, y = rays.ox + t * rays.dx, rays.oy + t * rays.dy
    near = (t > 0) & (x * x + y * y < reach * reach)
    x, y = x[near], y[near]
    to_lamp = Rays(x, y, np.full_like(x, 1e-6), _LAMP[0] - x, _LAMP[1] - y, np.full_like(x, _LAMP[2]))
    dark = np.isfinite(hit(to_lamp, scale).distance)
    lit = floor[rows][near]
    floor[rows][near] = np.where(dark, _levels(np.full_like(x, _SHADOW)), lit)


def _place(planes: np.ndarray, turn: tuple[float, float], hit: Callable[[Rays, float], Hit], scale: float) -> None:
    """Put the object before everything else."""
    rows, columns = _surroundings(scale)
    found = hit(_rays(turn, rows, columns), scale)
    met = np.isfinite(found.distance)
    faced = np.maximum(-(found.nx * turn[1] + found.ny * turn[0]), 0.0)
    lit = (found.nx * _LAMP[0] + found.ny * _LAMP[1] + found.nz * _LAMP[2]) / _lamp_distance()
    shines = lit > 0
    colour = _AMBIENT + _HEADLIGHT * faced + np.where(shines, _LAMP_EDGE + _LAMP_LIGHT * lit, 0.0)
    part = planes[:, rows, columns]
    part[:, met] = 0
    part[MATERIALS.index("object")] = np.where(met, _levels(colour), 0.0)
    part[MATERIALS.index("highlight")] = np.where(met & shines, _levels(np.asarray(_HIGHLIGHT)), 0.0)


@cache
def _lamp_distance() -> float:
    return float(np.sqrt(_LAMP[0] * _LAMP[0] + _LAMP[1] * _LAMP[1] + _LAMP[2] * _LAMP[2]))


def _surroundings(scale: float) -> tuple[slice, slice]:
    """Rows and columns of the raster that hold the object, whatever its shape and the room's orientation."""
    reach, top = _REACH * scale, _TOP * scale
    half = _FOCAL * reach / (_DISTANCE - reach)
    high = _MIDDLE_Y - _FOCAL * max((top - 1) / (_DISTANCE - reach), (top - 1) / (_DISTANCE + reach)) - 2
    low = _MIDDLE_Y + _FOCAL / (_DISTANCE - reach) + 2
    rows = slice(max(int(high * _FINE), 0), min(int(low * _FINE), _RASTER))
    columns = slice(max(int((_MIDDLE_X - half - 1) * _FINE), 0), int((_MIDDLE_X + half + 1) * _FINE))
    return rows, columns


def _levels(brightness: np.ndarray) -> np.ndarray:
    levels: np.ndarray = np.floor(FULL * brightness + 0.5)
    return levels


def _reduced(planes: np.ndarray) -> np.ndarray:
    """The raster of rays reduced to pixels; whole numbers throughout, so exact."""
    reducer = _reducer()
    sums: np.ndarray = reducer @ planes @ reducer.T
    return np.floor(sums / 256**2 + 0.5).astype(PLANE)


@cache
def _reducer() -> np.ndarray:
    """Weights ``(64, 128)`` of the rays for each row of pixels, in 1/256; the outermost rays stand for those beyond."""
    reducer = np.zeros((SIZE, _RASTER))
    for pixel in range(SIZE):
        for tap, weight in enumerate(_CUBIC):
            ray = _FINE * pixel + _FINE // 2 - len(_CUBIC) // 2 + tap
            reducer[pixel, min(max(ray, 0), _RASTER - 1)] += weight
    return reducer
