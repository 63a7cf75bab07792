"""DCI: the scores of an importance matrix by hand, and the predictors that fill it."""

import numpy as np
import pytest

from minebench.metrics.dci import dci, dci_result, scores_of_importance

REGRESSORS = pytest.mark.parametrize("regressor", ["gradient_boosting", "random_forest"])


def grid(*sizes, repeats=1):
    return np.tile(np.indices(sizes).reshape(len(sizes), -1), repeats).T


def rng(seed=0):
    return np.random.default_rng(seed)


def test_scores_of_an_importance_matrix_by_hand():
    """Code 0 serves factor 0 only (1), code 1 both alike (0), code 2 none (0). Of 5 parts code 0 has 3, code 1 has 2.

    Factor 0 has shares 3/4 and 1/4 of three codes: 1 - (1/4 ln 4 + 3/4 ln 4/3) / ln 3. Factor 1 has one code: 1.
    """
    scores = scores_of_importance(np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(scores.disentanglement, [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(scores.weight, [3 / 5, 2 / 5, 0])
    entropy = np.log(4) / 4 + 3 / 4 * np.log(4 / 3)
    np.testing.assert_allclose(scores.completeness, [1 - entropy / np.log(3), 1])


def test_no_importance_at_all_scores_zero():
    scores = scores_of_importance(np.zeros((3, 2)))
    assert scores.disentanglement.tolist() == scores.weight.tolist() == [0, 0, 0]
    assert scores.completeness.tolist() == [0, 0]


@REGRESSORS
def test_the_identity_scores_one_in_all_three(regressor):
    factors = grid(4, 3, 2, repeats=10)
    result = dci_result(factors, factors, rng=rng(), regressor=regressor)
    for score in (result.value, result.details["completeness"], result.details["informativeness"]):
        assert score == pytest.approx(1.0, abs=0.01)


@REGRESSORS
def test_a_factor_coded_twice_lowers_completeness_only(regressor):
    """The trees split by either copy with the same chance: 1 - ln 2 / ln 4."""
    factors = grid(4, 3, repeats=20)
    result = dci_result(np.hstack([factors, factors]), factors, rng=rng(), regressor=regressor, n_trees=100)
    assert result.value == pytest.approx(1.0, abs=0.02)
    assert result.details["completeness"] == pytest.approx(0.5, abs=0.05)
    assert result.details["informativeness"] == 1


@REGRESSORS
def test_codes_that_mix_two_factors_lower_disentanglement(regressor):
    """Sum and difference serve both factors alike; together they tell them."""
    factors = grid(4, 4, repeats=20)
    codes = np.stack([factors.sum(axis=1), factors[:, 0] - factors[:, 1]], axis=1)
    result = dci_result(codes, factors, rng=rng(), regressor=regressor)
    assert result.value < 0.1
    assert result.details["informativeness"] > 0.95


def test_importance_stands_with_its_code_and_dead_codes_have_none():
    factors = grid(4, 3, repeats=20)
    dead = np.full((len(factors), 1), 0.1)
    result = dci_result(np.hstack([dead, factors[:, :1], dead, factors[:, 1:]]), factors, rng=rng())
    np.testing.assert_allclose(result.details["code_weight"], [0, 0.5, 0, 0.5], atol=0.01)
    np.testing.assert_allclose(result.details["code_disentanglement"], [0, 1, 0, 1], atol=0.05)


def test_informativeness_is_the_accuracy_on_rows_that_were_not_fitted():
    """A forest of full trees knows every row of noise that it has seen; the others it guesses."""
    factors = np.stack([np.arange(400) % 2, np.arange(400) // 2 % 2], axis=1)
    result = dci_result(rng(1).normal(size=(400, 5)), factors, rng=rng(), regressor="random_forest")
    assert result.details["informativeness"] == pytest.approx(0.5, abs=0.1)  # 400 guesses: 4 standard errors
    assert result.details["informativeness"] == np.mean(result.details["factor_accuracy"])
    assert (result.details["n_train"], result.details["n_test"]) == (200, 200)


def test_constant_codes_are_of_no_importance_and_the_commonest_value_is_guessed():
    factors = np.stack([np.arange(400) % 4 == 0, np.arange(400) // 4 % 4 == 0], axis=1).astype(int)
    result = dci_result(np.full((400, 3), 0.1), factors, rng=rng())
    assert result.value == result.details["completeness"] == 0
    assert result.details["informativeness"] == pytest.approx(3 / 4, abs=0.1)


def test_a_factor_with_one_value_among_the_training_rows_is_guessed():
    result = dci_result(rng().normal(size=(40, 3)), grid(2, 2, repeats=10), rng=rng(), n_train=1, n_test=20)
    assert result.value == 0
    assert 0 < result.details["informativeness"] < 1


def test_more_trees_change_the_fit():
    codes = rng(1).normal(size=(300, 4))
    factors = np.stack([codes[:, 0] + codes[:, 1] > 0, codes[:, 1] > 0], axis=1).astype(int)
    assert dci(codes, factors, rng=rng(), n_trees=2) != dci(codes, factors, rng=rng(), n_trees=20)


def test_bad_input_is_refused():
    factors = grid(2, 2)
    with pytest.raises(ValueError, match="regressor must be 'gradient_boosting' or 'random_forest'; got 'lasso'"):
        dci(np.eye(4), factors, rng=rng(), regressor="lasso")
    with pytest.raises(ValueError, match="n_trees must be at least 1; got 0"):
        dci(np.eye(4), factors, rng=rng(), n_trees=0)
    with pytest.raises(ValueError, match="at least 2 that vary; got 1"):
        dci(np.eye(4), factors[:, :1], rng=rng())
    with pytest.raises(ValueError, match="at least 2 of them"):
        dci(np.eye(4)[:, :1], factors, rng=rng())
