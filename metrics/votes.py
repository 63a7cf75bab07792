"""What the two scores by votes share: the rows they may draw, the report of accuracy."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from minebench.metrics.groups import ValueGroups, group_rows
from minebench.metrics.inputs import CheckedInputs
from minebench.metrics.result import Json


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


def drawn_from(inputs: CheckedInputs) -> Literal["grid", "sample"]:
    """Whether the rows are all there is to draw from, so that votes are drawn from the true distribution.

    Args:
        inputs: Checked codes and factors.

    Returns:
        ``"grid"`` if every combination of the values present occurs exactly once (constant factors aside), else
        ``"sample"``.
    """
    if math.prod(inputs.factor_sizes) != len(inputs.factors):
        return "sample"
    combination = np.ravel_multi_index(tuple(inputs.factors.T), inputs.factor_sizes)
    seen = np.zeros(len(combination), dtype=bool)
    seen[combination] = True  # as many rows as combinations: none is missing if none occurs twice
    return "grid" if seen.all() else "sample"


def accuracy_details(correct: NDArray[np.bool_], factor: NDArray[np.intp], n_factors: int) -> dict[str, Json]:
    """How sure an accuracy is and what it is made of.

    Args:
        correct: Whether each test vote was right, shape ``(n_test,)``.
        factor: The factor of each test vote, 0..n_factors-1, shape ``(n_test,)``.
        n_factors: Number of factors.

    Returns:
        ``standard_error``, the binomial one of the test votes; ``factor_accuracy``, one per factor, ``None`` where no
        vote was drawn.
    """
    accuracy = correct.mean()
    tested = np.bincount(factor, minlength=n_factors)
    right = np.bincount(factor[correct], minlength=n_factors)
    return {
        "standard_error": float(np.sqrt(accuracy * (1 - accuracy) / len(correct))),
        "factor_accuracy": [float(r / n) if n else None for r, n in zip(right, tested, strict=True)],
    }
