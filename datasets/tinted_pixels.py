"""Images that are sums of colours by shares, made as they are asked for.

Where some factors only colour the materials of a scene, the scenes are few and the images many:
480 scenes of 39 MB stand for 480,000 images of 5.9 GB.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minebench.datasets.cache import Stored
from minebench.datasets.pixels import fingerprint

FULL = 256  # a pixel that takes all of a colour
_BLOCK = 8  # images made at once: their sums stay in the processor's cache


@dataclass(frozen=True, eq=False)
class TintedPixels:
    """``Pixels`` of scenes in several tints: image ``t * scenes + s`` is scene s in tint t.

    Attributes:
        stored: Planes: how much of each material's colour each pixel of a scene takes, float32
            ``(scenes, M, H, W)`` of whole numbers, ``FULL`` for all of it.
        colours: Colours of the materials, float32 ``(tints, 3, M)`` of whole numbers 0 ... 255.
    """

    stored: Stored = field(repr=False)
    colours: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        planes, colours = self.stored.array.shape, self.colours.shape
        if len(planes) != 4 or len(colours) != 3 or planes[1] != colours[2]:
            raise ValueError(
                f"planes (scenes, M, H, W) and colours (tints, 3, M) must be of one M; got {planes} and {colours}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(3, H, W)``."""
        height, width = self.stored.array.shape[2:]
        return (3, height, width)

    def __len__(self) -> int:
        return len(self.stored.array) * len(self.colours)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """As ``Pixels.images``."""
        planes = self.stored.array
        tints, scenes = np.divmod(rows, len(planes))
        images = np.empty((len(tints), *self.shape), np.uint8)
        flat = planes.reshape(*planes.shape[:2], -1)
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

    def fingerprint(self) -> str:
        """As ``Pixels.fingerprint``: planes and colours decide the images."""
        return fingerprint(self, self.colours.astype("<f4", copy=False))
