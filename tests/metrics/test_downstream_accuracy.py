"""Downstream accuracy: its curve by hand, the two classifiers, and its standard error."""

import numpy as np
import pytest

from minebench.metrics.downstream_accuracy import downstream_accuracy, downstream_accuracy_result

CLASSIFIERS = pytest.mark.parametrize("classifier", ["logistic_regression", "gradient_boosting"])


def grid(*sizes, repeats=1):
    return np.tile(np.indices(sizes).reshape(len(sizes), -1), repeats).T


def rng(seed=0):
    return np.random.default_rng(seed)


@CLASSIFIERS
def test_perfect_codes_are_learnt_from_enough_labels(classifier):
    factors = grid(3, 2, repeats=50)
    result = downstream_accuracy_result(factors, factors, rng=rng(), classifier=classifier)
    assert result.value == 1
    assert result.details["train_sizes"] == [10, 100, 150]  # 10,000 and 1,000 are cut to the half that is left


@CLASSIFIERS
def test_ten_labels_are_enough_for_a_code_that_is_the_factor(classifier):
    factors = grid(2, repeats=50)
    assert downstream_accuracy(factors, factors, rng=rng(), classifier=classifier, train_sizes=(10,)) == 1


def test_the_curve_runs_from_a_guess_to_the_value():
    """From one label a classifier guesses its value, which one test row in four has: 1/4, 1/4 of the last accuracy."""
    factors = grid(4, repeats=500)
    result = downstream_accuracy_result(factors, factors, rng=rng(), train_sizes=(1000, 1))
    assert result.details["train_sizes"] == [1, 1000]
    assert result.value == result.details["accuracy"][1] == 1
    assert result.details["accuracy"][0] == pytest.approx(1 / 4, abs=0.05)  # 4 standard errors of 1,000 rows
    assert result.details["sample_efficiency"] == [result.details["accuracy"][0], 1]


def test_the_efficiency_is_relative_to_the_accuracy_with_the_most_labels():
    factors = grid(4, repeats=500)
    codes = factors + rng(1).normal(size=factors.shape)
    details = downstream_accuracy_result(codes, factors, rng=rng(), train_sizes=(5, 50, 500)).details
    assert details["accuracy"][2] < 0.7
    np.testing.assert_allclose(details["sample_efficiency"], np.array(details["accuracy"]) / details["accuracy"][2])


def test_the_score_is_the_mean_over_factors():
    """Factor 0 is coded: 1. Factor 1 is not, and its four values are guessed: 1/4."""
    factors = grid(2, 4, repeats=500)
    result = downstream_accuracy_result(factors[:, :1], factors, rng=rng())
    assert result.details["factor_accuracy"] == [1, pytest.approx(1 / 4, abs=0.04)]
    assert result.value == pytest.approx(np.mean(result.details["factor_accuracy"]))


def test_boosting_learns_what_no_line_parts():
    """Whether two binary codes agree: both classifiers see each corner, a line gets three of four at best."""
    codes = grid(2, 2, repeats=100)
    factors = (codes[:, :1] == codes[:, 1:]).astype(int)
    assert downstream_accuracy(codes, factors, rng=rng()) < 0.8
    assert downstream_accuracy(codes, factors, rng=rng(), classifier="gradient_boosting") == 1


def test_the_scale_of_single_codes_does_not_matter():
    factors = grid(3, 4, repeats=30)
    codes = factors + 0.5 * rng(1).normal(size=factors.shape)
    expected = downstream_accuracy(codes, factors, rng=rng())
    assert downstream_accuracy(codes * [0.001, 1000.0], factors, rng=rng()) == pytest.approx(expected, abs=1e-9)


@CLASSIFIERS
def test_constant_codes_score_the_share_of_the_commonest_value(classifier):
    factors = np.minimum(np.arange(4000) % 5, 2)[:, None]  # 0, 1, 2, 2, 2
    codes = np.full((4000, 2), 0.1)
    score = downstream_accuracy(codes, factors, rng=rng(), classifier=classifier)
    assert score == pytest.approx(3 / 5, abs=0.04)


def test_the_standard_error_knows_that_factors_share_their_test_rows():
    """One factor: that of a share. The same factor twice tells nothing new, where independent ones gained sqrt(2)."""
    factors = grid(2, repeats=200)
    codes = factors + rng(1).normal(size=factors.shape)
    one = downstream_accuracy_result(codes, factors, rng=rng())
    two = downstream_accuracy_result(codes, np.hstack([factors, factors]), rng=rng())
    assert one.details["n_test"] == 200
    assert one.details["standard_error"] == pytest.approx(np.sqrt(one.value * (1 - one.value) / 200))
    assert two.details["standard_error"] == pytest.approx(one.details["standard_error"])


def test_no_ratio_is_printed_where_nothing_was_right():
    """Three rows of three values: the one test row has a value that no training row has."""
    result = downstream_accuracy_result(np.arange(3.0)[:, None], np.arange(3)[:, None], rng=rng())
    assert result.value == 0
    assert result.details["sample_efficiency"] is None


def test_a_fit_that_gives_up_is_noted(monkeypatch):
    monkeypatch.setattr("minebench.metrics.predictors._MAX_ITERATIONS", 1)
    factors = grid(3, 4, repeats=20)
    notes = downstream_accuracy_result(factors, factors, rng=rng()).details["notes"]
    assert notes == ["a logistic regression stopped without converging"]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="classifier must be 'logistic_regression' or 'gradient_boosting'; got 'svm'"):
        downstream_accuracy(np.eye(4), np.arange(4)[:, None], rng=rng(), classifier="svm")
    for sizes, message in (
        ((), r"one number of labels or more, such as \(100, 1_000\); got \(\)"),
        (100, "one number of labels or more, such as .*; got 100"),
        ((10, 0), "train_sizes must be at least 1; got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            downstream_accuracy(np.eye(4), np.arange(4)[:, None], rng=rng(), train_sizes=sizes)
