"""Z-diff: the law of its pairs, features by theory, scale, saturation."""

import tracemalloc

import numpy as np
import pytest

from minebench.metrics import z_diff as z_diff_module
from minebench.metrics.groups import group_rows
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.votes import votable_groups
from minebench.metrics.z_diff import _vote_features, draw_pairs, z_diff, z_diff_result

SMALL = {"n_train": 1000, "n_test": 500}


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def rotated_pair(n_samples=2000, seed=0):
    """Two factors, two codes turned by 45 degrees: both codes tell as much of either."""
    factors = np.random.default_rng(seed).integers(5, size=(n_samples, 2))
    return (factors - 2) @ np.array([[1, -1], [1, 1]]) / np.sqrt(2), factors


def drawn_pairs(labels, n_votes=4000, batch_size=10, seed=0):
    group = group_rows(labels, labels.max() + 1).of_at_least(2)
    pairs = list(draw_pairs(group, n_votes, batch_size, np.random.default_rng(seed)))
    return np.concatenate([first for first, _ in pairs]), np.concatenate([second for _, second in pairs])


def test_a_pair_shares_the_value_and_is_never_one_row():
    labels = np.array([0, 0, 1, 1, 1, 2, 0, 3, 3])
    first, second = drawn_pairs(labels)
    assert (first != second).all()
    np.testing.assert_array_equal(labels[first], labels[second])
    assert 5 not in first  # the only row of value 2


def test_values_are_uniform_over_those_present_and_pairs_over_those_of_a_value():
    """Value 0 has 6 rows, value 1 has 2: each takes half of 40,000 pairs, spread evenly over its ordered pairs.

    Five standard deviations of a count with probability p are 5 sqrt(40,000 p (1 - p)).
    """
    labels = np.array([0] * 6 + [1] * 2)
    first, second = drawn_pairs(labels)
    for value, rows in ((0, range(6)), (1, (6, 7))):
        ordered = len(rows) * (len(rows) - 1)
        for one in rows:
            for other in set(rows) - {one}:
                p = 1 / 2 / ordered
                count = ((first == one) & (second == other)).sum()
                assert abs(count - 40_000 * p) < 5 * np.sqrt(40_000 * p * (1 - p)), (value, one, other)


def test_features_are_mean_absolute_differences_by_theory():
    """On a 4 x 6 grid, code j = factor j. Fixed factor k: its code never differs. The other, over n values in m rows
    of which no two are the same row, differs by (n^2 - 1) / (3 n) * m / (m - 1) in the mean, and here m = n: each
    value of the free factor occurs once per fixed value."""
    factors = full_grid(4, 6)
    inputs = check_codes_and_factors(factors, factors)
    label = np.arange(4000) % 2
    features = _vote_features(inputs.codes, votable_groups(inputs), label, 64, np.random.default_rng(0))
    for k, n in ((0, 6), (1, 4)):
        votes = features[label == k]
        assert (votes[:, k] == 0).all()
        mean = (n**2 - 1) / (3 * n) * n / (n - 1)
        square = (n**2 - 1) / 6 * n / (n - 1)  # E (a - b)^2 = 2 (n^2 - 1) / 12 for independent a and b
        five_errors = 5 * np.sqrt((square - mean**2) / (64 * 2000))
        assert abs(votes[:, 1 - k].mean() - mean) < five_errors


def test_the_shared_value_is_drawn_anew_for_each_pair():
    """A code that is factor 1 (a coin) where factor 0 is 1, and 0 where it is 0, under a fixed factor 0.

    A pair at value 0 never differs, one at value 1 does with probability 50 / 99 (two of its 100 rows). Drawn per pair,
    a vote's mean of 64 has the spread of a binomial, sqrt(p (1 - p) / 64) with p = 25 / 99; drawn per vote, half of
    the means would be 0. The spread of 500 votes is known to about 1 part in sqrt(1000).
    """
    factors = np.repeat(full_grid(2, 2), 50, axis=0)
    inputs = check_codes_and_factors(factors[:, :1] * factors[:, 1:], factors)
    label = np.zeros(500, dtype=int)
    features = _vote_features(inputs.codes, votable_groups(inputs), label, 64, np.random.default_rng(0))
    p = 25 / 99
    assert features.std() == pytest.approx(np.sqrt(p * (1 - p) / 64), rel=5 / np.sqrt(1000))


def test_perfect_codes_score_one():
    factors = full_grid(4, 5, 6)
    assert z_diff(factors, factors, rng=np.random.default_rng(0), **SMALL) == 1.0


