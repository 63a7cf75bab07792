"""Separated attribute predictability (SAP).

Kumar, Sattigeri and Balakrishnan (2018), Variational Inference of Disentangled Latent Concepts from Unlabeled
Observations, section 3, arXiv:1711.00848. For categorical factors the paper fits thresholds on one code and scores
their balanced accuracy; so do we, exactly, where others fit a linear SVM with C = 0.01 per code and factor, whose
penalty makes the score depend on the scale of the codes.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors
from minebench.metrics.result import MetricResult

VERSION: int = 1

Predictor = Literal["thresholds", "line"]


def sap(
    codes: ArrayLike, factors: ArrayLike, *, predictor: Predictor = "thresholds", n_factor_bins: int | None = None
) -> float:
    """How much better the best single code predicts a factor than the second best does.

    A prediction scores, with ``"thresholds"``, the mean over the factor's values of the share of their rows that are
    told apart: the code is cut into one interval per value (intervals may be empty), in the order of the values' mean
    ranks on it, where this balanced accuracy is largest. With ``"line"``, for factors that have an order, it scores
    R^2 of the least-squares line through the rank of the value. As in the paper, predictions are scored on the rows
    they are fitted to, and a constant code scores 0.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        predictor: ``"thresholds"`` or ``"line"``.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        The mean gap over factors, in [0, 1]; higher is better; 0 for constant codes. With thresholds a code that
        knows nothing scores 1 / n_values, so that perfect codes reach 1 - 1 / n_values. Constant factors do not count.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), there are fewer than two codes,
            or ``predictor`` is unknown.

    References:
        Kumar et al. (2018), section 3. arXiv:1711.00848.
    """
    return sap_result(codes, factors, predictor=predictor, n_factor_bins=n_factor_bins).value


def sap_result(
    codes: ArrayLike, factors: ArrayLike, *, predictor: Predictor = "thresholds", n_factor_bins: int | None = None
) -> MetricResult:
    """``sap`` with its parts; arguments and errors are those of ``sap``."""
    if predictor not in get_args(Predictor):
        raise ValueError(f"predictor must be 'thresholds' or 'line'; got {predictor!r}")
    inputs = check_codes_and_factors(codes, factors, min_codes=2, n_factor_bins=n_factor_bins)
    score = _threshold_accuracy(inputs) if predictor == "thresholds" else _squared_correlation(inputs)
    ranked = np.argsort(score, axis=0, kind="stable")
    second, best = np.take_along_axis(score, ranked[-2:], axis=0)
    details = inputs.details() | {
        "gap": (best - second).tolist(),
        "best_code": ranked[-1].tolist(),
        "best_score": best.tolist(),
    }
    return MetricResult(float(np.mean(best - second)), "up", details)


def _threshold_accuracy(inputs: CheckedInputs) -> NDArray[np.float64]:
    """Balanced accuracy of the best thresholds, (n_codes, n_factors); 0 for constant codes."""
    score = np.zeros((inputs.codes.shape[1], len(inputs.factor_sizes)))
    for d in np.flatnonzero(inputs.alive):
        order = np.argsort(inputs.codes[:, d], kind="stable")
        code = inputs.codes[order, d]
        ends = np.append(np.flatnonzero(code[1:] > code[:-1]), len(code) - 1)  # a threshold cannot part equal codes
        for k, size in enumerate(inputs.factor_sizes):
            score[d, k] = _best_thresholds(inputs.factors[order, k], size, ends)
    return score


def _best_thresholds(labels: NDArray[np.intp], size: int, ends: NDArray[np.intp]) -> float:
    """The largest mean recall of one interval per value; ``labels`` are sorted by code, cut only behind ``ends``."""
    counts = np.bincount(labels, minlength=size)
    # where a value stands on average; by ranks, so that it cannot overflow and no unit matters
    middle = np.searchsorted(ends, np.arange(len(labels)))
    place = np.bincount(labels, weights=middle, minlength=size) / counts
    best = np.zeros(len(ends) + 1)  # best[i]: recalls gathered by the intervals so far if the last ends at cut i
    for value in np.argsort(place, kind="stable"):
        below = np.append(0.0, np.cumsum(labels == value)[ends] / counts[value])  # of this value, up to each cut
        best = below + np.maximum.accumulate(best - below)
    return float(best[-1] / size)


def _squared_correlation(inputs: CheckedInputs) -> NDArray[np.float64]:
    """R^2 of the line through each factor on each code, (n_codes, n_factors); 0 for constant codes."""
    ranks = inputs.factors - inputs.factors.mean(axis=0)
    ranks /= np.sqrt((ranks**2).sum(axis=0))
    codes, _ = inputs.standardized()
    squared = (codes.T @ ranks) ** 2 / max(1, len(codes) - 1)
    return np.asarray(np.minimum(squared, 1.0))  # above 1 only by rounding
