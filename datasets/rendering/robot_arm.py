"""A robot's arm that holds an object, after MPI3D's: drawn without colours, in boxes around what moves.

The arm turns and rises on a pillar and holds one of six convex solids. Shape, size, camera and the
two axes make 57,600 scenes; the colours of object and band only tint them, so they are kept as
colourless words (see ``stage``). Within a scene only the box around arm and object differs from the
camera's empty picture, and only that is drawn.

The scene resembles MPI3D's in kind: factors and their values are the published ones, while
proportions, lights and the range of the axes are our own.

References:
    Gondal et al. (2019), On the Transfer of Inductive Bias from Simulation to the Real World: a New
    Disentanglement Dataset. arXiv:1906.03292. https://github.com/rr-learning/disentanglement_dataset
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from math import ceil, cos, prod, radians, sin
from typing import NamedTuple

import numpy as np

from minebench.datasets.rendering.solids import Hit, Rays, box, cone, cylinder, prism, pyramid, sphere
from minebench.datasets.rendering.stage import CAMERAS, FOCAL, SIZE, WORD, Camera, Number, empty_picture, pooled, words


class Solid(NamedTuple):
    """An object of radius 1 around its centre; the arm enters from below."""

    hit: Callable[[Rays, float], Hit]
    reach: float  # no point of it is farther from the centre


_HEXAGON = ((1.0, 0.0, 0.0), (0.5, 0.8660254037844386, 0.0), (-0.5, 0.8660254037844386, 0.0))
SOLIDS = {
    "cone": Solid(lambda rays, r: cone(rays, 0.95 * r, -0.75 * r, 1.1 * r), 1.22),
    "cube": Solid(lambda rays, r: box(rays, 0.72 * r, -0.72 * r, 0.72 * r), 1.25),
    "cylinder": Solid(lambda rays, r: cylinder(rays, 0.62 * r, -0.95 * r, 0.95 * r), 1.14),
    "hexagonal": Solid(lambda rays, r: prism(rays, _HEXAGON, 0.85 * r, -0.5 * r, 0.5 * r), 1.11),
    "pyramid": Solid(lambda rays, r: pyramid(rays, 0.85 * r, -0.7 * r, 1.1 * r), 1.40),
    "sphere": Solid(lambda rays, r: sphere(rays, 0.85 * r), 0.85),
}
_RADII = (0.26, 0.42)  # small and large; lengths are in heights of the pillar
_ARM = 1.15  # from the joint to the object's centre
_HORIZONTAL, _VERTICAL = (-75.0, 75.0), (-15.0, 65.0)  # degrees; the arm never points away from the cameras
_LAMP = (-0.48, -0.64, 0.60)  # unit vector to the light: from the left, the cameras' side and above
_ROD, _ROD_GREY = 0.95, 118.0  # half of the arm's width in pixels, and its brightness

_FINE = 2  # rays per pixel and axis
_BATCH = 16
_MARGIN = 2  # pixels around the joint: half of the arm and its edge


class Pose(NamedTuple):
    """Arms of n scenes: the axes of the object, the third one along the arm, as x, y and z of each, ``(n, 1, 1)``."""

    across: tuple[np.ndarray, ...]
    upright: tuple[np.ndarray, ...]
    along: tuple[np.ndarray, ...]

    def turned(self, x: Number, y: Number, z: Number) -> tuple[np.ndarray, ...]:
        """A vector in the object's own axes."""
        return tuple(ax * x + (ay * y + az * z) for ax, ay, az in self)

    @property
    def centre(self) -> tuple[np.ndarray, ...]:
        """Where the object's centre is."""
        return tuple(_ARM * component for component in self.along)


class Patch(NamedTuple):
    """Objects of n scenes in square pieces of the picture, ``(n, side, side)``."""

    top: np.ndarray
    left: np.ndarray
    cover: np.ndarray  # the part of each pixel that is covered
    colour: np.ndarray  # brightness of the object's colour, 0 ... 255, already weighted by it
    shine: np.ndarray  # brightness of white highlights, likewise

    def placed(self, top: np.ndarray, left: np.ndarray, side: int) -> np.ndarray:
        """Cover, colour and shine in boxes of one size at other places: ``(3, n, side, side)``."""
        boxes = np.zeros((3, len(top), side, side))
        source = np.stack([self.cover, self.colour, self.shine])
        for number, (row, column) in enumerate(zip(self.top - top, self.left - left, strict=True)):
            (in_rows, rows), (in_columns, columns) = (
                (slice(max(start, 0), start + source.shape[-1]), slice(max(-start, 0), side - start))
                for start in (int(row), int(column))
            )
            boxes[:, number, in_rows, in_columns] = source[:, number, rows, columns]
        return boxes