def test_it_saturates_with_one_factor_not_coded():
    """What shares no other factor must share the missing one."""
    factors = np.repeat(full_grid(4, 5, 6), 5, axis=0)
    assert z_diff(factors[:, 1:], factors, rng=np.random.default_rng(0), **SMALL) == 1.0


def test_codes_that_mix_two_factors_evenly_are_at_chance():
    """Both features have one law whichever factor is shared: 1/2, with a standard error below 0.5 / sqrt(500)."""
    codes, factors = rotated_pair()
    score = z_diff(codes, factors, rng=np.random.default_rng(0), **SMALL)
    assert abs(score - 0.5) < 4 * 0.5 / np.sqrt(500)


def test_the_unit_of_the_codes_does_not_matter_unless_asked():
    """The classifier's penalty makes weights of 100 too expensive: without standardising, codes times 0.01 fall."""
    factors = np.random.default_rng(1).integers(5, size=(2000, 5))
    for scale in (1.0, 0.01, 1e-200, 1e100):
        assert z_diff(factors * scale, factors, rng=np.random.default_rng(0), **SMALL) == 1.0
    raw = {"standardize": False, "rng": np.random.default_rng(0), **SMALL}
    assert z_diff(factors * 1.0, factors, **raw) == 1.0
    assert z_diff(factors * 0.001, factors, **raw) < 0.4


def test_constant_codes_are_at_chance_and_say_so():
    factors = full_grid(4, 5, 6)
    result = z_diff_result(np.ones((120, 3)), factors, rng=np.random.default_rng(0))
    assert result.value == 1 / 3
    assert result.details["notes"] == ["all codes are constant: the score is chance"]


def test_the_chunks_are_as_good_as_one(monkeypatch):
    """Chunks change the order of the draws, so only the law is the same: the mean feature, within five errors."""
    factors = np.random.default_rng(1).integers(5, size=(2000, 3))
    codes = np.random.default_rng(2).normal(size=(2000, 3))
    inputs = check_codes_and_factors(codes, factors)
    label = np.arange(900) % 3
    means = []
    for chunk in (37, 10_000):
        monkeypatch.setattr(z_diff_module, "_CHUNK", chunk)
        features = _vote_features(inputs.codes, votable_groups(inputs), label, 64, np.random.default_rng(3))
        means.append(features.mean(axis=0))
    # abs(a - b) of standard normals has mean 2 / sqrt(pi) and variance 2 - 4 / pi
    assert np.abs(means[0] - means[1]).max() < 5 * np.sqrt(2 * (2 - 4 / np.pi) / (64 * 900))
    assert abs(np.mean(means) - 2 / np.sqrt(np.pi)) < 0.05


def test_pairs_are_never_held_all_at_once():
    """6000 votes of 64 pairs of 64 codes are 98 MB in single precision."""
    rng = np.random.default_rng(0)
    factors, codes = rng.integers(5, size=(1000, 4)), rng.normal(size=(1000, 64))
    arguments = {"rng": rng, "n_train": 4000, "n_test": 2000}
    tracemalloc.start()
    z_diff(codes, factors, **arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


def test_a_fit_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(z_diff_module, "_MAX_ITERATIONS", 1)
    codes, factors = rotated_pair()
    result = z_diff_result(codes, factors, rng=np.random.default_rng(0), **SMALL)
    assert result.details["notes"] == ["the logistic regression stopped after 1 iterations without converging"]


def test_a_fit_that_fails_at_once_says_so():
    """Codes of 1e100 as they are: the first step of the line search overflows."""
    codes, factors = rotated_pair()
    raw = {"standardize": False, "rng": np.random.default_rng(0), **SMALL}
    result = z_diff_result(codes * 1e100, factors, **raw)
    assert "without converging" in result.details["notes"][0]


def test_one_factor_is_always_told():
    factors = np.arange(20)[:, None] % 2
    result = z_diff_result(factors, factors, rng=np.random.default_rng(0), **SMALL)
    assert (result.value, result.details["chance"]) == (1.0, 1.0)


def test_reports_the_binomial_error_and_the_accuracy_of_each_factor():
    codes, factors = rotated_pair()
    result = z_diff_result(codes, factors, rng=np.random.default_rng(0), **SMALL)
    assert result.details["standard_error"] == pytest.approx(np.sqrt(result.value * (1 - result.value) / 500))
    assert min(result.details["factor_accuracy"]) <= result.value <= max(result.details["factor_accuracy"])
