"""Convex solids met by rays: where a ray enters one, and which way the surface is turned there.

Only sums, products, quotients, square roots and comparisons of float64 are used, one at a time and
element by element. IEEE 754 says each of them to the last bit, so every machine draws the same
pixels; a matrix product or a sum over an axis would not promise that.
"""

from typing import NamedTuple

import numpy as np

_NO_SPEED = 1e-12  # stands for a ray that runs exactly along a plane


class Rays(NamedTuple):
    """Rays ``origin + t * direction`` in the solid's own coordinates, z along its axis.

    Six arrays, or numbers, that broadcast together; directions need not have unit length.
    """

    ox: np.ndarray
    oy: np.ndarray
    oz: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    dz: np.ndarray


class Span(NamedTuple):
    """The part ``enter <= t <= leave`` of each ray inside a convex solid; none where ``enter > leave``.

    ``nx, ny, nz`` is the outward unit normal where the ray enters.
    """

    enter: np.ndarray
    leave: np.ndarray
    nx: np.ndarray
    ny: np.ndarray
    nz: np.ndarray


class Hit(NamedTuple):
    """Where rays first meet a surface: the ``t`` of it, infinite where they miss, and the normal there."""

    distance: np.ndarray
    nx: np.ndarray
    ny: np.ndarray
    nz: np.ndarray


def box(rays: Rays, half_width: float, low: float, high: float) -> Hit:
    """A square block around the z axis between two heights.

    Args:
        rays: The rays.
        half_width: Half of its width along x and along y.
        low: Height of its lower face.
        high: Height of its upper face.

    Returns:
        Where each ray enters it.
    """
    across = slab(rays, (1.0, 0.0, 0.0), -half_width, half_width)
    along = slab(rays, (0.0, 1.0, 0.0), -half_width, half_width)
    return surface(meet(across, along, slab(rays, (0.0, 0.0, 1.0), low, high)))


def cylinder(rays: Rays, radius: float, low: float, high: float) -> Hit:
    """An upright cylinder around the z axis between two heights; see ``box``."""
    return surface(meet(tube(rays, radius), slab(rays, (0.0, 0.0, 1.0), low, high)))


def sphere(rays: Rays, radius: float, centre: float = 0.0) -> Hit:
    """A sphere on the z axis at the height ``centre``."""
    return surface(_ball(rays, radius, centre))


def capsule(rays: Rays, radius: float, low: float, high: float) -> Hit:
    """A cylinder around the z axis with round ends, ``low`` and ``high`` being its lowest and highest points."""
    bottom, top = low + radius, high - radius
    ends = nearest(surface(_ball(rays, radius, bottom)), surface(_ball(rays, radius, top)))
    return nearest(cylinder(rays, radius, bottom, top), ends)


def prism(rays: Rays, normals: tuple[tuple[float, float, float], ...], apothem: float, low: float, high: float) -> Hit:
    """An upright prism between two heights whose opposite sides are parallel; see ``box``.

    Args:
        rays: The rays.
        normals: Unit normals of the sides, one of each opposite pair.
        apothem: Distance of each side from the z axis.
        low: Height of its lower face.
        high: Height of its upper face.

    Returns:
        Where each ray enters it.
    """
    sides = [slab(rays, normal, -apothem, apothem) for normal in normals]
    return surface(meet(*sides, slab(rays, (0.0, 0.0, 1.0), low, high)))