class ArmScenes:
    """All scenes of a grid: shape 6, size 2, camera 3, and the horizontal and the vertical axis, the last one fastest.

    Args:
        n_positions: How many positions each axis takes; 40 as published.
    """

    def __init__(self, n_positions: int = 40) -> None:
        self.sizes = (len(SOLIDS), len(_RADII), len(CAMERAS), n_positions, n_positions)
        self._turn = _circle(np.linspace(*_HORIZONTAL, n_positions))
        self._rise = _circle(np.linspace(*_VERTICAL, n_positions))

    def __len__(self) -> int:
        return prod(self.sizes)

    @cached_property
    def boxes(self) -> np.ndarray:
        """The box of each scene, all that moves lies in it: top, left, height, width; int64 ``(n, 4)``."""
        shape, size, camera, _, _ = np.unravel_index(np.arange(len(self)), self.sizes)
        reach = np.take([solid.reach for solid in SOLIDS.values()], shape) * np.take(_RADII, size)
        boxes = np.empty((len(self), 4), np.int64)
        for number, eye in enumerate(CAMERAS):
            seen = np.flatnonzero(camera == number)
            column, row, depth = (part.ravel() for part in eye.project(*self.pose(seen).centre))
            radius = reach[seen] * FOCAL / (depth - reach[seen])
            for side, here, joint in zip((0, 1), (row, column), _joint(eye), strict=True):
                low = np.floor(np.minimum(here - radius, joint - _MARGIN)).astype(np.int64)
                high = np.ceil(np.maximum(here + radius, joint + _MARGIN)).astype(np.int64)
                boxes[seen, side] = np.maximum(low, 0)
                boxes[seen, side + 2] = np.minimum(high, SIZE) - boxes[seen, side]
        return boxes

    @cached_property
    def side(self) -> int:
        """The longest side of a box."""
        return int(self.boxes[:, 2:].max())

    def pose(self, scenes: np.ndarray) -> Pose:
        """The arms of scenes; at the middle of the horizontal axis the arm points to the cameras."""
        _, _, _, horizontal, vertical = np.unravel_index(scenes, self.sizes)
        turn_c, turn_s = self._turn[:, horizontal, None, None]
        rise_c, rise_s = self._rise[:, vertical, None, None]
        across = turn_c, turn_s, 0.0 * turn_c
        upright = -rise_s * turn_s, rise_s * turn_c, rise_c
        return Pose(across, upright, (rise_c * turn_s, -rise_c * turn_c, rise_s))

    def draw(self, scenes: np.ndarray) -> np.ndarray:
        """The boxes of scenes.

        Args:
            scenes: Numbers of scenes, int64 ``(n,)``.

        Returns:
            Words ``(n, side, side)``, of which the box fills the upper left part.
        """
        drawn = np.zeros((len(scenes), self.side, self.side), WORD)
        kind = scenes // prod(self.sizes[2:])
        for number in np.unique(kind).tolist():
            alike = np.flatnonzero(kind == number)
            for start in range(0, len(alike), _BATCH):
                some = alike[start : start + _BATCH]
                drawn[some] = self._draw_alike(scenes[some])
        return drawn

    def _draw_alike(self, scenes: np.ndarray) -> np.ndarray:
        """The boxes of scenes of one shape and size."""
        shape, size, cameras, _, _ = np.unravel_index(scenes, self.sizes)
        solid, radius = list(SOLIDS.values())[shape[0]], _RADII[size[0]]
        eyes = Camera(*np.array(CAMERAS)[cameras].T[..., None, None])
        pose = self.pose(scenes)
        column, row, _ = eyes.project(*pose.centre)
        patch = _cast(solid, radius, pose, eyes)
        top, left, height, width = self.boxes[scenes].T[..., None, None]
        rows, columns = top + np.arange(self.side)[:, None], left + np.arange(self.side)
        pictures = np.stack([empty_picture(eye) for eye in CAMERAS], axis=1)
        behind = cameras[:, None, None], np.minimum(rows, SIZE - 1), np.minimum(columns, SIZE - 1)
        grey, band = pictures[0][behind], pictures[1][behind]
        cover = _rod(eyes, column, row, columns + 0.5, rows + 0.5)
        grey, band = grey + cover * (_ROD_GREY - grey), band - cover * band
        cover, colour, shine = patch.placed(top.ravel(), left.ravel(), self.side)
        drawn = words(colour, grey - cover * grey + shine, band - cover * band)
        drawn[(rows >= top + height) | (columns >= left + width)] = 0
        return drawn


