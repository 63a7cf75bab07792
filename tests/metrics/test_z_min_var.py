"""Z-min Var: how rows are dealt, the vote against its definition, which codes may vote."""

import tracemalloc

import numpy as np
import pytest

from minebench.metrics import z_min_var as z_min_var_module
from minebench.metrics.groups import group_rows
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.votes import votable_groups
from minebench.metrics.z_min_var import (
    _deal,
    _tables,
    _winners,
    deal_votes,
    factor_vae_score,
    z_min_var,
    z_min_var_result,
)

SMALL = {"n_train": 1000, "n_test": 500}


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def factors_at_random(n_samples, *sizes, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(size, size=n_samples) for size in sizes], axis=1)


def dealt_votes(groups, factor, batch_size, seed=0):
    """The votes in the order in which they are dealt, and the rows of all."""
    dealt = list(deal_votes(groups, factor, batch_size, np.random.default_rng(seed), 5))
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


@pytest.mark.parametrize("block", [2, 100])
def test_the_winner_is_the_code_of_least_variance_by_the_definition(monkeypatch, block):
    monkeypatch.setattr(z_min_var_module, "_BLOCK", block)
    factors = factors_at_random(400, 3, 4)
    codes = np.random.default_rng(1).normal(size=(400, 5)) * [1, 2, 3, 4, 5] + [0, 0, 0, 0, 1000]
    codes[:, :2] += factors
    inputs = check_codes_and_factors(codes, factors)
    groups, factor = votable_groups(inputs), np.arange(60) % 2
    order, rows = dealt_votes(groups, factor, 10, seed=7)
    expected = np.empty(60, dtype=int)
    for vote, picked in zip(order, rows.reshape(60, 10), strict=True):
        assert len(np.unique(factors[picked, factor[vote]])) == 1
        expected[vote] = np.argmin(codes[picked].var(axis=0, ddof=1) / codes.var(axis=0, ddof=1))
    tables = _tables(inputs.standardized()[0], np.arange(5))
    found = _winners(tables, groups, factor, 10, np.random.default_rng(7))
    np.testing.assert_array_equal(found, expected)


def test_perfect_codes_have_no_error():
    factors = full_grid(4, 5, 6)
    assert z_min_var(factors, factors, rng=np.random.default_rng(0), **SMALL) == 0.0
    assert factor_vae_score(factors, factors, rng=np.random.default_rng(0), **SMALL) == 1.0


def test_two_codes_for_one_factor_are_as_good_as_one():
    factors = full_grid(4, 5, 6)
    codes = np.hstack([factors, 3 * factors])
    assert z_min_var(codes, factors, rng=np.random.default_rng(0), **SMALL) == 0.0


def test_codes_that_mix_two_factors_evenly_are_at_chance():
    """The two variances have one law whichever factor is fixed: the error is 1/2."""
    factors = factors_at_random(20_000, 5, 5)
    codes = (factors - 2) @ np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    score = z_min_var(codes, factors, rng=np.random.default_rng(0), **SMALL)
    assert abs(score - 0.5) < 4 * 0.5 / np.sqrt(500)


def test_the_votes_that_name_the_codes_are_not_those_that_score():
    """60 codes of noise and 60 training votes: few codes win twice, so nearly every training vote is right by
    construction. On other votes two factors are told by chance, 1/2, with a standard error of 0.5 / sqrt(500)."""
    factors = factors_at_random(5000, 2, 2)
    codes = np.random.default_rng(1).normal(size=(5000, 60))
    score = z_min_var(codes, factors, rng=np.random.default_rng(0), n_train=60, n_test=500)
    assert abs(score - 0.5) < 4 * 0.5 / np.sqrt(500)
    score = z_min_var(codes, factors, rng=np.random.default_rng(0), n_train=60, n_test=60)
    assert abs(score - 0.5) < 4 * 0.5 / np.sqrt(60)
    assert score > 0.3


def test_an_exactly_constant_code_never_wins_a_vote():
    """Where 0 / 0 wins by argmin, perfect codes beside one constant code fall to chance."""
    factors = full_grid(4, 5, 6)
    codes = np.hstack([np.full((120, 1), 0.1), factors])
    result = z_min_var_result(codes, factors, rng=np.random.default_rng(0), min_std=0.0, **SMALL)
    assert result.value == 0.0
    assert result.details["active_codes"] == [1, 2, 3]
    assert result.details["dead_codes"] == [0]


def test_codes_below_min_std_do_not_vote():
    """Three perfect codes and a collapsed copy of noise: with min_std = 0 the noise has a vote and never wins one;
    perfect codes scaled below min_std leave the field to it."""
    factors = full_grid(4, 5, 6)
    noise = np.random.default_rng(0).normal(size=(120, 1))
    found = z_min_var_result(np.hstack([factors * 0.01, noise]), factors, rng=np.random.default_rng(0), **SMALL)
    assert found.details["active_codes"] == [3]
    assert abs(found.value - 2 / 3) < 4 * np.sqrt(2 / 9 / 500)  # one code names one factor: right for a third
    assert found.details["notes"] == []


