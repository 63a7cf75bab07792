"""MIG, JEMMIG and the named gap on blocks: perfect, collapsed, split, shuffled; values by hand."""

import numpy as np
import pytest

from minebench.metrics import block_information as block_information_module
from minebench.metrics.block_gaps import (
    jemmig_blocks,
    jemmig_blocks_result,
    mig_blocks,
    mig_blocks_result,
    named_gap,
    named_gap_result,
)
from minebench.metrics.block_information import BlockInformation, block_information
from minebench.metrics.blocks import check_blocks
from minebench.metrics.jemmig import jemmig
from minebench.metrics.mig import mig

SIZES = (4, 3, 5)
OWN = [[0, 1], [2, 3], [4, 5]]


@pytest.fixture(autouse=True)
def _short_training(monkeypatch):
    """A tenth of the benchmark's updates: enough for clean rows."""
    monkeypatch.setattr(block_information_module, "_UPDATES", 300)


def rng():
    return np.random.default_rng(0)


def labels(n_samples=500, sizes=SIZES):
    return np.stack([rng().spawn(len(sizes))[k].integers(n, size=n_samples) for k, n in enumerate(sizes)], axis=1)


def twice(factors):
    """Each factor in two codes of one block: for MIG of single codes a failure."""
    return np.repeat(factors, 2, axis=1).astype(float)


def known(mutual, entropy, codes=None, blocks=None):
    """Information as if it had been measured, for codes that do not matter."""
    factors = np.indices((2,) * len(entropy)).reshape(len(entropy), -1).T
    codes = np.tile(factors[:, :1], len(mutual)) if codes is None else codes
    blocks = [[b] for b in range(len(mutual))] if blocks is None else blocks
    return codes, factors, blocks, BlockInformation(check_blocks(codes, factors, blocks), mutual, entropy)


def score(function, mutual, entropy, **arguments):
    codes, factors, blocks, information = known(np.array(mutual), np.array(entropy))
    return function(codes, factors, blocks, rng=rng(), information=information, **arguments)


def all_three(codes, factors, blocks, **arguments):
    """MIG, JEMMIG's joint form and the named gap, from one measurement."""
    information = block_information(codes, factors, blocks, rng=rng())
    given = {"rng": rng(), "information": information}
    joint = jemmig_blocks_result(codes, factors, blocks, **given).details["jemmig_joint"]
    gap = named_gap_result(codes, factors, blocks, **given, **arguments).value
    return mig_blocks_result(codes, factors, blocks, **given).value, joint, gap


@pytest.mark.parametrize("named", [False, True])
def test_perfect_blocks_score_near_one_where_single_codes_score_zero(named):
    factors = labels()
    codes = twice(factors)
    assert mig(codes, factors) == pytest.approx(0, abs=1e-12)
    assert min(all_three(codes, factors, OWN, named=named)) > 0.97


def test_block_mig_rewards_collapse_and_the_named_gap_does_not():
    """All in block 0: it has no rival, MIG is 1. It is the own block of one factor only: (1 - 1 - 1) / 3; of none if it
    is the nuisance block: -1."""
    factors = labels()
    codes = np.hstack([factors, np.zeros((len(factors), 2))])
    blocks = [[0, 1, 2], [3], [4]]
    for named in (False, True):
        collapsed, _, gap = all_three(codes, factors, blocks, named=named)
        assert collapsed > 0.97
        assert gap == pytest.approx(-1 / 3, abs=0.02)
    assert all_three(codes, factors, [*blocks, []], nuisance=0)[2] == pytest.approx(-1, abs=0.02)


def test_a_factor_split_over_blocks_scores_near_zero():
    factors = labels()
    split, _, gap = all_three(twice(factors), factors, [[0, 2, 4], [1, 3, 5], []])
    assert split == pytest.approx(0, abs=0.02)
    assert gap < 0


def test_shuffled_labels_are_at_chance():
    factors = labels()
    chance, _, gap = all_three(twice(factors), rng().permutation(factors), OWN)
    assert chance < 0.03
    assert abs(gap) < 0.03


