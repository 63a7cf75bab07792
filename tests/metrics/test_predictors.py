"""Held-out rows, and the logistic regression that reports instead of warning."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from minebench.metrics.predictors import fit_logistic_regression, fit_quietly, hold_out


@pytest.mark.parametrize(
    ("n_samples", "n_train", "n_test", "sizes"),
    [(100, 30, 20, (30, 20)), (100, 95, 20, (80, 20)), (100, 10_000, 5_000, (50, 50)), (2, 5, 5, (1, 1))],
)
def test_no_row_is_in_both_parts_and_the_test_takes_half_at_most(n_samples, n_train, n_test, sizes):
    rows = hold_out(n_samples, np.random.default_rng(0), n_train=n_train, n_test=n_test)
    assert (len(rows.train), len(rows.test)) == sizes
    both = np.concatenate(rows)
    assert len(set(both.tolist())) == len(both)
    assert set(both.tolist()) <= set(range(n_samples))


def test_the_division_is_random():
    first = hold_out(100, np.random.default_rng(0), n_train=50, n_test=50)
    again = hold_out(100, np.random.default_rng(0), n_train=50, n_test=50)
    other = hold_out(100, np.random.default_rng(1), n_train=50, n_test=50)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first.test, other.test)
    assert not np.array_equal(first.train, np.sort(first.train))


def test_bad_sizes_and_generators_are_refused():
    with pytest.raises(ValueError, match="n_train must be at least 1; got 0"):
        hold_out(10, np.random.default_rng(0), n_train=0, n_test=5)
    with pytest.raises(ValueError, match="n_test must be at least 1; got -3"):
        hold_out(10, np.random.default_rng(0), n_train=5, n_test=-3)
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator; got 0"):
        hold_out(10, 0, n_train=5, n_test=5)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cholesky"])
def test_the_fit_is_where_the_gradient_of_the_penalised_likelihood_vanishes(solver):
    """One feature, labels y: sum (sigmoid(w x + b) - y) x + w = 0 at C = 1, and sum (sigmoid - y) = 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = (x + rng.normal(size=200) > 0).astype(int)
    classifier, converged = fit_logistic_regression(x[:, None], y, solver=solver)
    residual = 1 / (1 + np.exp(-(classifier.coef_[0, 0] * x + classifier.intercept_[0]))) - y
    assert converged
    assert residual @ x + classifier.coef_[0, 0] == pytest.approx(0, abs=0.02)
    assert residual.sum() == pytest.approx(0, abs=0.02)


def test_a_fit_that_gives_up_says_so(monkeypatch):
    """Warnings are errors in this suite: none escapes."""
    monkeypatch.setattr("minebench.metrics.predictors._MAX_ITERATIONS", 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    assert not fit_logistic_regression(x, (x.sum(axis=1) > 0).astype(int))[1]


class Grumbler:
    """A classifier that warns of whatever it is told to."""

    def __init__(self, *messages):
        self.messages = messages

    def fit(self, features, labels):
        for message in self.messages:
            warnings.warn(message, stacklevel=1)


def test_many_classes_are_no_reason_to_warn_and_anything_else_is_passed_on():
    assert fit_quietly(Grumbler(), np.eye(2), np.arange(2))
    assert fit_quietly(Grumbler(UserWarning("The number of unique classes is greater than 50% of ...")), *[None] * 2)
    assert not fit_quietly(Grumbler(ConvergenceWarning("gave up")), *[None] * 2)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert not fit_quietly(Grumbler(RuntimeWarning("overflow"), ConvergenceWarning("gave up")), *[None] * 2)
