"""What every data set of the benchmark offers: images, and the factors that made them.

A row is one image. Rows are numbered from 0, and everything that needs images or factors names
rows; which rows are trained on or scored is decided elsewhere (``minebench.datasets.splits``).
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from minebench.datasets.splits import Split

Source = Literal["real", "procedural"]
Factor = str | int  # a factor by its name or by its column


class FactorDataset(Protocol):
    """Images with known factors of variation."""

    @property
    def name(self) -> str:
        """The registry's key, in snake_case."""
        ...

    @property
    def source(self) -> Source:
        """``real`` if the pixels come from the published files, else ``procedural``."""
        ...

    @property
    def factor_names(self) -> tuple[str, ...]:
        """One name per factor, in the order of the columns of ``factors``."""
        ...

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """How many values each factor takes; its values are ``0 ... size - 1``."""
        ...

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(C, H, W)`` of one image."""
        ...

    def __len__(self) -> int: ...

    def images(self, index: ArrayLike) -> np.ndarray:
        """The images of the rows ``index`` (n,): uint8 (n, C, H, W) in 0 ... 255."""
        ...

    def factors(self, index: ArrayLike) -> np.ndarray:
        """The factor values of the rows ``index`` (n,): int64 (n, K)."""
        ...

    def sample(self, n: int, rng: np.random.Generator, fixed: Mapping[Factor, int] | None = None) -> np.ndarray:
        """``n`` rows drawn with replacement, uniform over those with the ``fixed`` values: int64 (n,)."""
        ...

    def fingerprint(self) -> str:
        """A hash of what decides the pixels and their order."""
        ...


class GridDataset(FactorDataset, Protocol):
    """A data set with exactly one image for every combination of factor values."""

    def index(self, factors: ArrayLike) -> np.ndarray:
        """The rows of the factor values (n, K), the last factor fastest: int64 (n,)."""
        ...


class AttributeDataset(FactorDataset, Protocol):
    """A data set whose factors are attributes of given images: correlated, no grid, so without ``index``.

    It comes with its own partition, which decides what is trained on and scored (``own_split``).
    """

    @property
    def attributes(self) -> np.ndarray:
        """The factor values of all rows: uint8 (rows, K), read-only; ``factors`` gives the same as int64."""
        ...

    @property
    def split(self) -> np.ndarray:
        """The part that each row belongs to: uint8 (rows,); 0 is for training, 1 for validation, 2 for tests."""
        ...

    @property
    def identity(self) -> np.ndarray | None:
        """A number for the person on each image: int32 (rows,); None where it is not known."""
        ...

    def own_split(self) -> "Split":
        """The rows to train on and the held-out ones, from ``split``; see ``splits.partition_split``."""
        ...


def check_rows(index: ArrayLike, n_rows: int) -> np.ndarray:
    """Row numbers as an int64 array, refused by name if they are none.

    Args:
        index: Row numbers, shape ``(n,)``, of an integer type, in ``0 ... n_rows - 1``.
        n_rows: How many rows the data set has.

    Returns:
        The same numbers, int64 ``(n,)``.

    Raises:
        TypeError: If ``index`` is not of an integer type (a mask of booleans is not).
        ValueError: If ``index`` is not one-dimensional.
        IndexError: If a number lies outside the data set; negative ones do not count from the end.
    """
    rows = np.asarray(index)
    if rows.ndim != 1:
        raise ValueError(f"index must be one-dimensional, (n,); got shape {rows.shape}; pass [row] for one row")
    if not rows.size:
        return np.zeros(0, np.int64)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"index must hold integer row numbers; got {rows.dtype}; convert it with np.flatnonzero/astype")
    low, high = rows.min(), rows.max()
    if low < 0 or high >= n_rows:
        raise IndexError(f"rows must lie in 0 ... {n_rows - 1}; got {low if low < 0 else high}")
    return rows.astype(np.int64, copy=False)


def factor_column(factor: Factor, factor_names: tuple[str, ...]) -> int:
    """The column of a factor given by its name or by its column.

    Args:
        factor: A name of ``factor_names`` or a column ``0 ... K - 1``.
        factor_names: The names of the K factors.

    Returns:
        The column, ``0 ... K - 1``.

    Raises:
        ValueError: If there is no such factor; the message proposes the nearest name.
    """
    if isinstance(factor, str):
        if factor in factor_names:
            return factor_names.index(factor)
        near = get_close_matches(factor, factor_names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no factor {factor!r} among {', '.join(factor_names)}{hint}")
    if not 0 <= factor < len(factor_names):
        raise ValueError(
            f"factor columns lie in 0 ... {len(factor_names) - 1} ({', '.join(factor_names)}); got {factor}"
        )
    return int(factor)
