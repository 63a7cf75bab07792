"""Separated attribute predictability (SAP).

Kumar, Sattigeri and Balakrishnan (2018), Variational Inference of Disentangled Latent Concepts from Unlabeled
Observations, section 3, arXiv:1711.00848. For categorical factors the paper fits thresholds on one code and scores
their balanced accuracy; so do we, exactly, where others fit a linear SVM with C = 0.01 per code and factor, whose
penalty makes the score depend on the scale of the codes.
"""

from collections import Counter
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors
from minebench.metrics.protocol import check_choice
from minebench.metrics.result import MetricResult

VERSION: int = 2  # 2: the order of values of one mean rank depends on no names

Predictor = Literal["thresholds", "line"]


def sap(
    codes: ArrayLike, factors: ArrayLike, *, predictor: Predictor = "thresholds", n_factor_bins: int | None = None
) -> float:
    """How much better the best single code predicts a factor than the second best does.

    A prediction scores, with ``"thresholds"``, the mean over the factor's values of the share of their rows that are
    told apart: the code is cut into one interval per value (intervals may be empty), in the order of the values' mean
    ranks on it, where this balanced accuracy is largest. Values of one mean rank stand in the best of four orders,
    which depend neither on their names nor on the sign of the code. With ``"line"``, for factors that have an order, it
    scores R^2 of the least-squares line through the rank of the value. As in the paper, predictions are scored on the
    rows they are fitted to, and a constant code scores 0.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)`` with ``n_codes >= 2``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        predictor: ``"thresholds"`` or ``"line"``.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        The mean gap over factors, in [0, 1]; higher is better; 0 for constant codes. With thresholds a code that
        varies scores 1 / n_values or more of any factor, more on few rows: beside another one a perfect code has a gap
        of 1 - 1 / n_values at most, beside constant codes alone it has 1. Constant factors do not count.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), there are fewer than two codes,
            or ``predictor`` is unknown.
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Kumar et al. (2018), section 3. arXiv:1711.00848.
    """
    return sap_result(codes, factors, predictor=predictor, n_factor_bins=n_factor_bins).value


def sap_result(
    codes: ArrayLike, factors: ArrayLike, *, predictor: Predictor = "thresholds", n_factor_bins: int | None = None
) -> MetricResult:
    """``sap`` with its parts; arguments and errors are those of ``sap``."""
    check_choice("predictor", predictor, get_args(Predictor))
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
    rank = 1 + np.searchsorted(ends, np.arange(len(labels)))  # of each row's code among those there are
    counts = np.bincount(labels, minlength=size)
    # where a value stands on average; by ranks, so that it cannot overflow and no unit matters
    place = np.bincount(labels, weights=rank, minlength=size) / counts
    ranks = np.split(rank[np.argsort(labels, kind="stable")], np.cumsum(counts)[:-1])  # of each value's rows, ascending
    order = np.argsort(place, kind="stable")
    best = np.zeros(len(ends) + 1)  # best[i]: recalls gathered by the intervals so far if the last ends at cut i
    for tied in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        ways = _tied_orders({value: ranks[value] for value in tied.tolist()})
        best = np.max([_append_intervals(best, [ranks[value] for value in way]) for way in ways], axis=0)
    return float(best[-1] / size)


def _append_intervals(best: NDArray[np.float64], ranks: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """``best`` once each of these values, in turn, has its interval."""
    for of_value in ranks:
        below = np.bincount(of_value, minlength=len(best)).cumsum() / len(of_value)  # of this value, up to each cut
        best = below + np.maximum.accumulate(best - below)
    return best


def _tied_orders(ranks: dict[int, NDArray[np.intp]]) -> list[list[int]]:
    """Orders for values of one mean rank that depend neither on their names nor on the sign of the code.

    By where their rows begin, by where they end, and both backwards: for two values, all the orders there are.
    """
    if len(ranks) == 1:
        return [list(ranks)]
    # at each rank minus the share of the value's rows: more of them is earlier
    shares = {
        value: [(rank, -n / len(of_value)) for rank, n in Counter(of_value.tolist()).items()]
        for value, of_value in ranks.items()
    }
    begin = sorted(shares, key=shares.__getitem__)
    if shares[begin[0]] == shares[begin[-1]]:  # interchangeable
        return [begin]
    end = sorted(shares, key=lambda value: [(-rank, share) for rank, share in reversed(shares[value])])
    return [begin, begin[::-1], end, end[::-1]]


def _squared_correlation(inputs: CheckedInputs) -> NDArray[np.float64]:
    """R^2 of the line through each factor on each code, (n_codes, n_factors); 0 for constant codes."""
    ranks = inputs.factors - inputs.factors.mean(axis=0)
    ranks /= np.sqrt((ranks**2).sum(axis=0))
    codes, _ = inputs.standardized()
    squared = (codes.T @ ranks) ** 2 / max(1, len(codes) - 1)
    return np.asarray(np.minimum(squared, 1.0))  # above 1 only by rounding
