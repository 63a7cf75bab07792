"""Rows grouped by the value of one factor: what interventions compare and votes draw from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ValueGroups(NamedTuple):
    """The rows of each value of one factor: value v owns ``order[starts[v] : starts[v] + counts[v]]``."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    counts: NDArray[np.intp]

    def of_at_least(self, n_rows: int) -> "ValueGroups":
        """The values that have ``n_rows`` rows or more."""
        enough = self.counts >= n_rows
        return ValueGroups(self.order, self.starts[enough], self.counts[enough])


def group_rows(labels: NDArray[np.intp], n_values: int) -> ValueGroups:
    """Group rows by label.

    Args:
        labels: One factor, values 0..n_values-1, shape ``(n_samples,)``.
        n_values: Values present.

    Returns:
        The groups; within a group rows keep their order.
    """
    narrow = labels.astype(np.uint16) if n_values <= 2**16 else labels  # 16 bits are sorted by radix, 8 times faster
    counts = np.bincount(labels, minlength=n_values)
    return ValueGroups(np.argsort(narrow, kind="stable"), np.cumsum(counts) - counts, counts)
