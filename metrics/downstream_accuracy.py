"""Downstream accuracy: how well, and from how few labels, a classifier learns the factors from the codes.

Locatello et al. (2019), Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations,
section 5.5, arXiv:1811.12359. Departures: codes are standardised and C = 1 is fixed, where the study chose C by
cross-validation; boosting is scikit-learn's histogram version, 100 rounds of trees of depth 3 as in the study.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.predictors import fit_logistic_regression, fit_quietly, hold_out
from minebench.metrics.protocol import check_choice, check_counts
from minebench.metrics.result import MetricResult

VERSION: int = 1

Classifier = Literal["logistic_regression", "gradient_boosting"]


def downstream_accuracy(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    classifier: Classifier = "logistic_regression",
    train_sizes: Sequence[int] = (10, 100, 1_000, 10_000),
    n_test: int = 5_000,
    n_factor_bins: int | None = None,
) -> float:
    """Accuracy in predicting a factor from all codes, with the largest number of labels, averaged over factors.

    One classifier per factor and size; each training set contains the smaller ones. ``downstream_accuracy_result``
    has the whole curve and the sample efficiency, the accuracy with fewer labels over that with the most (the study
    prints the ratio of 100 to 10,000). Disentanglement is not needed for a high accuracy.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        rng: Source of the division into training and test rows.
        classifier: ``"logistic_regression"`` (L2, C = 1) or ``"gradient_boosting"``, slow on factors of many values.
        train_sizes: Numbers of labels; those beyond the rows that the test leaves are cut to them.
        n_test: Rows to score, at most half of all.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        A value in [0, 1]; higher is better; constant codes score the share of the commonest value.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), a size is below 1, or
            ``classifier`` is unknown.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Locatello et al. (2019), section 5.5. arXiv:1811.12359.
    """
    return downstream_accuracy_result(
        codes,
        factors,
        rng=rng,
        classifier=classifier,
        train_sizes=train_sizes,
        n_test=n_test,
        n_factor_bins=n_factor_bins,
    ).value


def downstream_accuracy_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    classifier: Classifier = "logistic_regression",
    train_sizes: Sequence[int] = (10, 100, 1_000, 10_000),
    n_test: int = 5_000,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``downstream_accuracy`` with its curve; arguments and errors are those of ``downstream_accuracy``."""
    check_choice("classifier", classifier, get_args(Classifier))
    if isinstance(train_sizes, np.ndarray):
        train_sizes = train_sizes.ravel().tolist()
    if not isinstance(train_sizes, Sequence) or len(train_sizes) == 0:
        raise ValueError(f"train_sizes must be one number of labels or more, such as (100, 1_000); got {train_sizes!r}")
    for size in train_sizes:
        check_counts(train_sizes=size)
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    rows = hold_out(len(inputs.codes), rng, n_train=max(train_sizes), n_test=n_test)
    sizes = sorted({min(size, len(rows.train)) for size in train_sizes})
    features = inputs.standardized()[0][:, inputs.alive]
    train, test = features[rows.train], features[rows.test]
    correct = np.empty((len(sizes), len(inputs.factor_sizes), len(test)), dtype=bool)
    converged = True
    for k, labels in enumerate(inputs.factors.T):
        for s, size in enumerate(sizes):
            predicted, ended = _predict(classifier, train[:size], labels[rows.train[:size]], test)
            correct[s, k] = predicted == labels[rows.test]
            converged &= ended
    curve = correct.mean(axis=(1, 2))
    details = inputs.details()
    if not converged:
        details["notes"] = ["a logistic regression stopped without converging"]
    details |= {
        "train_sizes": sizes,
        "accuracy": curve.tolist(),
        # nothing right with the most labels: no ratio
        "sample_efficiency": (curve / curve[-1]).tolist() if curve[-1] > 0 else None,
        "factor_accuracy": correct[-1].mean(axis=1).tolist(),
        # factors are tested on the same rows: what scatters is a row's mean over factors
        "standard_error": float(correct[-1].mean(axis=0).std() / np.sqrt(len(test))),
        "n_test": len(test),
    }
    return MetricResult(float(curve[-1]), "up", details)


def _predict(
    name: Classifier, train: NDArray[np.float64], labels: NDArray[np.intp], test: NDArray[np.float64]
) -> tuple[NDArray[np.intp], bool]:
    """Predicted labels of ``test``, and whether the fit converged."""
    if train.shape[1] == 0 or (labels == labels[0]).all():  # nothing to learn from: the commonest value is the guess
        return np.full(len(test), np.bincount(labels).argmax()), True
    if name == "logistic_regression":
        fitted, converged = fit_logistic_regression(train, labels)
        return fitted.predict(test), converged
    # leaves of one row, as in the plain version, so that ten labels can be learnt from
    boosted = HistGradientBoostingClassifier(max_iter=100, max_depth=3, min_samples_leaf=1, early_stopping=False)
    converged = fit_quietly(boosted, train, labels)
    return boosted.predict(test), converged
