"""Explicitness: can each value of each factor be read off the codes by a linear classifier?

Ridgeway and Mozer (2018), Learning Deep Disentangled Embeddings with the F-Statistic Loss, section 3, arXiv:1802.05312.
Departures: codes are standardised first, because the classifier's L2 penalty would otherwise make the score depend on
their scale, and the area is measured on rows that the classifier did not see. It is not rescaled from [0.5, 1].
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.predictors import fit_logistic_regression, hold_out
from minebench.metrics.result import MetricResult

VERSION: int = 1

_CHANCE = 0.5


def explicitness(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    n_train: int = 10_000,
    n_test: int = 5_000,
    n_factor_bins: int | None = None,
) -> float:
    """Mean area under the ROC curve of one logistic regression per value of a factor.

    Each value is told from all others of its factor by all codes (L2, C = 1). The areas are averaged over the values
    of a factor, then over factors. Values that are not in both halves of the rows are left out. How the codes share
    the information is not seen: any rotation of perfect codes scores the same.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        rng: Source of the division into training and test rows.
        n_train: Rows to learn from, at most those that are left.
        n_test: Rows to score, at most half of all.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        A value in [0, 1]; higher is better; chance, and the score of constant codes, is 0.5. A value between the ends
        of a code is not told by a linear classifier, so one perfect code per factor does not reach 1.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), a size is below 1, or a factor
            has no value in both training and test rows.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Ridgeway and Mozer (2018), section 3. arXiv:1802.05312.
    """
    return explicitness_result(
        codes, factors, rng=rng, n_train=n_train, n_test=n_test, n_factor_bins=n_factor_bins
    ).value


def explicitness_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    n_train: int = 10_000,
    n_test: int = 5_000,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``explicitness`` with its parts; arguments and errors are those of ``explicitness``."""
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    rows = hold_out(len(inputs.codes), rng, n_train=n_train, n_test=n_test)
    features = inputs.standardized()[0][:, inputs.alive]
    train, test = features[rows.train], features[rows.test]
    means, n_values, converged = [], [], True
    for column, labels in zip(inputs.kept_factors, inputs.factors.T, strict=True):
        areas, ended = _areas(train, labels[rows.train], test, labels[rows.test])
        if not areas:
            raise ValueError(
                f"factor column {column} has no value in both the {len(train)} training and the {len(test)} test rows; "
                "pass more samples, or n_factor_bins= to bin its values"
            )
        means.append(float(np.mean(areas)))
        n_values.append(len(areas))
        converged &= ended
    details = inputs.details()
    if not converged:
        details["notes"] = ["a logistic regression stopped without converging"]
    details |= {"factor_area": means, "scored_values": n_values, "n_train": len(train), "n_test": len(test)}
    return MetricResult(float(np.mean(means)), "up", details)


def _areas(
    train: NDArray[np.float64], train_labels: NDArray[np.intp], test: NDArray[np.float64], test_labels: NDArray[np.intp]
) -> tuple[list[float], bool]:
    """The area of each value that is in both halves and is not all of one, and whether every fit converged."""
    areas, converged = [], True
    for value in np.intersect1d(train_labels, test_labels):
        is_value, expected = train_labels == value, test_labels == value
        if is_value.all() or expected.all():
            continue
        if train.shape[1] == 0:  # all codes are constant
            areas.append(_CHANCE)
            continue
        classifier, ended = fit_logistic_regression(train, is_value.astype(np.intp), solver="newton-cholesky")
        areas.append(float(roc_auc_score(expected, classifier.decision_function(test))))
        converged &= ended
    return areas, converged
