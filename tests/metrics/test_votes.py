"""What the two scores by votes share."""

import numpy as np
import pytest

from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.votes import accuracy_details, drawn_from, votable_groups
from minebench.metrics.z_diff import z_diff_result
from minebench.metrics.z_min_var import z_min_var_result


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


def source_of(factors):
    return drawn_from(check_codes_and_factors(np.zeros((len(factors), 1)), factors))


def test_a_grid_has_every_combination_once():
    grid = np.indices((3, 4, 2)).reshape(3, -1).T
    order = np.random.default_rng(0).permutation(len(grid))
    assert source_of(grid) == "grid"
    assert source_of(grid[order] * 5 - 7) == "grid"  # whatever the order of the rows and the names of the values
    assert source_of(np.insert(grid, 1, 9, axis=1)) == "grid"  # a constant factor does not count


def test_anything_less_or_more_than_the_grid_is_a_sample():
    grid = np.indices((3, 4, 2)).reshape(3, -1).T
    assert source_of(grid[1:]) == "sample"
    assert source_of(np.vstack([grid, grid])) == "sample"
    twice = grid.copy()
    twice[5] = twice[6]  # as many rows as combinations, one of them twice
    assert source_of(twice) == "sample"


def test_many_sizes_do_not_overflow():
    """2^70 combinations are more than an int64 counts."""
    assert source_of(np.random.default_rng(0).integers(2, size=(100, 70))) == "sample"


@pytest.mark.parametrize("score", [z_diff_result, z_min_var_result])
def test_both_scores_say_what_their_votes_were_drawn_from(score):
    grid = np.indices((3, 4, 2)).reshape(3, -1).T
    arguments = {"rng": np.random.default_rng(0), "n_train": 50, "n_test": 20}
    assert score(grid, grid, **arguments).details["drawn_from"] == "grid"
    assert score(grid[:-1], grid[:-1], **arguments).details["drawn_from"] == "sample"
    assert score(0 * grid, grid, **arguments).details["drawn_from"] == "grid"


def test_accuracy_by_hand():
    """Factor 0: 1 of 2 right; factor 1: 3 of 3; factor 2 was never drawn. In all 4 of 5, variance 4/5 * 1/5 / 5."""
    correct = np.array([True, False, True, True, True])
    found = accuracy_details(correct, np.array([0, 0, 1, 1, 1]), 3)
    assert found["factor_accuracy"] == [0.5, 1.0, None]
    assert found["standard_error"] == pytest.approx(np.sqrt(0.16 / 5))
