"""Rows grouped by the value of a factor."""

import numpy as np
import pytest

from minebench.metrics.groups import group_rows


@pytest.mark.parametrize("n_values", [3, 70_000])  # above 2**16 the 16-bit sort does not apply
def test_every_row_lies_in_the_group_of_its_value(n_values):
    labels = np.random.default_rng(0).permutation(np.arange(5 * n_values) % n_values)
    group = group_rows(labels, n_values)
    np.testing.assert_array_equal(group.counts, 5)
    np.testing.assert_array_equal(labels[group.order], np.repeat(np.arange(n_values), 5))
