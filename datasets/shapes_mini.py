"""A small grid of sprites, made in a moment: for tests and first steps on a laptop.

The frames are dSprites' in kind (64 x 64, binary, the same renderer) on a coarser grid. The
orientations cover a quarter turn without its end, so that neither the square's symmetry (a quarter
turn) nor the ellipse's (half a turn) nor the end point makes two rows alike: all 4,608 frames differ.
"""

from pathlib import Path

import numpy as np

from minebench.datasets.cache import Stored
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.packed_pixels import PackedPixels
from minebench.datasets.rendering.sprites import SHAPES, render_sprites

FACTOR_NAMES = ("shape", "scale", "orientation", "posX", "posY")
FACTOR_SIZES = (3, 3, 8, 8, 8)


def load_shapes_mini(root: Path | None = None) -> ImageGrid:  # noqa: ARG001 - every loader takes a root
    """The grid of shape 3, scale 3, orientation 8, posX 8, posY 8, drawn anew on each call.

    Args:
        root: Not used: nothing is read or stored.

    Returns:
        4,608 distinct binary images ``(1, 64, 64)``; ``source`` is ``procedural``.
    """
    _, n_scales, n_orientations, n_x, n_y = FACTOR_SIZES
    blocks = render_sprites(
        SHAPES,
        scales=np.linspace(0.5, 1.0, n_scales).tolist(),
        orientations=np.linspace(0.0, np.pi / 2, n_orientations, endpoint=False).tolist(),
        positions_x=np.linspace(0.0, 1.0, n_x).tolist(),
        positions_y=np.linspace(0.0, 1.0, n_y).tolist(),
    )
    pixels = PackedPixels(Stored.of(np.concatenate(list(blocks))))
    return ImageGrid("shapes_mini", "procedural", pixels, Grid(FACTOR_NAMES, FACTOR_SIZES))
