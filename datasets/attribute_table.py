"""The factor values of a data set that is no grid: one row of attributes an image."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, check_rows, factor_column


@dataclass(frozen=True, eq=False)
class AttributeTable:
    """What ``Grid`` is to a grid: values by row, and rows by value, of factors that may be correlated.

    Attributes:
        factor_names: One name per attribute.
        factor_sizes: How many values each takes; binary attributes take 2.
        values: uint8 ``(n, K)``; column k lies in ``0 ... factor_sizes[k] - 1``.
    """

    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    values: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        n_factors = len(self.factor_names)
        if len(set(self.factor_names)) != n_factors or len(self.factor_sizes) != n_factors:
            raise ValueError(
                f"a table needs one distinct name per factor size; got {self.factor_names} and {self.factor_sizes}"
            )
        if self.values.ndim != 2 or self.values.shape[1] != n_factors or self.values.dtype != np.uint8:
            raise ValueError(
                f"values must be uint8 (n, {n_factors}), one column a factor; "
                f"got {self.values.dtype} {self.values.shape}"
            )
        beyond = [
            name
            for name, size, column in zip(self.factor_names, self.factor_sizes, self.values.T, strict=True)
            if column.size and column.max() >= size
        ]
        if beyond:
            raise ValueError(f"values of {', '.join(beyond)} lie beyond the factor's size")

    def __len__(self) -> int:
        return len(self.values)

    def factors(self, index: ArrayLike) -> np.ndarray:
        """The factor values of rows.

        Args:
            index: Row numbers, integers ``(n,)``.

        Returns:
            int64 ``(n, K)``.

        Raises:
            TypeError, ValueError, IndexError: If ``index`` names no rows (see ``check_rows``).
        """
        return self.values.take(check_rows(index, len(self)), axis=0).astype(np.int64)

    def sample(self, n: int, rng: np.random.Generator, fixed: Mapping[Factor, int] | None = None) -> np.ndarray:
        """Rows drawn with replacement, uniform over the rows that match.

        Args:
            n: How many rows.
            rng: The stream to draw from.
            fixed: Values that some factors must have: ``{name or column: value}``.

        Returns:
            Row numbers, int64 ``(n,)``.

        Raises:
            ValueError: If a fixed factor does not exist, or no row has all the fixed values.
        """
        matching = np.ones(len(self), bool)
        for factor, value in (fixed or {}).items():
            matching &= self.values[:, factor_column(factor, self.factor_names)] == value
        rows = np.flatnonzero(matching)
        if not len(rows):
            raise ValueError(f"none of the {len(self)} rows has {dict(fixed or {})}; fix fewer factors")
        return rows[rng.integers(len(rows), size=n)].astype(np.int64, copy=False)
