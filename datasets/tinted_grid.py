"""A grid of images that are products of colours and brightnesses, made as they are asked for.

Where some factors only colour the materials of a scene, the scenes are few and the images many:
480 scenes of 39 MB stand for 480,000 images of 5.9 GB.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, Source, check_rows
from minebench.datasets.grid import Grid

FULL = 256  # a pixel that takes all of a colour
_BLOCK = 8  # images made at once: their sums stay in the processor's cache


@dataclass(frozen=True, eq=False)
class TintedGrid:
    """A ``GridDataset`` whose first factors colour materials, and whose last ones make scenes.

    Attributes:
        name: The registry's key.
        source: ``real`` or ``procedural``.
        planes: How much of each material's colour each pixel of a scene takes, float32
            ``(scenes, M, H, W)`` of whole numbers, ``FULL`` for all of it; it may be a memory map.
        colours: Colours of the materials, float32 ``(tints, 3, M)`` of whole numbers 0 ... 255.
        factor_names: One name per factor.
        factor_sizes: How many values each factor takes; their product is tints times scenes, the
            tints' factors first.
        planes_sha256: sha256 of the bytes of ``planes`` where it is known; else computed when asked for.
    """

    name: str
    source: Source
    planes: np.ndarray = field(repr=False)
    colours: np.ndarray = field(repr=False)
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    planes_sha256: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n_images = len(self.planes) * len(self.colours)
        if n_images != len(self.grid) or self.planes.shape[1] != self.colours.shape[2]:
            raise ValueError(
                f"{self.name} needs planes (scenes, M, H, W) and colours (tints, 3, M) for {len(self.grid)} images; "
                f"got {self.planes.shape} and {self.colours.shape}"
            )

    @cached_property
    def grid(self) -> Grid:
        """The arithmetic of the factors."""
        return Grid(self.factor_names, self.factor_sizes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(3, H, W)``."""
        height, width = self.planes.shape[2:]
        return (3, height, width)

    def __len__(self) -> int:
        return len(self.grid)

    def images(self, index: ArrayLike) -> np.ndarray:
        """The images of rows.

        Args:
            index: Row numbers, integers ``(n,)``, in any order, repeated or not.

        Returns:
            uint8 ``(n, 3, H, W)``.

        Raises:
            TypeError, ValueError, IndexError: If ``index`` names no rows (see ``check_rows``).
        """
        tints, scenes = np.divmod(check_rows(index, len(self)), len(self.planes))
        images = np.empty((len(tints), *self.image_shape), np.uint8)
        flat = self.planes.reshape(*self.planes.shape[:2], -1)
        sums = np.empty((_BLOCK, 3, flat.shape[2]), np.float32)
        for start in range(0, len(images), _BLOCK):
            block = images[start : start + _BLOCK]
            some = sums[: len(block)]
            for pixels, tint, scene in zip(some, tints[start:], scenes[start:], strict=False):
                # sums of whole numbers below 2^24, divided by a power of 2: exact, in whatever order they are added
                np.dot(self._shares[tint], flat[scene], out=pixels)
            some += np.float32(0.5)
            some.clip(0, 255, some)
            block[...] = some.reshape(block.shape)
        return images

    @cached_property
    def _shares(self) -> np.ndarray:
        return self.colours / np.float32(FULL)

    def factors(self, index: ArrayLike) -> np.ndarray:
        """The factor values of rows: int64 ``(n, K)``; see ``Grid.factors``."""
        return self.grid.factors(index)

    def index(self, factors: ArrayLike) -> np.ndarray:
        """The rows of factor values: int64 ``(n,)``; see ``Grid.index``."""
        return self.grid.index(factors)

    def sample(self, n: int, rng: np.random.Generator, fixed: Mapping[Factor, int] | None = None) -> np.ndarray:
        """Rows uniform over those with the ``fixed`` values: int64 ``(n,)``; see ``Grid.sample``."""
        return self.grid.sample(n, rng, fixed)

    def fingerprint(self) -> str:
        """A hash of planes and colours, which decide the pixels.

        Returns:
            64 hexadecimal digits.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = self.planes_sha256 or hashlib.sha256(np.ascontiguousarray(self.planes).data).hexdigest()
        colours = np.ascontiguousarray(self.colours, "<f4")
        return hashlib.sha256(f"{digest} {len(self)} {self.image_shape}".encode() + colours.tobytes()).hexdigest()
