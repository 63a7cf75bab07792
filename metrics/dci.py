"""Disentanglement, completeness and informativeness (DCI), from the importance of codes in predicting factors.

Eastwood and Williams (2018), A Framework for the Quantitative Evaluation of Disentangled Representations, section 3,
https://openreview.net/forum?id=By-7dz-AZ. Factors are classes, as in disentanglement_lib (Locatello et al. 2019,
arXiv:1811.12359), not numbers as in the paper; so informativeness is accuracy, higher better, in place of the paper's
error. Boosting costs one tree per value and round: the default is 20 rounds on 2,000 rows in place of the library's
100 on 10,000, which visit 25 times as many rows. More rounds on so few rows fit noise.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.predictors import HeldOut, fit_quietly, hold_out
from minebench.metrics.protocol import check_choice, check_counts
from minebench.metrics.result import MetricResult

VERSION: int = 1

Regressor = Literal["gradient_boosting", "random_forest"]


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    regressor: Regressor = "gradient_boosting",
    n_train: int = 2_000,
    n_test: int = 5_000,
    n_trees: int = 20,
    n_factor_bins: int | None = None,
) -> float:
    """DCI disentanglement: how far each code is important for one factor only.

    One classifier per factor gives R[d, k], the importance of code d for factor k (mean decrease in impurity, summing
    to 1 over codes). The disentanglement of a code is 1 minus the entropy of its row of R in units of log n_factors;
    the score is its mean, weighted by the codes' total importance. Completeness (the same of each column, in units of
    log n_codes, averaged over factors) and informativeness (accuracy on held-out rows) are in the details of
    ``dci_result``. A factor coded twice lowers completeness only.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``; at least two must vary.
        rng: Source of the division into training and test rows, and of the classifiers' seeds.
        regressor: ``"gradient_boosting"`` (trees of depth 3) or ``"random_forest"`` (full trees on all codes, which
            spread importance over codes of noise).
        n_train: Rows to learn from, at most those that are left.
        n_test: Rows to score, at most half of all.
        n_trees: Rounds of boosting, or trees of the forest.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        A value in [0, 1]; higher is better; 0 if all codes are constant. Constant factors do not count.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), there are fewer than two codes or
            two factors that vary, a size is below 1, or ``regressor`` is unknown.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Eastwood and Williams (2018), section 3.
    """
    return dci_result(
        codes,
        factors,
        rng=rng,
        regressor=regressor,
        n_train=n_train,
        n_test=n_test,
        n_trees=n_trees,
        n_factor_bins=n_factor_bins,
    ).value


def dci_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    regressor: Regressor = "gradient_boosting",
    n_train: int = 2_000,
    n_test: int = 5_000,
    n_trees: int = 20,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``dci`` with completeness and informativeness; arguments and errors are those of ``dci``."""
    check_choice("regressor", regressor, get_args(Regressor))
    check_counts(n_trees=n_trees)
    inputs = check_codes_and_factors(codes, factors, min_codes=2, n_factor_bins=n_factor_bins)
    inputs.need_factors(2)
    rows = hold_out(len(inputs.codes), rng, n_train=n_train, n_test=n_test)
    features = inputs.standardized()[0][:, inputs.alive]
    importance = np.zeros((inputs.codes.shape[1], len(inputs.factor_sizes)))
    accuracy = []
    for k, labels in enumerate(inputs.factors.T):
        fit = _fit(features, labels, rows, _classifier(regressor, n_trees, rng))
        importance[inputs.alive, k] = fit.importance
        accuracy.append(fit.accuracy)
    scores = scores_of_importance(importance)
    details = inputs.details() | {
        "completeness": float(scores.completeness.mean()),
        "informativeness": float(np.mean(accuracy)),
        "code_disentanglement": scores.disentanglement.tolist(),
        "code_weight": scores.weight.tolist(),
        "factor_completeness": scores.completeness.tolist(),
        "factor_accuracy": accuracy,
        "n_train": len(rows.train),
        "n_test": len(rows.test),
    }
    return MetricResult(float(scores.weight @ scores.disentanglement), "up", details)


class ImportanceScores(NamedTuple):
    """Disentanglement and weight per code, completeness per factor."""

    disentanglement: NDArray[np.float64]
    weight: NDArray[np.float64]
    completeness: NDArray[np.float64]


def scores_of_importance(importance: NDArray[np.float64]) -> ImportanceScores:
    """The paper's scores of a matrix of importances, from whichever predictor.

    Args:
        importance: R[d, k] >= 0, shape ``(n_codes, n_factors)``, both at least 2.

    Returns:
        Disentanglement of each code, its share of all importance, and completeness of each factor, all in [0, 1]. A
        code or factor without importance scores 0.
    """
    return ImportanceScores(
        disentanglement=_concentration(importance),
        weight=importance.sum(axis=1) / max(importance.sum(), np.finfo(float).tiny),
        completeness=_concentration(importance.T),
    )


def _concentration(importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - entropy of each row, made a distribution, in units of its largest possible; 0 for rows of zeros."""
    total = importance.sum(axis=1)
    share = importance / np.where(total > 0, total, 1.0)[:, None]
    concentration = 1 - entr(share).sum(axis=1) / np.log(importance.shape[1])
    return np.where(total > 0, np.clip(concentration, 0.0, 1.0), 0.0)  # beyond only by rounding


class _Fit(NamedTuple):
    importance: NDArray[np.float64]
    accuracy: float


def _classifier(
    regressor: Regressor, n_trees: int, rng: np.random.Generator
) -> GradientBoostingClassifier | RandomForestClassifier:
    seed = int(rng.integers(2**31))  # scikit-learn takes no Generator
    if regressor == "gradient_boosting":
        return GradientBoostingClassifier(n_estimators=n_trees, random_state=seed)
    return RandomForestClassifier(n_estimators=n_trees, max_features=None, random_state=seed)


def _fit(
    features: NDArray[np.float64],
    labels: NDArray[np.intp],
    rows: HeldOut,
    classifier: GradientBoostingClassifier | RandomForestClassifier,
) -> _Fit:
    train, test = labels[rows.train], labels[rows.test]
    if features.shape[1] == 0 or (train == train[0]).all():  # nothing to learn from: the commonest value is the guess
        return _Fit(np.zeros(features.shape[1]), float(np.mean(test == np.bincount(train).argmax())))
    fit_quietly(classifier, features[rows.train], train)
    return _Fit(classifier.feature_importances_, float(np.mean(classifier.predict(features[rows.test]) == test)))