def test_mig_by_hand():
    """Factor 0, entropy 2: 1.5 against 0.5, a half. Factor 1, entropy 1: 0.75 against 0.5, a quarter."""
    result = score(mig_blocks_result, [[1.5, 0.25], [0.5, 0.5], [-0.1, 0.75]], [2.0, 1.0])
    assert result.value == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert result.details["best_block"] == [0, 2]
    assert result.details["second_block"] == [1, 1]
    np.testing.assert_allclose(result.details["confusion"], [[0.75, 0.25], [0.25, 0.5], [0, 0.75]])


def test_a_bound_below_zero_counts_as_zero():
    assert score(mig_blocks_result, [[0.5], [-0.5]], [1.0]).value == pytest.approx(0.5)


def test_named_gap_by_hand():
    """Shares: factor 0: .75 .25 0; factor 1: .25 .5 .75. Named: (.5 - .25) / 2. Matched: blocks 0, 2, (.5 + .25) / 2.
    Without block 2 as candidate: blocks 0 and 1 as named. Without block 0: own .25 and .75, others .75 and .5."""
    table = [[1.5, 0.25], [0.5, 0.5], [0.0, 0.75]], [2.0, 1.0]
    assert score(named_gap_result, *table, named=True).value == pytest.approx((0.5 - 0.25) / 2)
    matched = score(named_gap_result, *table)
    assert matched.value == pytest.approx((0.5 + 0.25) / 2)
    assert matched.details["block_of_factor"] == [0, 2]
    assert score(named_gap_result, *table, nuisance=2).value == pytest.approx((0.5 - 0.25) / 2)
    without = score(named_gap_result, *table, nuisance=0, named=True)
    assert without.details["block_of_factor"] == [1, 2]
    assert without.details["gap"] == pytest.approx([-0.5, 0.25])


def test_the_matching_is_the_best_of_all_not_greedy():
    """Greedy takes .9 and leaves 0; the other diagonal has .8 + .8. Gaps: .8 - .9 and .8 - 0."""
    matched = score(named_gap_result, [[0.9, 0.8], [0.8, 0.0]], [1.0, 1.0])
    assert matched.details["block_of_factor"] == [1, 0]
    assert matched.details["gap"] == pytest.approx([-0.1, 0.8])


def test_a_factor_that_no_block_is_left_for_has_nothing_of_its_own():
    result = score(named_gap_result, [[0.9, 0.2, 0.1], [0.0, 0.5, 0.1]], [1.0, 1.0, 1.0])
    assert result.details["block_of_factor"] == [0, 1, None]
    assert result.details["gap"] == pytest.approx([0.9, 0.3, -0.1])


def test_names_go_by_the_columns_of_the_factors_constant_ones_counted():
    """Factors 0, 2, 3 vary and are known by blocks 1, 3, 4 alone; block 2 is that of the constant factor."""
    factors = labels(100)
    padded = np.insert(factors, 1, 7, axis=1)
    blocks = [[], [0, 1], [], [2, 3], [4, 5]]
    mutual = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    information = BlockInformation(check_blocks(twice(factors), padded, blocks), mutual, np.ones(3))
    arguments = {"rng": rng(), "named": True, "nuisance": 0}
    result = named_gap_result(twice(factors), padded, blocks, information=information, **arguments)
    assert result.details["block_of_factor"] == [1, 3, 4]
    assert result.value == 1
    with pytest.raises(ValueError, match="4 factors need as many blocks beside the nuisance block; got 3"):
        named_gap(twice(factors), padded, [[], *OWN], **arguments)


def test_jemmig_by_hand():
    """Block 0 is a coin, of entropy ln 2 in bins; block 1, too, but it tells 1.5 nats of factor 1, more than its bins.

    Factor 0, entropy 1: best block 0 with 0.6, second 0.1: raw = ln 2 + 1 - 1.2 + 0.1. Factor 1, entropy 2: block 1
    with 1.5: H(b) = 1.5, raw = 1.5 + 2 - 3 + 0. The bound of H(b) is ln 20, above both entropies.
    """
    mutual, entropy = [[0.6, 0.0], [0.1, 1.5]], [1.0, 2.0]
    result = score(jemmig_blocks_result, mutual, entropy)
    raw = np.array([np.log(2) + 1 - 1.2 + 0.1, 1.5 + 2 - 3])
    assert result.details["raw_nats"] == pytest.approx(raw)
    assert result.value == pytest.approx(np.mean(1 - raw / (np.log(20) + np.array(entropy))))
    joint = np.array([1.2 - 0.1, 3.0]) / [np.log(2) + 1, 3.5]
    assert result.details["jemmig_joint"] == pytest.approx(joint.mean())
    few = score(jemmig_blocks_result, mutual, entropy, n_bins=2)  # ln 2 is below the entropy of factor 1, 2
    assert few.details["bound_nats"] == pytest.approx([1 + 2, 2 + 2])


