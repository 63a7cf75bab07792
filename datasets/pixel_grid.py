"""A grid of images of bytes, held as they lie in the published files.

The pixels may be a memory map of gigabytes: a batch touches its own rows alone, and processes share
what the system has cached.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, Source, check_rows
from minebench.datasets.grid import Grid


def gather(pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The images of rows, channels first in shape and last in memory.

    The published files hold channels last, and so do the networks' tensors; turning the bytes around
    in between would only cost time.

    Args:
        pixels: uint8 ``(rows, H, W, C)``.
        rows: Row numbers, int64 ``(n,)``.

    Returns:
        A new array, uint8 ``(n, C, H, W)``.
    """
    return pixels.take(rows, axis=0).transpose(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class PixelGrid:
    """A ``GridDataset`` over an array of bytes.

    Attributes:
        name: The registry's key.
        source: ``real`` or ``procedural``.
        pixels: uint8 ``(n, H, W, C)``; it may be a memory map.
        factor_names: One name per factor.
        factor_sizes: How many values each factor takes; their product is n.
        pixels_sha256: sha256 of the bytes of ``pixels`` where it is known; else computed when asked for.
    """

    name: str
    source: Source
    pixels: np.ndarray = field(repr=False)
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    pixels_sha256: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        expected = len(self.grid)
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4 or len(self.pixels) != expected:
            raise ValueError(
                f"pixels of {self.name} must be uint8 ({expected}, H, W, C); "
                f"got {self.pixels.dtype} {self.pixels.shape}"
            )

    @cached_property
    def grid(self) -> Grid:
        """The arithmetic of the factors."""
        return Grid(self.factor_names, self.factor_sizes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``."""
        height, width, channels = self.pixels.shape[1:]
        return (channels, height, width)

    def __len__(self) -> int:
        return len(self.pixels)

    def images(self, index: ArrayLike) -> np.ndarray:
        """The images of rows.

        Args:
            index: Row numbers, integers ``(n,)``, in any order, repeated or not.

        Returns:
            uint8 ``(n, C, H, W)``, channels last in memory.

        Raises:
            TypeError, ValueError, IndexError: If ``index`` names no rows (see ``check_rows``).
        """
        return gather(self.pixels, check_rows(index, len(self)))

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
        """A hash of the pixels and their order, whatever file they came from.

        Returns:
            64 hexadecimal digits: sha256 of the pixels' sha256 and their shape.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = self.pixels_sha256 or hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest()
        return hashlib.sha256(f"{digest} {len(self)} {self.image_shape}".encode()).hexdigest()
