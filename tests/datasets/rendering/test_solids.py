"""Each solid against distances and normals worked out by hand, and laws that all of them keep."""

from math import cos, pi, sqrt

import numpy as np
import pytest

from minebench.datasets.rendering.solids import Rays, box, capsule, cone, cylinder, nearest, prism, pyramid, sphere

HEXAGON = ((1.0, 0.0, 0.0), (0.5, sqrt(3) / 2, 0.0), (-0.5, sqrt(3) / 2, 0.0))
SOLIDS = {
    "box": lambda rays: box(rays, 1.0, 0.0, 2.0),
    "cylinder": lambda rays: cylinder(rays, 1.0, 0.0, 2.0),
    "sphere": lambda rays: sphere(rays, 1.0, 1.0),
    "capsule": lambda rays: capsule(rays, 0.7, 0.0, 2.0),
    "prism": lambda rays: prism(rays, HEXAGON, 0.9, 0.0, 2.0),
    "pyramid": lambda rays: pyramid(rays, 1.0, 0.0, 2.0),
    "cone": lambda rays: cone(rays, 1.0, 0.0, 2.0),
}
VOLUMES = {
    "box": 8.0,
    "cylinder": 2 * pi,
    "sphere": 4 / 3 * pi,
    "capsule": pi * 0.7**2 * 0.6 + 4 / 3 * pi * 0.7**3,
    "prism": 2 * sqrt(3) * 0.9**2 * 2,  # a regular hexagon of apothem a covers 2 sqrt(3) a^2
    "pyramid": 4 * 2 / 3,
    "cone": pi * 2 / 3,
}


def ray(origin: tuple[float, float, float], direction: tuple[float, float, float]) -> Rays:
    return Rays(*(np.array([value]) for value in (*origin, *direction)))


def many_rays(n: int = 20_000) -> Rays:
    """Rays from random places outside, aimed at random points near the solids."""
    rng = np.random.default_rng(0)
    origin = rng.normal(size=(3, n))
    origin *= 6 / np.sqrt((origin**2).sum(axis=0))
    aim = rng.uniform(-1.2, 1.2, (3, n)) + np.array([[0.0], [0.0], [1.0]])
    return Rays(*origin, *(aim - origin))


@pytest.mark.parametrize(
    ("name", "origin", "direction", "distance", "normal"),
    [
        ("box", (0.3, -5, 0.5), (0, 1, 0), 4, (0, -1, 0)),
        ("box", (0.3, -5, 0.5), (0, 2, 0), 2, (0, -1, 0)),  # in units of the direction
        ("box", (0.3, 0.2, 9), (0, 0, -1), 7, (0, 0, 1)),
        ("cylinder", (-5, 0, 1), (1, 0, 0), 4, (-1, 0, 0)),
        ("cylinder", (0.5, 0, 9), (0, 0, -1), 7, (0, 0, 1)),
        ("sphere", (0, 5, 1), (0, -1, 0), 4, (0, 1, 0)),
        ("capsule", (-5, 0, 1), (1, 0, 0), 4.3, (-1, 0, 0)),
        ("capsule", (0, 0, 9), (0, 0, -1), 7, (0, 0, 1)),
        ("prism", (5, 0, 1), (-1, 0, 0), 4.1, (1, 0, 0)),
        # at half the height the sides stand at half the width; they rise 2 over 1, so the normal rises 1 over 2
        ("pyramid", (0.1, -5, 1), (0, 1, 0), 4.5, (0, -2 / sqrt(5), 1 / sqrt(5))),
        ("cone", (0, -5, 1), (0, 1, 0), 4.5, (0, -2 / sqrt(5), 1 / sqrt(5))),
        # from straight above, half-way out: half the height
        ("cone", (0.5, 0, 9), (0, 0, -1), 8, (2 / sqrt(5), 0, 1 / sqrt(5))),
        ("cone", (0.5, 0, -9), (0, 0, 1), 9, (0, 0, -1)),
    ],
)
def test_distance_and_normal_by_hand(name, origin, direction, distance, normal):
    hit = SOLIDS[name](ray(origin, direction))
    assert hit.distance[0] == pytest.approx(distance)
    assert [float(np.ravel(part)[0]) for part in hit[1:]] == pytest.approx(normal, abs=1e-12)


def test_an_edge_of_the_prism_is_farther_out_than_its_sides():
    hit = SOLIDS["prism"](ray((0, 5, 1), (0, -1, 0)))
    assert 5 - hit.distance[0] == pytest.approx(0.9 / cos(pi / 6))


@pytest.mark.parametrize("name", SOLIDS)
def test_a_ray_beside_or_behind_misses(name):
    for direction in ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)):
        assert np.isinf(SOLIDS[name](ray((0, -5, 1), direction)).distance[0])


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_have_unit_length_and_face_the_ray(name):
    rays = many_rays()
    hit = SOLIDS[name](rays)
    met = np.isfinite(hit.distance)
    nx, ny, nz = (np.broadcast_to(part, met.shape)[met] for part in hit[1:])
    assert met.sum() > 1000
    assert np.sqrt(nx * nx + ny * ny + nz * nz) == pytest.approx(1, abs=1e-9)
    assert (nx * rays.dx[met] + ny * rays.dy[met] + nz * rays.dz[met]).max() < 1e-9


@pytest.mark.parametrize("name", SOLIDS)
def test_chords_along_each_axis_add_up_to_the_volume(name):
    """Rays from both sides of a fine lattice give the chord's two ends; 120 x 120 chords, within 2 %."""
    n = 120
    lattice = (np.arange(n) + 0.5) / n * 2.6 - 1.3
    one, other = (grid.ravel() for grid in np.meshgrid(lattice, lattice))
    still, far = np.zeros_like(one), np.full_like(one, 5.0)
    for axis in range(3):
        chords = np.full_like(one, 2 * 5.0)
        for side in (-1.0, 1.0):
            places, directions = [one, other], [still, still]
            places.insert(axis, side * far)
            directions.insert(axis, -side * np.ones_like(one))
            places[2] = places[2] + 1  # around the middle of the solids
            chords -= SOLIDS[name](Rays(*places, *directions)).distance
        volume = chords[np.isfinite(chords)].sum() * (2.6 / n) ** 2
        assert volume == pytest.approx(VOLUMES[name], rel=0.02)


def test_the_nearest_of_two_surfaces_is_seen():
    rays = ray((-5, 0, 1), (1, 0, 0))
    both = nearest(SOLIDS["sphere"](rays), box(rays, 2.0, 0.0, 2.0))
    assert both.distance[0] == 3
    assert both.distance[0] == nearest(box(rays, 2.0, 0.0, 2.0), SOLIDS["sphere"](rays)).distance[0]
