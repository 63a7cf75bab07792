"""Z-diff and Z-min Var on blocks: equal to those of single codes where blocks are single, by theory where not."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from minebench.metrics.block_votes import (
    _distances,
    _least_trace,
    z_diff_blocks,
    z_diff_blocks_result,
    z_min_var_blocks,
    z_min_var_blocks_result,
)
from minebench.metrics.blocks import check_blocks, pca1
from minebench.metrics.votes import deal_votes, votable_groups
from minebench.metrics.z_diff import draw_pairs, z_diff, z_diff_result
from minebench.metrics.z_min_var import z_min_var, z_min_var_result

SMALL = {"n_train": 600, "n_test": 300}
# four standard errors of an accuracy of 300 votes around a chance of 1/3, and as much for the training votes
SAMPLING = 0.16
OWN = [[0, 1], [2, 3], [4, 5]]
SCORES = {
    "z_diff": (z_diff_blocks, z_diff_blocks_result, z_diff, z_diff_result),
    "z_min_var": (z_min_var_blocks, z_min_var_blocks_result, z_min_var, z_min_var_result),
}
scores = pytest.mark.parametrize("name", SCORES)


def rng(seed=0):
    return np.random.default_rng(seed)


def labels(n_samples=2000):
    return np.stack([rng(size).integers(size, size=n_samples) for size in (4, 3, 5)], axis=1)


def noisy_pairs(sigma=0.5):
    """Each factor in two codes of its block, of several units, with noise."""
    factors = labels()
    codes = np.repeat((factors - factors.mean(axis=0)) / factors.std(axis=0), 2, axis=1)
    return (codes + sigma * rng(9).normal(size=codes.shape)) * [1, 2, 3, 4, 0.5, 6], factors


def accuracy(name, codes, factors, blocks, seed=0):
    value = SCORES[name][0](codes, factors, blocks, rng=rng(seed), **SMALL)
    return value if name == "z_diff" else 1 - value


@scores
def test_blocks_of_one_code_score_as_single_codes_do(name):
    codes, factors = noisy_pairs()
    codes[:, 5] = 0.1
    _, blocks_result, _, dims_result = SCORES[name]
    ours = blocks_result(codes, factors, [[d] for d in range(6)], rng=rng(), **SMALL)
    theirs = dims_result(codes, factors, rng=rng(), **SMALL)
    assert ours.value == theirs.value
    assert ours.direction == theirs.direction
    same = {"factor_accuracy", "standard_error", "chance", "factors", "n_codes", "dead_codes", "notes"}
    assert {key: ours.details[key] for key in same} == {key: theirs.details[key] for key in same}


def test_distances_are_euclidean_in_each_block_scaled_as_one():
    codes, factors = noisy_pairs()
    checked = check_blocks(codes, factors, [[1, 4, 0], [5, 2]])
    groups, label = votable_groups(checked.inputs), np.full(50, 1)
    found = _distances(checked, groups, label, 8, rng(3))
    pairs = list(draw_pairs(groups[1], 50, 8, rng(3)))
    for column, block in enumerate(([1, 4, 0], [5, 2])):
        unit = codes[:, block] / np.sqrt(codes[:, block].var(axis=0, ddof=1).sum())
        expected = np.mean([np.linalg.norm(unit[one] - unit[other], axis=1) for one, other in pairs], axis=0)
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-5)


def test_the_winner_is_the_block_of_least_variance_trace_by_the_definition():
    codes, factors = noisy_pairs()
    blocks = [[1, 4, 0], [5, 2], [3]]
    checked = check_blocks(codes, factors, blocks)
    groups, factor = votable_groups(checked.inputs), np.arange(60) % 3
    expected = np.empty(60, dtype=int)
    for votes, picks in deal_votes(groups, factor, 10, rng(7), 6):
        for vote, picked in zip(votes, picks.indices.reshape(-1, 10), strict=True):
            traces = [np.trace(np.cov(codes[picked][:, block].T).reshape(len(block), -1)) for block in blocks]
            variances = [codes[:, block].var(axis=0, ddof=1).sum() for block in blocks]
            expected[vote] = np.argmin(np.divide(traces, variances))
    np.testing.assert_array_equal(_least_trace(checked, 0.0, groups, factor, 10, rng(7))[0], expected)
    assert len(set(expected)) == 3


@scores
def test_a_rotation_inside_a_block_changes_nothing(name):
    codes, factors = noisy_pairs(4.0)
    turned = codes.copy()
    for block in OWN:
        turned[:, block] = codes[:, block] @ ortho_group.rvs(2, random_state=rng()) + [3, -2]
    assert accuracy(name, turned, factors, OWN) == pytest.approx(accuracy(name, codes, factors, OWN), abs=2 / 300)


@scores
def test_the_order_of_blocks_and_codes_does_not_matter(name):
    codes, factors = noisy_pairs(4.0)
    expected = accuracy(name, codes, factors, OWN)
    for blocks in ([OWN[2], OWN[0], OWN[1]], [[1, 0], [3, 2], [5, 4]]):
        assert accuracy(name, codes, factors, blocks) == pytest.approx(expected, abs=2 / 300)


@scores
def test_a_unit_for_all_codes_of_a_block_does_not_matter(name):
    codes, factors = noisy_pairs(4.0)
    scaled = codes * [1, 1, 100, 100, 7, 7]
    assert accuracy(name, scaled, factors, OWN) == pytest.approx(accuracy(name, codes, factors, OWN), abs=2 / 300)


@scores
def test_perfect_blocks_score_one_and_shuffled_labels_chance(name):
    codes, factors = noisy_pairs(0)
    assert accuracy(name, codes, factors, OWN) == 1
    assert abs(accuracy(name, codes, rng().permutation(factors), OWN) - 1 / 3) < SAMPLING


@scores
def test_a_factor_that_goes_round_a_circle_is_perfect_in_its_block(name):
    """Cosine and sine of an angle per factor; the two codes of a block are neither constant nor monotone in it."""
    factors = labels()
    angle = 2 * np.pi * factors / [4, 3, 5]
    codes = np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(factors), 6)
    assert accuracy(name, codes, factors, OWN) == 1


@scores
def test_blocks_that_mix_the_factors_evenly_are_at_chance(name):
    """Each block holds one code of each factor: the three distances have one law whichever factor is fixed."""
    factors = np.stack([rng(k).integers(4, size=5000) for k in range(3)], axis=1)
    codes = np.tile(factors, 2)
    assert abs(accuracy(name, codes, factors, [[0, 1, 2], [3, 4, 5]]) - 1 / 3) < SAMPLING


@scores
def test_constant_codes_and_empty_blocks_are_chance(name):
    factors = labels(200)
    result = SCORES[name][1](np.full((200, 2), 0.1), factors, [[0, 1], []], rng=rng(), **SMALL)
    assert result.value == pytest.approx(1 / 3 if name == "z_diff" else 2 / 3)
    assert result.details["notes"] == ["all blocks are constant: the score is chance"]


def test_inactive_blocks_count_only_where_no_other_does():
    """The root of the total variance of codes of std 1/25 and 1/25 is above 0.05, of one alone it is not."""
    codes, factors = noisy_pairs(0)
    small = codes / codes.std(axis=0, ddof=1) / 25
    alone = z_min_var_blocks_result(small, factors, [[0], [2], [4]], rng=rng(), **SMALL)
    assert alone.details["notes"] == ["no block passed min_std=0.05: all non-constant blocks were used"]
    together = z_min_var_blocks_result(small, factors, [[0, 1], [2], [4]], rng=rng(), **SMALL)
    assert together.details["notes"] == []
    assert together.value > 0.3  # one block names one factor of three


@scores
def test_pca1_is_the_metric_of_the_first_components(name):
    codes, factors = noisy_pairs(4.0)
    _, result, single, _ = SCORES[name]
    found = result(codes, factors, OWN, rng=rng(), **SMALL).details["pca1"]
    assert abs(found - single(pca1(codes, OWN), factors, rng=rng(), **SMALL)) < SAMPLING


@scores
def test_the_same_generator_gives_the_same_value(name):
    codes, factors = noisy_pairs(4.0)
    assert accuracy(name, codes, factors, OWN, 5) == accuracy(name, codes, factors, OWN, 5)
    assert len({accuracy(name, codes, factors, OWN, seed) for seed in range(4)}) > 1
