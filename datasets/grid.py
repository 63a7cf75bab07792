"""The arithmetic of a full grid of factor values: row number <-> factor values.

Rows are in C order, the last factor fastest, as in the published files of dSprites, 3D Shapes
and MPI3D.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, check_rows, factor_column


@dataclass(frozen=True)
class Grid:
    """Every combination of K factor values, once.

    Attributes:
        factor_names: One name per factor.
        factor_sizes: How many values each factor takes.
    """

    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.factor_names) != len(self.factor_sizes) or len(set(self.factor_names)) != len(self.factor_names):
            raise ValueError(
                f"a grid needs one distinct name per factor size; got {self.factor_names} and {self.factor_sizes}"
            )
        if not self.factor_sizes or min(self.factor_sizes) < 1:
            raise ValueError(f"every factor needs at least one value; got sizes {self.factor_sizes}")

    def __len__(self) -> int:
        return prod(self.factor_sizes)

    def factors(self, index: ArrayLike) -> np.ndarray:
        """The factor values of rows.

        Args:
            index: Row numbers, integers ``(n,)``.

        Returns:
            int64 ``(n, K)``; column k lies in ``0 ... factor_sizes[k] - 1``.

        Raises:
            TypeError, ValueError, IndexError: If ``index`` names no rows (see ``check_rows``).
        """
        columns = np.unravel_index(check_rows(index, len(self)), self.factor_sizes)
        return np.stack(columns, axis=1).astype(np.int64, copy=False)

    def index(self, factors: ArrayLike) -> np.ndarray:
        """The rows of factor values; the inverse of ``factors``.

        Args:
            factors: Value indices, integers ``(n, K)``.

        Returns:
            Row numbers, int64 ``(n,)``.

        Raises:
            TypeError: If the values are not of an integer type.
            ValueError: If the shape is not ``(n, K)`` or a value lies outside its factor's size.
        """
        values = np.asarray(factors)
        if values.ndim != 2 or values.shape[1] != len(self.factor_sizes):
            raise ValueError(
                f"factors must be (n, {len(self.factor_sizes)}) for {', '.join(self.factor_names)}; got {values.shape}"
            )
        if values.dtype.kind not in "iu":
            raise TypeError(f"factors must hold integer value indices; got {values.dtype}")
        outside = ((values < 0) | (values >= self.factor_sizes)).any(axis=0)
        for column in np.flatnonzero(outside):
            low, high = values[:, column].min(), values[:, column].max()
            self._refuse_value(int(column), int(low if low < 0 else high))
        rows: np.ndarray = np.ravel_multi_index(tuple(values.T.astype(np.int64)), self.factor_sizes)
        return rows.astype(np.int64, copy=False)

    def sample(self, n: int, rng: np.random.Generator, fixed: Mapping[Factor, int] | None = None) -> np.ndarray:
        """Rows drawn with replacement, uniform over the rows that match.

        Args:
            n: How many rows.
            rng: The stream to draw from. One call takes the same numbers from it whatever is fixed.
            fixed: Values that some factors must have: ``{name or column: value}``.

        Returns:
            Row numbers, int64 ``(n,)``.

        Raises:
            ValueError: If a fixed factor does not exist, is fixed twice, or to a value outside its size.
            TypeError: If a fixed value is not an integer.
        """
        factors = rng.integers(0, self.factor_sizes, size=(n, len(self.factor_sizes)))
        for column, value in self._fixed_columns(fixed or {}).items():
            factors[:, column] = value
        return self.index(factors)

    def _fixed_columns(self, fixed: Mapping[Factor, int]) -> dict[int, int]:
        columns: dict[int, int] = {}
        for factor, value in fixed.items():
            column = factor_column(factor, self.factor_names)
            if column in columns:
                raise ValueError(f"factor {self.factor_names[column]!r} is fixed twice, by name and by column")
            if not isinstance(value, int | np.integer):
                raise TypeError(f"factor {self.factor_names[column]!r} must be fixed to an integer; got {value!r}")
            if not 0 <= value < self.factor_sizes[column]:
                self._refuse_value(column, int(value))
            columns[column] = int(value)
        return columns

    def _refuse_value(self, column: int, value: int) -> None:
        size = self.factor_sizes[column]
        raise ValueError(f"values of factor {self.factor_names[column]!r} lie in 0 ... {size - 1}; got {value}")
