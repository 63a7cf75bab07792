"""Binary images, kept as one bit a pixel.

dSprites takes 3.0 GB as uint8 and 0.38 GB packed, so the packed form fits in memory, in a memory
map that processes share, or on a GPU, and is unpacked as it is needed.
"""

from dataclasses import dataclass, field

import numpy as np

from minebench.datasets.cache import Stored
from minebench.datasets.pixels import fingerprint

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
class PackedPixels:
    """``Pixels`` of binary images ``(1, H, 64)`` that are kept packed.

    Attributes:
        stored: Little-endian uint64 ``(n, H)``, bit c is column c.
    """

    stored: Stored = field(repr=False)

    def __post_init__(self) -> None:
        words = self.stored.array
        if words.dtype != WORD or words.ndim != 2:
            raise ValueError(f"words must be little-endian uint64 (n, H); got {words.dtype} {words.shape}")

    @property
    def words(self) -> np.ndarray:
        """What is kept: uint64 ``(n, H)``; it may be a memory map."""
        return self.stored.array

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(1, H, 64)``."""
        return (1, self.words.shape[1], 64)

    def __len__(self) -> int:
        return len(self.words)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """As ``Pixels.images``: uint8 ``(n, 1, H, 64)`` of 0 and 255."""
        if len(rows) <= _BLOCK:
            return unpack(self.words.take(rows, axis=0))
        images = np.empty((len(rows), *self.shape), np.uint8)
        for start in range(0, len(rows), _BLOCK):
            images[start : start + _BLOCK] = unpack(self.words.take(rows[start : start + _BLOCK], axis=0))
        return images

    def fingerprint(self) -> str:
        """As ``Pixels.fingerprint``."""
        return fingerprint(self)
