"""What the two scores by votes share."""

import numpy as np
import pytest

from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.votes import accuracy_details, check_protocol, votable_groups


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


def test_accuracy_by_hand():
    """Factor 0: 1 of 2 right; factor 1: 3 of 3; factor 2 was never drawn. In all 4 of 5, variance 4/5 * 1/5 / 5."""
    correct = np.array([True, False, True, True, True])
    found = accuracy_details(correct, np.array([0, 0, 1, 1, 1]), 3)
    assert found["factor_accuracy"] == [0.5, 1.0, None]
    assert found["standard_error"] == pytest.approx(np.sqrt(0.16 / 5))


def test_a_seed_in_place_of_a_generator_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"got 0; pass np.random.default_rng\(seed\)"):
        check_protocol(0, batch_size=64, n_train=10, n_test=10)
