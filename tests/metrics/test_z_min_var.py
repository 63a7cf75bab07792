"""Z-min Var: the vote against its definition, which codes may vote."""

import tracemalloc

import numpy as np
import pytest

from minebench.metrics import z_min_var as z_min_var_module
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.votes import deal_votes, votable_groups
from minebench.metrics.z_min_var import (
    _tables,
    _winners,
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


@pytest.mark.parametrize("block", [2, 100])
def test_the_winner_is_the_code_of_least_variance_by_the_definition(monkeypatch, block):
    monkeypatch.setattr(z_min_var_module, "_BLOCK", block)
    factors = factors_at_random(400, 3, 4)
    codes = np.random.default_rng(1).normal(size=(400, 5)) * [1, 2, 3, 4, 5] + [0, 0, 0, 0, 1000]
    codes[:, :2] += factors
    inputs = check_codes_and_factors(codes, factors)
    groups, factor = votable_groups(inputs), np.arange(60) % 2
    expected = np.empty(60, dtype=int)
    for votes, picks in deal_votes(groups, factor, 10, np.random.default_rng(7), 5):
        for vote, picked in zip(votes, picks.indices.reshape(-1, 10), strict=True):
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
