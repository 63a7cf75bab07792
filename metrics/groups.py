"""Rows grouped by the value of one factor: what interventions and fixed-factor votes draw from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from minebench.metrics.inputs import CheckedInputs


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


def votable_groups(inputs: CheckedInputs) -> list[ValueGroups]:
    """Per factor, the values with two rows or more: a vote fixes a value and compares rows.

    Args:
        inputs: Checked codes and factors.

    Returns:
        One ``ValueGroups`` per kept factor.

    Raises:
        ValueError: If a factor has no value with two rows.
    """
    groups = [group_rows(inputs.factors[:, k], size).of_at_least(2) for k, size in enumerate(inputs.factor_sizes)]
    empty = [column for column, group in zip(inputs.kept_factors, groups, strict=True) if len(group.counts) == 0]
    if empty:
        raise ValueError(
            f"factor columns {empty} have no value with two rows, so no vote can fix one; "
            "pass more samples, or n_factor_bins= to bin their values"
        )
    return groups