def _circle(degrees: np.ndarray) -> np.ndarray:
    """Cosines and sines, ``(2, n)``; rounded, so that the last bit of the C library's cannot reach a pixel."""
    angles = [radians(angle) for angle in degrees.tolist()]
    return np.array([[round(function(angle), 12) for angle in angles] for function in (cos, sin)])


def _joint(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the joint."""
    column, row, _ = camera.project(0.0, 0.0, 0.0)
    return row, column


def _cast(solid: Solid, radius: float, pose: Pose, eyes: Camera) -> Patch:
    """Cast rays at the objects of scenes of one shape and size."""
    column, row, depth = eyes.project(*pose.centre)
    reach = solid.reach * radius
    side = 2 * ceil(reach * FOCAL / (float(depth.min()) - reach)) + 2
    top, left = np.floor(row) - side // 2, np.floor(column) - side // 2
    fine = (np.arange(side * _FINE) + 0.5) / _FINE
    seen = eyes.rays(left + fine, top + fine[:, None])
    x, y, z = pose.centre
    rays = Rays(*pose.turned(0.0 - x, eyes.y - y, eyes.z - z), *pose.turned(seen.dx, seen.dy, seen.dz))
    hit = solid.hit(rays, radius)
    met = np.isfinite(hit.distance)
    colour, shine = np.zeros((2, *met.shape))
    colour[met], shine[met] = _lit(hit, met, pose, eyes)
    return Patch(
        top[:, 0, 0].astype(np.int64),
        left[:, 0, 0].astype(np.int64),
        *(pooled(part, _FINE) for part in (met, colour, shine)),
    )


def _lit(hit: Hit, met: np.ndarray, pose: Pose, eyes: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Brightness of the object's colour and of the white highlight, 0 ... 255, at the rays that meet it."""
    scene = np.nonzero(met)[0]
    normal = [np.broadcast_to(part, met.shape)[met] for part in hit[1:]]
    lamp = pose.turned(*_LAMP)
    to_eye = pose.turned(0.0, -eyes.cosine, eyes.sine)
    halfway = [one + other for one, other in zip(lamp, to_eye, strict=True)]
    length = np.sqrt(halfway[0] * halfway[0] + halfway[1] * halfway[1] + halfway[2] * halfway[2])
    lit, faced, gloss = (
        _cosine(normal, [part[scene, 0, 0] for part in direction])
        for direction in (lamp, to_eye, [part / length for part in halfway])
    )
    for _ in range(4):
        gloss = gloss * gloss  # to the power of 16
    return np.minimum(52 + 165 * lit + 38 * faced, 255), 70 * gloss


def _cosine(normal: Sequence[np.ndarray], direction: Sequence[np.ndarray]) -> np.ndarray:
    """Cosine of the angle between unit vectors, 0 where it is obtuse."""
    product = normal[0] * direction[0] + normal[1] * direction[1] + normal[2] * direction[2]
    return np.asarray(np.maximum(product, 0.0))


def _rod(eyes: Camera, column: np.ndarray, row: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The part of the pixels centred at ``x, y`` that the arm covers on its way from the joint to ``column, row``."""
    start_row, start_column = _joint(eyes)
    ahead_x, ahead_y = column - start_column, row - start_row
    x, y = x - start_column, y - start_row
    share = (x * ahead_x + y * ahead_y) / np.maximum(ahead_x * ahead_x + ahead_y * ahead_y, 1e-9)
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    off_x, off_y = x - share * ahead_x, y - share * ahead_y
    cover = _ROD + 0.5 - np.sqrt(off_x * off_x + off_y * off_y)
    return np.asarray(np.minimum(np.maximum(cover, 0.0), 1.0))
