"""Unsupervised disentanglement ranking (UDR): a model is trusted if other models of its kind found the same codes.

Duan et al. (2020), Unsupervised Model Selection for Variational Disentangled Representation Learning, section 4,
arXiv:1905.12614. Two models agree if each informative code of one resembles one code of the other, and only one.
Departures: the paper calls a code informative if its mean KL divergence exceeds 0.01; where only the codes are at hand,
their variance over the rows is used, the active units of Burda et al. (2016), arXiv:1509.00519, section 5.2. A lasso
goes from one model to the other: both directions are fitted, so that a pair has one score.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.linear_model import Lasso

from minebench.metrics.inputs import CheckedInputs, check_codes
from minebench.metrics.protocol import check_choice, check_number

VERSION: int = 1

Similarity = Literal["lasso", "spearman"]


def udr(
    models: Sequence[ArrayLike],
    *,
    similarity: Similarity = "lasso",
    informative: Sequence[ArrayLike] | None = None,
    min_variance: float = 0.01,
    alpha: float = 0.1,
) -> NDArray[np.float64]:
    """How well each model's codes are found again by the others.

    With R(a, b) the similarity of code a of one model and code b of another, both informative, a pair of models scores
    the mean of r^2 / sum R over the columns of R (r the column's largest entry), and the same over its rows, averaged.
    A model's score is the median over its pairs.

    Args:
        models: Codes of two models or more on the same rows, each of shape ``(n_samples, n_codes)``; the numbers of
            codes may differ.
        similarity: ``"lasso"``: the sizes of the weights of a lasso regression of each standardised code on all
            standardised codes of the other model; the fit goes both ways and the two scores are averaged.
            ``"spearman"``: the size of the rank correlation.
        informative: For each model a mask of shape ``(n_codes,)``, such as KL > 0.01; by variance if left out.
        min_variance: Variance of a code above which it is informative. Constant codes never are.
        alpha: Weight of the lasso's penalty; with it equal codes have similarity 1 - alpha.

    Returns:
        One score per model, in [0, 1] for ``"spearman"``; higher is better. A pair one of whose models has no
        informative code scores 0. It says nothing of factors that no model found.

    Raises:
        ValueError: If there are fewer than two models, their rows or masks do not fit, codes cannot be scored (see
            ``check_codes``), ``similarity`` is unknown, ``min_variance`` is below 0, or ``alpha`` is not above
            0.
        TypeError: If a constant of the protocol has the wrong type.

    References:
        Duan et al. (2020), section 4. arXiv:1905.12614.
    """
    check_choice("similarity", similarity, get_args(Similarity))
    check_number("min_variance", min_variance)
    check_number("alpha", alpha, with_low=False)
    checked = [check_codes(codes) for codes in models]
    _check_models(checked)
    masks = _masks(checked, informative, min_variance)
    prepared = [_ranks(model.codes) if similarity == "spearman" else model.standardized()[0] for model in checked]
    scores = np.zeros((len(models), len(models)))
    for one, other in combinations(range(len(models)), 2):
        score = _pair_score(prepared[one], prepared[other], masks[one], masks[other], similarity, alpha)
        scores[one, other] = scores[other, one] = score
    return np.array([np.median(np.delete(row, model)) for model, row in enumerate(scores)])


def _check_models(models: list[CheckedInputs]) -> None:
    if len(models) < 2:
        raise ValueError(f"a model is ranked by its likeness to others: 2 models at least; got {len(models)}")
    lengths = [len(model.codes) for model in models]
    if len(set(lengths)) > 1:
        raise ValueError(f"all models must be encoded on the same rows; got {lengths} of them")


def _masks(
    models: list[CheckedInputs], informative: Sequence[ArrayLike] | None, min_variance: float
) -> list[NDArray[np.bool_]]:
    if informative is None:
        return [model.alive & (model.standardized()[1] ** 2 > min_variance) for model in models]
    masks = [np.asarray(mask, dtype=bool) for mask in informative]
    expected, got = [model.alive.shape for model in models], [mask.shape for mask in masks]
    if expected != got:
        raise ValueError(f"informative must be one mask per model, of shapes {expected}; got {got}")
    return [model.alive & mask for model, mask in zip(models, masks, strict=True)]


def _pair_score(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    one_mask: NDArray[np.bool_],
    other_mask: NDArray[np.bool_],
    similarity: Similarity,
    alpha: float,
) -> float:
    if not (one_mask.any() and other_mask.any()):
        return 0.0
    if similarity == "spearman":
        return _agreement(np.abs(one.T @ other)[np.ix_(one_mask, other_mask)])
    forth = _lasso(one, other, alpha)[np.ix_(one_mask, other_mask)]
    back = _lasso(other, one, alpha)[np.ix_(other_mask, one_mask)]
    return (_agreement(forth) + _agreement(back)) / 2


def _agreement(similarities: NDArray[np.float64]) -> float:
    """The relative strength of the best match, over columns and over rows; a code like no other counts 0."""
    means = []
    for axis in (0, 1):
        total = similarities.sum(axis=axis)
        means.append(np.mean(similarities.max(axis=axis) ** 2 / np.where(total > 0, total, 1.0)))
    return float(np.mean(means))


def _lasso(inputs: NDArray[np.float64], targets: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Sizes of the weights, (n_inputs, n_targets)."""
    weights = Lasso(alpha=alpha, max_iter=10_000).fit(inputs, targets).coef_
    return np.abs(np.reshape(weights, (targets.shape[1], inputs.shape[1]))).T


def _ranks(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks per code, centred and of length 1, so that a product of two is Spearman's correlation; 0 where constant."""
    ranks = rankdata(codes, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt(np.einsum("nd,nd->d", ranks, ranks))
    return np.asarray(ranks / np.where(length > 0, length, 1.0))
