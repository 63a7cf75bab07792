"""Images over a full grid of factor values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, Source, check_rows
from minebench.datasets.grid import Grid
from minebench.datasets.pixels import Pixels


@dataclass(frozen=True, eq=False)
class ImageGrid:
    """A ``GridDataset``: a grid of factor values, and an image for each combination.

    Attributes:
        name: The registry's key.
        source: ``real`` or ``procedural``.
        pixels: The images, however they are kept.
        grid: The factors; it has as many rows.
    """

    name: str
    source: Source
    pixels: Pixels = field(repr=False)
    grid: Grid

    def __post_init__(self) -> None:
        if len(self.pixels) != len(self.grid):
            rows = len(self.grid)
            raise ValueError(f"{self.name} needs {rows} images, one a row of its grid; got {len(self.pixels)}")

    @property
    def factor_names(self) -> tuple[str, ...]:
        """One name per factor."""
        return self.grid.factor_names

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """How many values each factor takes."""
        return self.grid.factor_sizes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``."""
        return self.pixels.shape

    def __len__(self) -> int:
        return len(self.grid)

    def images(self, index: ArrayLike) -> np.ndarray:
        """The images of rows.

        Args:
            index: Row numbers, integers ``(n,)``, in any order, repeated or not.

        Returns:
            uint8 ``(n, C, H, W)``.

        Raises:
            TypeError, ValueError, IndexError: If ``index`` names no rows (see ``check_rows``).
        """
        return self.pixels.images(check_rows(index, len(self)))

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
        """A hash of the images and their order, whatever file they came from: 64 hexadecimal digits."""
        return self.pixels.fingerprint()
