"""Images with a table of attributes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.attribute_table import AttributeTable
from minebench.datasets.factor_dataset import Factor, Source, check_rows
from minebench.datasets.pixels import BytePixels
from minebench.datasets.splits import Split, partition_split


@dataclass(frozen=True, eq=False)
class ImageTable:
    """An ``AttributeDataset``: images as bytes, and a table with what is on each.

    Attributes:
        name: The registry's key.
        source: ``real`` or ``procedural``.
        pixels: The images.
        table: The attributes of each row.
        split: The part of each row, uint8 ``(n,)``: 0 for training, 1 for validation, 2 for tests.
        identity: The person on each image, int32 ``(n,)``, where it is known.
    """

    name: str
    source: Source
    pixels: BytePixels = field(repr=False)
    table: AttributeTable
    split: np.ndarray = field(repr=False)
    identity: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n_rows = len(self.table)
        if len(self.pixels) != n_rows:
            raise ValueError(f"{self.name} needs {n_rows} images, one a row of its table; got {len(self.pixels)}")
        if self.split.shape != (n_rows,) or (self.identity is not None and self.identity.shape != (n_rows,)):
            raise ValueError(f"split and identity of {self.name} must have one number for each of {n_rows} rows")

    @property
    def factor_names(self) -> tuple[str, ...]:
        """One name per attribute."""
        return self.table.factor_names

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """How many values each attribute takes."""
        return self.table.factor_sizes

    @property
    def attributes(self) -> np.ndarray:
        """The attributes of all rows: uint8 ``(n, K)``."""
        return self.table.values

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``."""
        return self.pixels.shape

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
        return self.pixels.images(check_rows(index, len(self)))

    def factors(self, index: ArrayLike) -> np.ndarray:
        """The attributes of rows: int64 ``(n, K)``; see ``AttributeTable.factors``."""
        return self.table.factors(index)

    def sample(self, n: int, rng: np.random.Generator, fixed: Mapping[Factor, int] | None = None) -> np.ndarray:
        """Rows uniform over those with the ``fixed`` values: int64 ``(n,)``; see ``AttributeTable.sample``."""
        return self.table.sample(n, rng, fixed)

    def own_split(self) -> Split:
        """The published partition; see ``partition_split``."""
        return partition_split(self.split, self.name)

    def fingerprint(self) -> str:
        """A hash of pixels, attributes and partition: what decides the numbers, for the labels come from files, too.

        Returns:
            64 hexadecimal digits.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = self.pixels.stored.sha256
        parts = hashlib.sha256(f"{digest} {len(self)} {self.image_shape} {self.factor_names}".encode())
        parts.update(np.ascontiguousarray(self.attributes).data)
        parts.update(np.ascontiguousarray(self.split, np.uint8).data)
        return parts.hexdigest()