def pyramid(rays: Rays, half_width: float, low: float, high: float) -> Hit:
    """A pyramid over the square of ``box`` at the height ``low``, with its tip at ``high``."""
    height = high - low
    length = float(np.sqrt(height * height + half_width * half_width))
    out, up = height / length, half_width / length  # a side's normal, outwards and upwards
    offset = up * high
    sides = [slab(rays, (x * out, y * out, up), -np.inf, offset) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    return surface(meet(*sides, slab(rays, (0.0, 0.0, 1.0), low, np.inf)))


def cone(rays: Rays, radius: float, low: float, high: float) -> Hit:
    """An upright cone around the z axis: its base at ``low``, its tip at ``high``."""
    return surface(meet(_nappe(rays, radius / (high - low), high), slab(rays, (0.0, 0.0, 1.0), low, high)))


def slab(rays: Rays, normal: tuple[float, float, float], low: float, high: float) -> Span:
    """The space between two parallel planes, or on one side of a plane where a bound is infinite.

    Args:
        rays: The rays.
        normal: Unit normal of both planes.
        low: Distance of one plane from the origin, along the normal.
        high: Distance of the other.

    Returns:
        The part of each ray in between.
    """
    place, speed = _along(normal, rays.ox, rays.oy, rays.oz), _along(normal, rays.dx, rays.dy, rays.dz)
    speed = np.where(speed == 0, _NO_SPEED, speed)
    first, second = (low - place) / speed, (high - place) / speed
    side = np.where(speed < 0, 1.0, -1.0)
    nx, ny, nz = (component * side if component else np.zeros(()) for component in normal)
    return Span(np.minimum(first, second), np.maximum(first, second), nx, ny, nz)


def tube(rays: Rays, radius: float) -> Span:
    """An endless cylinder around the z axis."""
    square = rays.dx * rays.dx + rays.dy * rays.dy
    middle = rays.ox * rays.dx + rays.oy * rays.dy
    enter, leave = _roots(square, middle, rays.ox * rays.ox + rays.oy * rays.oy - radius * radius)
    t = np.where(enter <= leave, enter, 0.0)
    return Span(enter, leave, (rays.ox + t * rays.dx) / radius, (rays.oy + t * rays.dy) / radius, 0.0 * t)


def meet(*spans: Span) -> Span:
    """What several convex solids have in common."""
    enter, leave, nx, ny, nz = spans[0]
    for span in spans[1:]:
        later = span.enter > enter
        enter, leave = np.maximum(enter, span.enter), np.minimum(leave, span.leave)
        nx, ny, nz = np.where(later, span.nx, nx), np.where(later, span.ny, ny), np.where(later, span.nz, nz)
    return Span(enter, leave, nx, ny, nz)


def surface(span: Span) -> Hit:
    """Where rays enter a solid that they do not start in."""
    hit = (span.enter <= span.leave) & (span.enter > 0)
    return Hit(np.where(hit, span.enter, np.inf), span.nx, span.ny, span.nz)


def nearest(one: Hit, other: Hit) -> Hit:
    """The first of two surfaces on each ray."""
    behind = other.distance < one.distance
    return Hit(*(np.where(behind, b, a) for a, b in zip(one, other, strict=True)))


def _ball(rays: Rays, radius: float, centre: float) -> Span:
    oz = rays.oz - centre
    square = rays.dx * rays.dx + rays.dy * rays.dy + rays.dz * rays.dz
    middle = rays.ox * rays.dx + rays.oy * rays.dy + oz * rays.dz
    enter, leave = _roots(square, middle, rays.ox * rays.ox + rays.oy * rays.oy + oz * oz - radius * radius)
    t = np.where(enter <= leave, enter, 0.0)
    normal = ((o + t * d) / radius for o, d in ((rays.ox, rays.dx), (rays.oy, rays.dy), (oz, rays.dz)))
    return Span(enter, leave, *normal)


def _nappe(rays: Rays, slope: float, tip: float) -> Span:
    """The endless cone that opens downwards from the z axis at ``tip``, ``slope`` wide per unit of height."""
    depth, sink = tip - rays.oz, -rays.dz  # below the tip, and how fast it grows
    steep = slope * slope
    square = rays.dx * rays.dx + rays.dy * rays.dy - steep * sink * sink
    middle = rays.ox * rays.dx + rays.oy * rays.dy - steep * depth * sink
    early, late = _roots(square, middle, rays.ox * rays.ox + rays.oy * rays.oy - steep * depth * depth)
    # steeper than the cone, a ray meets both nappes: it is in this one after the later root if it sinks
    both = square < 0
    enter = np.where(both, np.where(sink > 0, late, -np.inf), early)
    leave = np.where(both, np.where(sink > 0, np.inf, early), late)
    t = np.where(np.isfinite(enter) & (enter <= leave), enter, 0.0)
    side = float(np.sqrt(1 + steep))
    length = slope * side * np.maximum(depth + t * sink, _NO_SPEED)
    nx, ny = (rays.ox + t * rays.dx) / length, (rays.oy + t * rays.dy) / length
    return Span(enter, leave, nx, ny, 0.0 * t + slope / side)


def _along(normal: tuple[float, float, float], x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The component along a direction; terms with the factor 0 are left out, not added."""
    terms = [factor * value for factor, value in zip(normal, (x, y, z), strict=True) if factor]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return np.asarray(total)


def _roots(square: np.ndarray, middle: np.ndarray, constant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smaller and the larger root of ``square t^2 + 2 middle t + constant``; (inf, -inf) where there is none."""
    square = np.where(square == 0, _NO_SPEED, square)
    inside = middle * middle - square * constant
    root = np.sqrt(np.maximum(inside, 0.0))
    one, other = (-middle - root) / square, (-middle + root) / square
    some = inside >= 0
    return np.where(some, np.minimum(one, other), np.inf), np.where(some, np.maximum(one, other), -np.inf)
