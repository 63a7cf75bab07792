"""Flat shapes as signed distances, and pictures that they are painted on, many at once.

All arithmetic is elementwise float32: sums, products, quotients, square roots, minima and maxima,
which IEEE 754 fixes to the last bit on every machine. Arrays of n pictures are ``(n, H, W)``, one
number a picture ``(n, 1, 1)``, a colour ``(3, n, 1, 1)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

REAL = np.dtype(np.float32)


@dataclass(frozen=True)
class Traits:
    """What sets pictures apart, by name.

    Attributes:
        values: Numbers ``(n, 1, 1)`` and colours ``(3, n, 1, 1)``, float32.
        some: Which of the n pictures, None for all; they are looked up as a trait is asked for.
    """

    values: dict[str, np.ndarray]
    some: slice | np.ndarray | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name] if self.some is None else self.values[name][..., self.some, :, :]


class Layer(NamedTuple):
    """Something that is painted.

    Attributes:
        distance: Signed distance, in pixels and below 0 inside, of the points x and y in pictures of some traits.
        colour: Its colour, 0 ... 1.
        rows, columns: The part of the picture that it can lie in.
        opacity: How much it hides of what is behind it, 0 ... 1.
        softness: Width of its edge in pixels; 1 is a sharp edge without steps.
        shown: The trait, 0 or 1, of pictures that have it at all; None for all.
    """

    distance: Callable[[np.ndarray, np.ndarray, Traits], np.ndarray]
    colour: Callable[[Traits], np.ndarray]
    rows: tuple[int, int] = (0, 64)
    columns: tuple[int, int] = (0, 64)
    opacity: float = 1.0
    softness: float = 1.0
    shown: str | None = None


def paint(pixels: np.ndarray, x: np.ndarray, y: np.ndarray, layer: Layer, traits: Traits) -> None:
    """Paint a layer over pictures.

    Args:
        pixels: Colours, float32 ``(3, n, H, W)``; changed in place.
        x: Coordinates of the pixels' centres, ``(n, H, W)``, to the right.
        y: The same, downwards.
        layer: What to paint.
        traits: Traits of the n pictures.
    """
    some: slice | np.ndarray = slice(None)
    if layer.shown is not None:
        some = np.flatnonzero(traits[layer.shown])
        if not len(some):
            return
        traits = Traits(traits.values, some)
    area = (some, slice(*layer.rows), slice(*layer.columns))
    cover = 0.5 - layer.distance(x[area], y[area], traits) * (1 / layer.softness)
    np.maximum(cover, 0, out=cover)
    np.minimum(cover, 1, out=cover)
    if layer.opacity != 1:
        cover *= layer.opacity
    for channel, colour in zip(pixels, layer.colour(traits), strict=True):
        change = colour - channel[area]
        change *= cover
        channel[area] += change


def ellipse(
    x: np.ndarray, y: np.ndarray, half_width: np.ndarray | float, half_height: np.ndarray | float
) -> np.ndarray:
    """About the distance from an ellipse around the origin; exact for a circle."""
    u, v = x / half_width, y / half_height
    # two plain numbers have a minimum of type float64, which must not spread
    return np.asarray((np.sqrt(u * u + v * v) - 1) * np.minimum(half_width, half_height, dtype=REAL))


def bar(x: np.ndarray, y: np.ndarray, half_length: np.ndarray | float, half_height: np.ndarray | float) -> np.ndarray:
    """Distance from a bar along x with round ends; ``half_length`` is that of its middle line."""
    beyond = np.maximum(abs(x) - half_length, 0)
    return np.asarray(np.sqrt(beyond * beyond + y * y) - half_height)


def block(
    x: np.ndarray,
    y: np.ndarray,
    half_width: np.ndarray | float,
    half_height: np.ndarray | float,
    rounding: np.ndarray | float,
) -> np.ndarray:
    """Distance from a rectangle around the origin with round corners; farther inside than those, their radius."""
    u, v = np.maximum(abs(x) - (half_width - rounding), 0), np.maximum(abs(y) - (half_height - rounding), 0)
    return np.asarray(np.sqrt(u * u + v * v) - rounding)


def union(*distances: np.ndarray) -> np.ndarray:
    """Distance from the nearest of several shapes."""
    nearest = distances[0]
    for distance in distances[1:]:
        nearest = np.minimum(nearest, distance)
    return nearest


def common(*distances: np.ndarray) -> np.ndarray:
    """About the distance from what several shapes have in common; minus a shape's distance is all outside it."""
    farthest = distances[0]
    for distance in distances[1:]:
        farthest = np.maximum(farthest, distance)
    return farthest
