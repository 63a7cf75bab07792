"""Rows grouped by the value of a factor."""

import numpy as np
import pytest

from minebench.metrics.groups import group_rows, votable_groups
from minebench.metrics.inputs import check_codes_and_factors


@pytest.mark.parametrize("n_values", [3, 70_000])  # above 2**16 the 16-bit sort does not apply
def test_every_row_lies_in_the_group_of_its_value(n_values):
    labels = np.random.default_rng(0).permutation(np.arange(5 * n_values) % n_values)
    group = group_rows(labels, n_values)
    np.testing.assert_array_equal(group.counts, 5)
    np.testing.assert_array_equal(labels[group.order], np.repeat(np.arange(n_values), 5))


def test_values_with_one_row_are_left_out():
    labels = np.array([[0], [1], [0], [2], [2]])
    (group,) = votable_groups(check_codes_and_factors(np.arange(5)[:, None], labels))
    assert [group.order[s : s + c].tolist() for s, c in zip(group.starts, group.counts, strict=True)] == [
        [0, 2],
        [3, 4],
    ]


def test_a_factor_without_two_rows_of_a_value_is_refused_by_its_own_column():
    """Column 0 is constant and dropped: the message still counts it."""
    factors = np.array([[7, 0, 0], [7, 0, 1], [7, 1, 2]])
    with pytest.raises(ValueError, match=r"factor columns \[2\] have no value with two rows"):
        votable_groups(check_codes_and_factors(np.arange(3)[:, None], factors))
