"""The sprites of dSprites, drawn bit for bit.

The geometry was inferred from published frames alone; it reproduces every pixel of every frame
compared so far (see the tests). The canvas is 64 x 64 pixels with centres at + 0.5, y downwards.
A sprite sits in a box of 19.2 pixels times its scale, turns anticlockwise on the screen, and has
its centre at ``(16 + 32 pos_x, 16 + 32 pos_y)``.

References:
    Matthey, Higgins, Hassabis, Lerchner (2017), dSprites: Disentanglement testing Sprites dataset.
    https://github.com/google-deepmind/dsprites-dataset
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import cos, pi, sin

import numpy as np

SHAPES = ("square", "ellipse", "heart")
SIZE = 64

_BOX = 19.2  # 0.3 of the canvas
_ELONGATION = 1.33  # the ellipse's semi-axes are half a box times and over this
_HEART_RISE = 0.075  # of the box, upwards
_SUBPIXELS = 256.0  # vertices lie on a lattice of 1/256 pixel
_ROW_CENTRES = np.arange(SIZE) + 0.5
# _SPANS[n] has the bits 0 ... n - 1 set: the xor of two is the span between two crossings
_SPANS = np.array([(1 << n) - 1 for n in range(SIZE + 1)], dtype="<u8")


def render_sprites(
    shapes: Sequence[str],
    scales: Sequence[float],
    orientations: Sequence[float],
    positions_x: Sequence[float],
    positions_y: Sequence[float],
) -> Iterator[np.ndarray]:
    """Draw the grid of all combinations, block by block, in C order (the last factor fastest).

    Args:
        shapes: Names out of ``SHAPES``.
        scales: Sizes relative to the box; 1 fills it.
        orientations: Angles in radians, anticlockwise on the screen.
        positions_x: Places between 0 (left) and 1 (right).
        positions_y: Places between 0 (top) and 1 (bottom).

    Yields:
        For each shape, scale and orientation the frames of all positions: little-endian uint64
        ``(len(positions_x) * len(positions_y), 64)``, one word a row, bit c is column c.

    Raises:
        ValueError: If a shape is unknown.
    """
    outlines = {shape: _outline(shape) for shape in shapes}
    centres_x = 16.0 + 32.0 * np.asarray(positions_x, dtype=np.float64)
    centres_y = 16.0 + 32.0 * np.asarray(positions_y, dtype=np.float64)
    for shape, scale, orientation in product(shapes, scales, orientations):
        across, down = _turn(outlines[shape] * scale, orientation)
        # x depends on the horizontal place alone and y on the vertical one: I + J polygons, not I * J
        yield _fill(_snap(across + centres_x[:, None]), _snap(down + centres_y[:, None])).reshape(-1, SIZE)


def _outline(shape: str) -> np.ndarray:
    """The polygon (V, 2) of a shape at scale 1 around its centre, in pixels, y downwards."""
    half = _BOX / 2
    if shape == "square":
        return np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    if shape == "ellipse":
        turns = [2 * pi * k / 100 for k in range(100)]
        return np.array([(half * _ELONGATION * cos(t), half / _ELONGATION * sin(t)) for t in turns])
    if shape == "heart":
        turns = [2 * pi * k / 150 for k in range(150)]
        return np.array([_heart(t) for t in turns])
    raise ValueError(f"shapes are {', '.join(SHAPES)}; got {shape!r}")


def _heart(t: float) -> tuple[float, float]:
    """A point of the heart curve, 32 wide and 29 high before it is fitted to the box, tip down."""
    x = 16 * sin(t) ** 3
    y = 13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)
    return _BOX / 32 * x, -_BOX / 29 * y - _HEART_RISE * _BOX


def _turn(polygon: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates (V,) and (V,) of a polygon turned anticlockwise on a screen whose y points down."""
    u, v = polygon.T
    return cos(angle) * u + sin(angle) * v, -sin(angle) * u + cos(angle) * v


def _snap(coordinates: np.ndarray) -> np.ndarray:
    snapped: np.ndarray = np.floor(coordinates * _SUBPIXELS + 0.5) / _SUBPIXELS
    return snapped


def _fill(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Even-odd scanlines at the pixel centres, for I horizontal and J vertical places at once.

    Args:
        x: Horizontal vertex coordinates, ``(I, V)``.
        y: Vertical vertex coordinates, ``(J, V)``.

    Returns:
        Words ``(I, J * 64)``.
    """
    next_x, next_y = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    below = y[:, None, :] >= _ROW_CENTRES[:, None]  # (J, 64, V)
    place, row, edge = np.nonzero(below != np.roll(below, -1, axis=2))  # the crossings, in order of place and row
    along = (_ROW_CENTRES[row] - y[place, edge]) / (next_y[place, edge] - y[place, edge])
    crossing = x[:, edge] + along * (next_x[:, edge] - x[:, edge])  # (I, crossings)
    first_column = np.clip(np.ceil(crossing - 0.5), 0, SIZE).astype(np.intp)  # the first centre not left of it
    line = place * SIZE + row
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    words = np.zeros((len(x), len(y) * SIZE), _SPANS.dtype)
    words[:, line[starts]] = np.bitwise_xor.reduceat(_SPANS[first_column], starts, axis=1)
    return words
