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
from itertools import product
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
_RGB = np.dtype("V3")  # a pixel of three bytes: one look-up gives all its channels
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
        """As ``Pixels.images``, channels first in shape and last in memory."""
        colour, shape, size, camera, band, horizontal, vertical = np.unravel_index(rows, self.sizes)
        scenes = np.ravel_multi_index((shape, size, camera, horizontal, vertical), self.scenes.sizes)
        n_bands = len(_BAND_COLOURS)
        images = self._empty.take(camera * n_bands + band, axis=0)
        numbers, boxes = (colour * n_bands + band).tolist(), self.scenes.boxes[scenes].tolist()
        for image, scene, number, box in zip(images.view(_RGB)[..., 0], scenes.tolist(), numbers, boxes, strict=True):
            top, left, height, width = box
            window = self.stored.array[scene, :height, :width]
            image[top : top + height, left : left + width] = self._tints[number].take(window, mode="clip")
        return images.transpose(0, 3, 1, 2)

    def fingerprint(self) -> str:
        """As ``Pixels.fingerprint``: scenes, colours, and the pictures without an arm decide the images."""
        empty = self._empty.reshape(len(CAMERAS), len(_BAND_COLOURS), SIZE, SIZE, 3).transpose(0, 1, 4, 2, 3)
        return fingerprint(self, empty, _OBJECT_COLOURS.astype("<i8"), _BAND_COLOURS.astype("<i8"))

    @cached_property
    def _tints(self) -> list[np.ndarray]:
        """For each colour of the object and of the band the colour of every word: ``_RGB`` ``(words,)``."""
        pairs = product(_OBJECT_COLOURS, _BAND_COLOURS)
        return [np.ascontiguousarray(tints(one, band).T).view(_RGB)[:, 0] for one, band in pairs]

    @cached_property
    def _empty(self) -> np.ndarray:
        """Pictures without the arm: uint8 ``(cameras * band colours, 64, 64, 3)``."""
        pictures = []
        for camera in CAMERAS:
            grey, band = empty_picture(camera)
            seen = words(np.zeros_like(grey), grey, band)
            pictures += [tint[seen] for tint in self._tints[: len(_BAND_COLOURS)]]  # in any colour of the object
        return np.array(pictures).view(np.uint8).reshape(-1, SIZE, SIZE, 3)
