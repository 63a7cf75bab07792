"""An object on a robot's arm, drawn anew: MPI3D's seven factors in pictures of our own.

Toy, realistic and real files of MPI3D share this one stand-in. Names and values of the factors are
the published ones (colours white, green, red, blue, brown, olive; cone, cube, cylinder, hexagonal
prism, pyramid, sphere; small, large; camera at the top, centre, bottom; background purple, sea green,
salmon), the pictures are not. The arm never points away from the camera, so no object is hidden, and
every factor can be seen in every image.

References:
    Gondal et al. (2019), On the Transfer of Inductive Bias from Simulation to the Real World: a New
    Disentanglement Dataset. arXiv:1906.03292. https://github.com/rr-learning/disentanglement_dataset
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from minebench.datasets.cache import Recipe, Stored, obtain
from minebench.datasets.files import Report, default_root, store_root, unheard
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.mpi3d_files import FACTOR_NAMES
from minebench.datasets.pixels import fingerprint
from minebench.datasets.rendering.robot_arm import ArmScenes
from minebench.datasets.rendering.stage import CAMERAS, SIZE, WORD, empty_picture, tints, words

WINDOWS_SHA256 = "9652ac4dd65e78c39116e5945696a1576d4c68ef96be0695aeab93736f7fee3e"
N_POSITIONS = 40
_OBJECT_COLOURS = np.array(
    [(232, 232, 226), (62, 176, 84), (208, 42, 36), (48, 92, 220), (150, 94, 54), (140, 140, 48)]
)
_BAND_COLOURS = np.array([(122, 92, 190), (72, 158, 124), (206, 112, 100)])
_BLOCK = 800  # scenes drawn at once: 2 MB


def load_mpi3d_like(root: Path | None = None, *, n_positions: int = N_POSITIONS, report: Report = unheard) -> ImageGrid:
    """1,036,800 images over the factors of MPI3D, from 57,600 scenes that are drawn once and stored.

    Args:
        root: The folder of all data, by default ``default_root()``; the store of 118 MB is ``drawn/``.
        n_positions: How many positions each axis takes, over the same range; the published number is 40.
        report: Is told how many scenes are drawn.

    Returns:
        Images ``(3, 64, 64)`` over object_color 6, object_shape 6, object_size 2, camera_height 3,
        background_color 3, horizontal_axis 40 and vertical_axis 40, all distinct; ``source`` is
        ``procedural``.

    Raises:
        ValueError: If this machine's arithmetic draws other scenes.
    """
    root = default_root() if root is None else Path(root)
    scenes = ArmScenes(n_positions)
    known = WINDOWS_SHA256 if n_positions == N_POSITIONS else None
    shape = (len(scenes), scenes.side, scenes.side)
    recipe = Recipe(f"{WINDOWS_SHA256} {n_positions}", shape, WORD, lambda: _draw(scenes), sha256=known)
    name = "mpi3d_like" if known else f"mpi3d_like_{n_positions}"
    pixels = ArmPixels(scenes, obtain(store_root(root) / "drawn" / f"{name}.u16", recipe, report))
    return ImageGrid("mpi3d_like", "procedural", pixels, Grid(FACTOR_NAMES, pixels.sizes))


def _draw(scenes: ArmScenes) -> Iterator[np.ndarray]:
    for start in range(0, len(scenes), _BLOCK):
        yield scenes.draw(np.arange(start, min(start + _BLOCK, len(scenes))))


@dataclass(frozen=True, eq=False)
class ArmPixels:
    """``Pixels`` of scenes with an arm, which are coloured as images are asked for; rows in the order of MPI3D's.

    Attributes:
        scenes: What is drawn.
        stored: The boxes of all scenes as ``ArmScenes.draw`` gives them.
    """

    scenes: ArmScenes = field(repr=False)
    stored: Stored = field(repr=False)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each factor takes."""
        n_shapes, n_sizes, n_cameras, *axes = self.scenes.sizes
        return (len(_OBJECT_COLOURS), n_shapes, n_sizes, n_cameras, len(_BAND_COLOURS), *axes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(3, 64, 64)``."""
        return (3, SIZE, SIZE)

    def __len__(self) -> int:
        return prod(self.sizes)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """As ``Pixels.images``."""
        colour, shape, size, camera, band, horizontal, vertical = np.unravel_index(rows, self.sizes)
        scene = np.ravel_multi_index((shape, size, camera, horizontal, vertical), self.scenes.sizes)
        images = self._empty[camera, band]
        boxes = self.scenes.boxes[scene].tolist()
        for image, number, one, other, box in zip(images, scene, colour, band, boxes, strict=True):
            top, left, height, width = box
            window = self.stored.array[number, :height, :width]
            image[:, top : top + height, left : left + width] = self._tints[one, other].take(
                window, axis=1, mode="clip"
            )
        return images

    def fingerprint(self) -> str:
        """As ``Pixels.fingerprint``: scenes, colours, and the pictures without an arm decide the images."""
        return fingerprint(self, self._empty, _OBJECT_COLOURS.astype("<i8"), _BAND_COLOURS.astype("<i8"))

    @cached_property
    def _tints(self) -> np.ndarray:
        """The colour of every word: uint8 ``(object colours, band colours, 3, words)``."""
        return np.array([[tints(one, band) for band in _BAND_COLOURS] for one in _OBJECT_COLOURS])

    @cached_property
    def _empty(self) -> np.ndarray:
        """Pictures without the arm: uint8 ``(cameras, band colours, 3, 64, 64)``."""
        pictures = []
        for camera in CAMERAS:
            grey, band = empty_picture(camera)
            pictures.append(self._tints[0][:, :, words(np.zeros_like(grey), grey, band)])
        return np.array(pictures)
