"""A grid of binary images, one bit a pixel.

dSprites takes 3.0 GB as uint8 and 0.38 GB packed, so the packed form fits in memory, in a memory
map that processes share, or on a GPU, and is unpacked as it is needed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, Source, check_rows
from minebench.datasets.grid import Grid

WORD = np.dtype("<u8")  # one row of 64 pixels; bit c is column c
_BLOCK = 4096  # images unpacked at once: 2 MB of words, 16 MB of pixels


def pack(images: np.ndarray) -> np.ndarray:
    """Binary images to words, one bit a pixel.

    Args:
        images: uint8 ``(n, H, 64)`` of 0 and 1.

    Returns:
        Little-endian uint64 ``(n, H)``; bit c of a word is column c of its row.
    """
    return np.packbits(images, axis=-1, bitorder="little").view(WORD)[..., 0]


def unpack(words: np.ndarray) -> np.ndarray:
    """Words to images; the inverse of ``pack``, but with 255 for 1.

    Args:
        words: Little-endian uint64 ``(n, H)``.

    Returns:
        uint8 ``(n, 1, H, 64)`` of 0 and 255.
    """
    pixels = np.unpackbits(np.ascontiguousarray(words).view(np.uint8).ravel(), bitorder="little")
    np.negative(pixels, out=pixels)  # 0 - 1 is 255 in uint8: cheaper than a product
    return pixels.reshape(len(words), 1, words.shape[1], 64)


@dataclass(frozen=True, eq=False)
class PackedGrid:
    """A ``GridDataset`` of binary images ``(1, H, 64)`` over packed words.

    Attributes:
        name: The registry's key.
        source: ``real`` or ``procedural``.
        words: Little-endian uint64 ``(n, H)``, bit c is column c; it may be a memory map.
        factor_names: One name per factor.
        factor_sizes: How many values each factor takes; their product is n.
        words_sha256: sha256 of the bytes of ``words`` where it is known; else computed when asked for.
    """

    name: str
    source: Source
    words: np.ndarray = field(repr=False)
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    words_sha256: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        expected = len(self.grid)
        if self.words.dtype != WORD or self.words.ndim != 2 or len(self.words) != expected:
            raise ValueError(
                f"words of {self.name} must be little-endian uint64 ({expected}, H); "
                f"got {self.words.dtype} {self.words.shape}"
            )

    @cached_property
    def grid(self) -> Grid:
        """The arithmetic of the factors."""
        return Grid(self.factor_names, self.factor_sizes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(1, H, 64)``."""
        return (1, self.words.shape[1], 64)

    def __len__(self) -> int:
        return len(self.words)

    def images(self, index: ArrayLike) -> np.ndarray:
        """The images of rows.

        Args:
            index: Row numbers, integers ``(n,)``, in any order, repeated or not.

        Returns:
            uint8 ``(n, 1, H, 64)`` of 0 and 255.

        Raises:
            TypeError, ValueError, IndexError: If ``index`` names no rows (see ``check_rows``).
        """
        rows = check_rows(index, len(self))
        if len(rows) <= _BLOCK:
            return unpack(self.words.take(rows, axis=0))
        images = np.empty((len(rows), *self.image_shape), np.uint8)
        for start in range(0, len(rows), _BLOCK):
            images[start : start + _BLOCK] = unpack(self.words.take(rows[start : start + _BLOCK], axis=0))
        return images

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
            64 hexadecimal digits: sha256 of the words' sha256 and their shape.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = self.words_sha256 or hashlib.sha256(np.ascontiguousarray(self.words).data).hexdigest()
        return hashlib.sha256(f"{digest} {len(self)} {self.image_shape}".encode()).hexdigest()