def test_jemmig_of_blocks_stays_in_its_range_for_factors_of_many_values():
    """33 values are more than 20 bins tell; the block that holds them and another factor tells all of both."""
    factors = labels(1500, (33, 2))
    codes = np.column_stack([factors, np.zeros(len(factors))])
    result = jemmig_blocks_result(codes, factors, [[0, 1], [2]], rng=rng())
    assert 0 <= result.value <= 1
    assert 0 <= result.details["jemmig_joint"] <= 1
    assert min(result.details["raw_nats"]) >= 0


def test_constant_codes_are_rewarded_by_jemmig_and_not_by_its_joint_form():
    """As for single codes: raw = H(v), the score 1 - H(v) / (H(v) + ln 20)."""
    factors = labels()
    constant = np.full((len(factors), 4), 0.1)
    result = jemmig_blocks_result(constant, factors, [[0, 1], [2, 3]], rng=rng())
    entropy = np.array(result.details["factor_entropy"])
    assert result.value == pytest.approx(np.mean(1 - entropy / (entropy + np.log(20))))
    assert result.details["jemmig_joint"] == 0
    assert mig_blocks(constant, factors, [[0, 1], [2, 3]], rng=rng()) == 0


def test_the_order_of_blocks_and_codes_does_not_matter(monkeypatch):
    monkeypatch.setattr(block_information_module, "_UPDATES", 150)
    factors = labels()
    codes = twice(factors) + rng().normal(size=(len(factors), 6))
    expected = all_three(codes, factors, OWN)
    assert all_three(codes, factors, [OWN[2], OWN[0], OWN[1]]) == pytest.approx(expected, abs=1e-12)
    assert all_three(codes, factors, [[1, 0], [3, 2], [5, 4]]) == pytest.approx(expected, abs=1e-12)
    columns = [4, 1, 2, 5, 0, 3]
    moved = [[columns.index(code) for code in block] for block in OWN]
    assert all_three(codes[:, columns], factors, moved) == pytest.approx(
        expected, abs=0.03
    )  # the networks start elsewhere


def test_pca1_is_the_metric_of_the_first_components():
    factors = labels()
    codes = twice(factors)
    arguments = {"rng": rng(), "information": known(np.eye(3), np.ones(3))[3]}
    components = factors - factors.mean(axis=0)
    result = mig_blocks_result(codes, factors, OWN, **arguments)
    assert result.details["pca1"] == pytest.approx(mig(components, factors), abs=1e-12)
    result = jemmig_blocks_result(codes, factors, OWN, **arguments)
    assert result.details["pca1"] == pytest.approx(jemmig(components, factors), abs=1e-12)


@pytest.mark.parametrize("function", [mig_blocks, jemmig_blocks, named_gap])
def test_information_that_another_score_has_paid_for_gives_the_same_value(monkeypatch, function):
    monkeypatch.setattr(block_information_module, "_UPDATES", 60)  # the same, however well it was learnt
    factors = labels(60)
    codes = twice(factors) + rng().normal(size=(len(factors), 6))
    information = block_information(codes, factors, OWN, rng=rng())
    result = {mig_blocks: mig_blocks_result, jemmig_blocks: jemmig_blocks_result, named_gap: named_gap_result}[function]
    value = result(codes, factors, OWN, rng=None, information=information).value
    assert value == function(codes, factors, OWN, rng=rng())


@pytest.mark.parametrize("function", [mig_blocks, jemmig_blocks, named_gap])
def test_one_block_has_no_gap_and_is_refused(function):
    with pytest.raises(ValueError, match="needs at least 2"):
        function(twice(labels()), labels(), [range(6)], rng=rng())


def test_a_nuisance_block_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"nuisance must be one of the blocks 0..2, or None; got 3"):
        named_gap(twice(labels(100)), labels(100), OWN, rng=rng(), nuisance=3)
