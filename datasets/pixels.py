"""How images are kept, and given back row by row; what is on them stands in ``ImageGrid`` and ``ImageTable``.

The plainest way is here: bytes as they lie in the published files. They may be a memory map of
gigabytes: a batch touches its own rows alone, and processes share what the system has cached.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from minebench.datasets.cache import Stored


class Pixels(Protocol):
    """The images of a data set, as an array is kept of them."""

    @property
    def stored(self) -> Stored:
        """The array that the images are made from, and its sha256."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)`` of one image."""
        ...

    def __len__(self) -> int: ...

    def images(self, rows: np.ndarray) -> np.ndarray:
        """New images of rows that exist, int64 ``(n,)``, in any order, repeated or not: uint8 ``(n, C, H, W)``."""
        ...

    def fingerprint(self) -> str:
        """A hash of what decides the images and their order, wherever they come from: 64 hexadecimal digits."""
        ...


@dataclass(frozen=True, eq=False)
class BytePixels:
    """``Pixels`` that are kept as bytes.

    Attributes:
        stored: uint8 ``(n, H, W, C)``.
    """

    stored: Stored = field(repr=False)

    def __post_init__(self) -> None:
        array = self.stored.array
        if array.dtype != np.uint8 or array.ndim != 4:
            raise ValueError(f"pixels must be uint8 (n, H, W, C); got {array.dtype} {array.shape}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``."""
        height, width, channels = self.stored.array.shape[1:]
        return (channels, height, width)

    def __len__(self) -> int:
        return len(self.stored.array)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """As ``Pixels.images``, channels first in shape and last in memory.

        The published files hold channels last, and so do the networks' tensors; turning the bytes
        around in between would only cost time.
        """
        return self.stored.array.take(rows, axis=0).transpose(0, 3, 1, 2)

    def fingerprint(self) -> str:
        """As ``Pixels.fingerprint``."""
        return fingerprint(self)


def fingerprint(pixels: Pixels, *others: np.ndarray) -> str:
    """A hash of the array that is kept, of the images' number and shape, and of what else makes them.

    Args:
        pixels: The images.
        others: Arrays that they depend on besides, e.g. colours.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{pixels.stored.sha256} {len(pixels)} {pixels.shape}".encode())
    for other in others:
        digest.update(np.ascontiguousarray(other).data)
    return digest.hexdigest()
