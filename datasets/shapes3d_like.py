"""3D Shapes' scenes ray-cast anew: the same factors, and pictures close to the published ones, but not the same.

Over the 50 published frames that were at hand, the mean absolute error is 2.7 of 255, each frame
against the nearest of the 480 scenes in its own hues. What is left lies at edges (the frames had
been resampled for display), in the walls' honeycomb and in the highlights. These images never go by
the name of 3D Shapes, nor do scores on them.

References:
    Burgess and Kim (2018), 3D Shapes Dataset. https://github.com/google-deepmind/3d-shapes
"""

from colorsys import hsv_to_rgb
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.files import Report, default_root, store_root, unheard
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.rendering.room import MATERIALS, PLANE, SHAPES, SIZE, draw_scenes
from minebench.datasets.shapes3d_files import SHAPES3D
from minebench.datasets.tinted_pixels import TintedPixels

PLANES_SHA256 = "43a809e939543e56d3aaaec7923e5f96f9bb31ab3c29eab598d6be8ee919e0f4"
_SKY, _WHITE = (153.0, 226.0, 249.0), (255.0, 255.0, 255.0)


def load_shapes3d_like(root: Path | None = None, *, report: Report = unheard) -> ImageGrid:
    """480,000 images over the factors of 3D Shapes, from 480 scenes that are ray-cast once and stored.

    Args:
        root: The folder of all data, by default ``default_root()``; the store of 39 MB is ``drawn/``.
        report: Is told how many scenes are made.

    Returns:
        Images ``(3, 64, 64)`` over floor_hue 10, wall_hue 10, object_hue 10, scale 8, shape 4 and
        orientation 15, all distinct; ``source`` is ``procedural``.

    Raises:
        ValueError: If this machine's arithmetic draws other scenes.
    """
    root = default_root() if root is None else Path(root)
    scales, orientations = (np.array(SHAPES3D.factor_values[column]) for column in (3, 5))
    shape = (len(scales) * len(SHAPES) * len(orientations), len(MATERIALS), SIZE, SIZE)
    blocks = partial(draw_scenes, scales, orientations)
    recipe = Recipe(PLANES_SHA256, shape, PLANE, blocks, sha256=PLANES_SHA256)
    planes = obtain(store_root(root) / "drawn" / "shapes3d_like.f4", recipe, report)
    pixels = TintedPixels(planes, _colours(SHAPES3D.factor_values[:3]))
    return ImageGrid("shapes3d_like", "procedural", pixels, SHAPES3D.grid)


def _colours(hues: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """Colours of sky, floor, wall, object and highlight for all hues of the three: float32 ``(tints, 3, 5)``."""
    full = [[tuple(round(255 * part) for part in hsv_to_rgb(hue, 1.0, 1.0)) for hue in of_one] for of_one in hues]
    return np.array([np.transpose([_SKY, *three, _WHITE]) for three in product(*full)], np.float32)
