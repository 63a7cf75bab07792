"""What the scores by votes share: which rows they may draw, how these are dealt, what is told of an accuracy."""

import numpy as np
import pytest

from minebench.metrics import votes as votes_module
from minebench.metrics.groups import group_rows
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.votes import _deal, accuracy_details, deal_votes, drawn_from, majority_vote, votable_groups
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


def test_the_majority_names_by_hand():
    """Code 0 wins two votes of factor 1 and one of factor 0; code 1 one of each: the first; code 2 none: the first."""
    winner, factor = np.array([0, 0, 0, 1, 1, 0, 0, 1, 2]), np.array([1, 0, 1, 1, 0, 1, 0, 0, 1])
    named, correct = majority_vote(winner, factor, 5, shape=(3, 2))
    assert named.tolist() == [1, 0, 0]
    assert correct.tolist() == [True, False, True, False]


def test_accuracy_by_hand():
    """Factor 0: 1 of 2 right; factor 1: 3 of 3; factor 2 was never drawn. In all 4 of 5, variance 4/5 * 1/5 / 5."""
    correct = np.array([True, False, True, True, True])
    found = accuracy_details(correct, np.array([0, 0, 1, 1, 1]), 3)
    assert found["factor_accuracy"] == [0.5, 1.0, None]
    assert found["standard_error"] == pytest.approx(np.sqrt(0.16 / 5))


def dealt_votes(groups, factor, batch_size):
    """The votes in the order in which they are dealt, and the rows of all."""
    dealt = list(deal_votes(groups, factor, batch_size, np.random.default_rng(0), 5))
    return tuple(map(np.concatenate, zip(*((votes, picks.indices) for votes, picks in dealt), strict=True)))


def test_rows_are_dealt_without_replacement_and_reshuffled_when_exhausted():
    """Value 0 has rows 0..4, value 1 rows 5..6. 13 rows of value 0 are two whole decks and 3 of a third."""
    group = group_rows(np.array([0] * 5 + [1] * 2), 2)
    dealt = np.concatenate(list(_deal(group, np.array([13, 4]), np.random.default_rng(0), 100)))
    zero, one = dealt[:13], dealt[13:]
    assert sorted(zero[:5]) == sorted(zero[5:10]) == [0, 1, 2, 3, 4]
    assert len(set(zero[10:])) == 3
    assert sorted(one[:2]) == sorted(one[2:]) == [5, 6]
    assert list(zero[:5]) != list(zero[5:10])  # shuffled anew, with this seed


def test_votes_are_dealt_from_one_deck():
    """Votes of 4 rows at a value with 8: two votes share no row."""
    factors = np.repeat([0, 1], 8)[:, None]
    groups = votable_groups(check_codes_and_factors(factors, factors))
    order, rows = dealt_votes(groups, np.zeros(101, dtype=int), 4)
    value = factors[rows.reshape(-1, 4)[:, 0], 0]
    for v in (0, 1):
        votes = rows.reshape(-1, 4)[value == v]
        assert all(len(set(np.concatenate(pair))) == 8 for pair in zip(votes[:-1:2], votes[1::2], strict=False))
    assert sorted(order) == list(range(101))


def test_the_fixed_value_is_uniform_over_those_present_not_by_frequency():
    """90 rows against 10: half of 2000 votes each, within five standard deviations, 5 sqrt(2000) / 2.

    So too among the first 1000 votes: those that train must not be those of the first values."""
    factors = np.array([0] * 90 + [1] * 10)[:, None]
    groups = votable_groups(check_codes_and_factors(factors, factors))
    order, rows = dealt_votes(groups, np.zeros(2000, dtype=int), 4)
    votes = factors[rows.reshape(-1, 4), 0]
    assert (votes == votes[:, :1]).all()
    assert abs(votes[:, 0].sum() - 1000) < 5 * np.sqrt(2000) / 2
    assert abs(votes[order < 1000, 0].sum() - 500) < 5 * np.sqrt(1000) / 2


@pytest.mark.parametrize("at_once", [1, 100, 10**9])
def test_how_many_votes_are_dealt_at_a_time_changes_no_draw(monkeypatch, at_once):
    """In parts of 64, 100 and all rows: of decks of 60 to 150 rows, so that parts end inside and between decks."""
    factors = np.random.default_rng(1).integers([2, 3, 5], size=(300, 3))
    groups = votable_groups(check_codes_and_factors(factors, factors))
    factor = np.random.default_rng(3).integers(3, size=500)
    monkeypatch.setattr(votes_module, "_SHARE", 10**9)
    order, rows = dealt_votes(groups, factor, 64)
    monkeypatch.setattr(votes_module, "_FEWEST_ROWS", at_once)
    parts = list(deal_votes(groups, factor, 64, np.random.default_rng(0), 5))
    assert len(parts) > 3 or at_once == 10**9
    assert all(picks.nnz < max(at_once, 64) + 200 for _, picks in parts)
    again = dealt_votes(groups, factor, 64)
    np.testing.assert_array_equal(again[0], order)
    np.testing.assert_array_equal(again[1], rows)