def test_the_threshold_is_on_the_sample_standard_deviation():
    """-1, 1 four times: ddof 1 gives sqrt(8 / 7) = 1.069, ddof 0 gives 1. A threshold between them tells."""
    factors = np.array([[0], [1]] * 4)
    codes = np.array([[-1.0, -9.0], [1.0, 9.0]] * 4)
    found = z_min_var_result(codes, factors, rng=np.random.default_rng(0), min_std=1.05, **SMALL)
    assert found.details["active_codes"] == [0, 1]


def test_if_no_code_passes_all_that_vary_count_and_it_is_said():
    factors = full_grid(4, 5, 6)
    codes = np.hstack([factors * 0.01, np.ones((120, 1))])
    found = z_min_var_result(codes, factors, rng=np.random.default_rng(0), **SMALL)
    assert found.value == 0.0
    assert found.details["active_codes"] == [0, 1, 2]
    assert found.details["notes"] == ["no code passed min_std=0.05: all non-constant codes were used"]


def test_constant_codes_are_at_chance_and_say_so():
    factors = full_grid(4, 5, 6)
    found = z_min_var_result(np.ones((120, 3)), factors, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(2 / 3)
    assert found.details["factor_vae_score"] == pytest.approx(1 / 3)
    assert found.details["notes"] == ["all codes are constant: the score is chance"]


def test_the_accuracy_is_stored_beside_the_error():
    factors = factors_at_random(500, 5, 5)
    codes = np.random.default_rng(1).normal(size=(500, 3))
    found = z_min_var_result(codes, factors, rng=np.random.default_rng(0), **SMALL)
    assert found.direction == "down"
    assert found.details["factor_vae_score"] == 1 - found.value
    assert factor_vae_score(codes, factors, rng=np.random.default_rng(0), **SMALL) == 1 - found.value
    assert found.details["standard_error"] == pytest.approx(np.sqrt(found.value * (1 - found.value) / 500))


def test_each_code_is_named_after_the_factor_of_the_callers_column():
    grid = full_grid(4, 5)
    factors = np.stack([grid[:, 0], np.zeros(20, dtype=int), grid[:, 1]], axis=1)
    found = z_min_var_result(grid[:, ::-1], factors, rng=np.random.default_rng(0), **SMALL)
    assert found.details["code_factor"] == [2, 0]


def test_a_vote_of_one_row_has_no_variance_and_is_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 2; got 1"):
        z_min_var(np.ones((4, 1)), np.array([[0], [0], [1], [1]]), rng=np.random.default_rng(0), batch_size=1)


def test_codes_are_taken_a_few_at_a_time_on_many_rows_with_the_same_result(monkeypatch):
    factors = factors_at_random(300, 3, 4, 5)
    codes = np.random.default_rng(1).normal(size=(300, 7)) + factors[:, [0, 1, 2, 0, 1, 2, 0]]
    whole = z_min_var_result(codes, factors, rng=np.random.default_rng(0), **SMALL)
    monkeypatch.setattr(z_min_var_module, "_CELLS", 600)
    assert z_min_var_result(codes, factors, rng=np.random.default_rng(0), **SMALL) == whole


@pytest.mark.parametrize("at_once", [1, 100, 10**9])
def test_how_many_votes_are_dealt_at_a_time_changes_no_draw(monkeypatch, at_once):
    """In parts of 64, 100 and all rows: of decks of 60 to 150 rows, so that parts end inside and between decks."""
    factors = factors_at_random(300, 2, 3, 5)
    groups = votable_groups(check_codes_and_factors(factors, factors))
    factor = np.random.default_rng(3).integers(3, size=500)
    monkeypatch.setattr(z_min_var_module, "_SHARE", 10**9)
    order, rows = dealt_votes(groups, factor, 64)
    monkeypatch.setattr(z_min_var_module, "_FEWEST_ROWS", at_once)
    parts = list(deal_votes(groups, factor, 64, np.random.default_rng(0), 5))
    assert len(parts) > 3 or at_once == 10**9
    assert all(picks.nnz < max(at_once, 64) + 200 for _, picks in parts)
    again = dealt_votes(groups, factor, 64)
    np.testing.assert_array_equal(again[0], order)
    np.testing.assert_array_equal(again[1], rows)


def peak_of_score(codes, factors):
    """The largest sum of what was allocated beside the input, with the protocol of the benchmark."""
    tracemalloc.start()
    result = z_min_var_result(codes, factors, rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result, peak


def test_votes_need_no_more_than_eight_times_the_memory_of_the_codes():
    """The 960,000 rows that are drawn take 23 MB if all are held at once; the codes take 0.8."""
    codes, factors = np.random.default_rng(0).normal(size=(10_000, 10)), factors_at_random(10_000, 10, 10, 10, 8, 4, 15)
    assert peak_of_score(codes, factors)[1] < 8 * codes.nbytes


@pytest.mark.slow
def test_the_whole_grid_of_dsprites_needs_six_times_the_memory_of_its_codes():
    grid = full_grid(3, 6, 40, 32, 32)
    codes = np.random.default_rng(0).normal(size=(len(grid), 10))
    result, peak = peak_of_score(codes, grid)
    assert result.details["drawn_from"] == "grid"
    assert peak < 6 * codes.nbytes
