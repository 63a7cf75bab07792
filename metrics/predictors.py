"""What metrics that predict factors from codes share: rows held out for the test, and a quiet logistic regression."""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from minebench.metrics.protocol import check_counts, check_generator

_MAX_ITERATIONS = 1000  # standardised codes need 10 to 100


class HeldOut(NamedTuple):
    """Rows to learn from, in random order, and rows to score; no row is in both."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def hold_out(n_samples: int, rng: np.random.Generator, *, n_train: int, n_test: int) -> HeldOut:
    """Divide the rows at random.

    Args:
        n_samples: Rows there are, at least 2.
        rng: Source of the division.
        n_train: Rows to learn from; fewer if fewer are left.
        n_test: Rows to score; at most half of all.

    Returns:
        Row numbers.

    Raises:
        TypeError: If ``rng`` is no generator or a size no whole number.
        ValueError: If a size is below 1.
    """
    check_generator(rng)
    check_counts(n_train=n_train, n_test=n_test)
    order = rng.permutation(n_samples)
    n_scored = min(n_test, n_samples // 2)
    return HeldOut(order[n_scored : n_scored + n_train], order[:n_scored])


def fit_quietly(classifier: ClassifierMixin, features: NDArray[np.float64], labels: NDArray[np.intp]) -> bool:
    """Fit a classifier, and tell whether it converged instead of warning.

    Args:
        classifier: Any of scikit-learn's; it is fitted in place.
        features: Shape ``(n_rows, n_features)``.
        labels: At least two values, shape ``(n_rows,)``. That most of them are rare is no reason to warn.

    Returns:
        Whether no ``ConvergenceWarning`` was given. Other warnings are passed on.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
        classifier.fit(features, labels)
    others = [warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)]
    for warning in others:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return len(others) == len(caught)


def fit_logistic_regression(
    features: NDArray[np.float64], labels: NDArray[np.intp], *, solver: str = "lbfgs"
) -> tuple[LogisticRegression, bool]:
    """A logistic regression (L2, C = 1), fitted as ``fit_quietly`` does.

    Args:
        features: Centred and of unit variance, so that the penalty does not depend on their scale, shape
            ``(n_rows, n_features)``.
        labels: At least two values, shape ``(n_rows,)``.
        solver: One of scikit-learn's; ``"newton-cholesky"`` is several times faster for two values.

    Returns:
        The fitted classifier and whether it converged.
    """
    classifier = LogisticRegression(C=1.0, solver=solver, max_iter=_MAX_ITERATIONS)
    return classifier, fit_quietly(classifier, features, labels)
