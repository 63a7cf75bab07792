"""IRS: values by hand, and where it is not what one hopes."""

import numpy as np
import pytest

from minebench.metrics import irs as irs_module
from minebench.metrics.irs import irs, irs_result


def full_grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def by_the_definition(codes, factors, quantile):
    """Masks, one code, factor and value at a time."""
    n_codes, n_factors = codes.shape[1], factors.shape[1]
    score, weight = np.zeros((n_codes, n_factors)), np.zeros(n_codes)
    for d in range(n_codes):
        weight[d] = np.abs(codes[:, d] - codes[:, d].mean()).max()
        for i in range(n_factors):
            worst = []
            for value in np.unique(factors[:, i]):
                group = codes[factors[:, i] == value, d]
                worst.append(np.quantile(np.abs(group - group.mean()), quantile))
            score[d, i] = 1 - np.mean(worst) / weight[d]
    return weight @ score.max(axis=1) / weight.sum()


def test_identity_on_a_grid_scores_one():
    factors = full_grid(4, 5, 6)
    assert irs(factors, factors) == pytest.approx(1.0)


def test_matches_value_by_hand():
    """Code 0: mean 3, m = 3, group means 1 and 5, largest deviation 1 in both: 1 - 1/3. Code 1: m = 1/2, robust: 1.
    Weighted by m: (3 * 2/3 + 1/2 * 1) / (7/2)."""
    factors = np.array([[0], [0], [1], [1]])
    codes = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 1.0], [6.0, 1.0]])
    result = irs_result(codes, factors)
    assert result.value == pytest.approx(2.5 / 3.5)
    assert result.details["code_weight"] == pytest.approx([3, 0.5])
    assert result.details["code_robustness"] == pytest.approx([2 / 3, 1])


def test_quantile_by_hand():
    """Group 0, 0, 0, 4: mean 1, deviations 1, 1, 1, 3, median 1; group 9 alone: 0. Mean of all 13/5, m = 32/5."""
    factors = np.array([[0], [0], [0], [0], [1]])
    codes = np.array([[0.0], [0.0], [0.0], [4.0], [9.0]])
    assert irs(codes, factors, diff_quantile=0.5) == pytest.approx(1 - 0.5 / 6.4)
    assert irs(codes, factors) == pytest.approx(1 - 1.5 / 6.4)


def test_values_weigh_the_same_however_many_rows_they_have():
    """Value 0 has four rows and deviation 1, value 1 has two and deviation 3; mean 0, m = 3: 1 - 2/3, not 1 - 5/9."""
    factors = np.array([[0]] * 4 + [[1]] * 2)
    codes = np.array([[-1.0], [1.0], [-1.0], [1.0], [-3.0], [3.0]])
    assert irs(codes, factors) == pytest.approx(1 / 3)


def test_a_score_below_zero_is_not_clipped():
    """Both groups have their mean at -1/2 or 1/2 and a row 3/2 away; all rows are 1 from the common mean."""
    factors = np.array([[0]] * 4 + [[1]] * 4)
    codes = np.array([[-1.0], [-1.0], [-1.0], [1.0], [1.0], [1.0], [1.0], [-1.0]])
    assert irs(codes, factors) == pytest.approx(-0.5)


@pytest.mark.parametrize("block", [1, 500, 10**9])
@pytest.mark.parametrize("quantile", [0.3, 0.99, 1.0])
def test_equals_the_definition_whatever_the_blocks(monkeypatch, quantile, block):
    monkeypatch.setattr(irs_module, "_BLOCK", block)
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(4, size=300), rng.integers(7, size=300)], axis=1)
    codes = rng.normal(size=(300, 5)) + np.pad(factors, ((0, 0), (0, 3)))
    found = irs(codes, factors, diff_quantile=quantile)
    assert found == pytest.approx(by_the_definition(codes, factors, quantile), abs=1e-12)


def test_duplication_is_not_penalised():
    factors = full_grid(4, 5)
    assert irs(np.hstack([factors, factors]), factors) == pytest.approx(1.0)


def test_noise_scores_above_zero_and_more_in_small_samples():
    """The largest of many deviations grows with their number, so a group's largest is below that of all rows."""
    rng = np.random.default_rng(0)
    sizes = (10, 10, 10, 8, 4, 15)
    factors = np.stack([rng.integers(n, size=10_000) for n in sizes], axis=1)
    codes = rng.normal(size=(10_000, 10))
    assert 0.14 < irs(codes, factors) < 0.18
    assert 0.30 < irs(codes[:200], factors[:200]) < 0.40
    assert irs(codes, factors, diff_quantile=0.99) > irs(codes, factors) + 0.15


@pytest.mark.parametrize(("n_lone", "told"), [(100, True), (60, True), (40, False), (0, False)])
def test_factors_whose_values_mostly_have_one_row_are_named(n_lone, told):
    """Of 100 values some have one row and the rest two. Codes of noise: with one row each the score is exactly 1."""
    values = np.append(np.arange(n_lone), np.repeat(np.arange(n_lone, 100), 2))
    factors = np.stack([np.zeros(len(values)), np.arange(len(values)) % 3, values], axis=1).astype(int)
    result = irs_result(np.random.default_rng(0).normal(size=(len(values), 4)), factors)
    note = "most values of factor columns [2] have one row, where no code can move: any code scores high; pass more "
    assert result.details["notes"] == ([note + "samples, or n_factor_bins= to bin their values"] if told else [])
    assert (result.value == 1) == (n_lone == 100)
    assert irs_result(np.ones((len(values), 2)), factors).details["notes"] == ["all codes are constant"]


def test_constant_codes_score_zero_and_do_not_weigh():
    factors = full_grid(4, 5)
    assert irs(np.full((20, 3), 0.1, dtype=np.float32), factors) == 0.0
    result = irs_result(np.hstack([factors, np.full((20, 1), 0.1)]), factors)
    assert result.value == pytest.approx(1.0)
    assert result.details["code_weight"][2] == 0  # although 20 times 0.1, summed, is not 2


@pytest.mark.parametrize("quantile", [0.0, -0.5, 1.5, np.nan])
def test_a_quantile_outside_its_range_is_refused(quantile):
    with pytest.raises(ValueError, match=r"diff_quantile must be in \(0, 1\]"):
        irs(np.ones((4, 1)), np.array([[0], [0], [1], [1]]), diff_quantile=quantile)
