"""UDR: values by hand from similarity matrices, and the models that it must and must not trust."""

import numpy as np
import pytest
from scipy.stats import ortho_group, spearmanr

from minebench.metrics.udr import _agreement, _ranks, udr


def orthogonal(n_codes=4, n_samples=400, seed=0):
    """Codes of variance 1 that are exactly uncorrelated."""
    noise = np.random.default_rng(seed).normal(size=(n_samples, n_codes))
    basis, _ = np.linalg.qr(noise - noise.mean(axis=0))
    return basis * np.sqrt(n_samples - 1)


@pytest.mark.parametrize(
    ("similarities", "expected"),
    [
        ([[1, 0], [0, 1]], 1),
        ([[0, 0.5], [0.9, 0]], 0.7),  # one match each: r^2 / r = r
        ([[1, 1], [1, 1]], 0.5),  # two equal matches: 1 / 2
        ([[0, 0], [0, 0]], 0),
        # columns: .64 / 1, .25 / .5 -> .57; rows: .64 / .8, .25 / .7 -> (.8 + .25 / .7) / 2
        ([[0.8, 0], [0.2, 0.5]], (0.57 + (0.8 + 0.25 / 0.7) / 2) / 2),
        # a code that the other model lacks: columns 1, 1, 0; rows 1, 1
        ([[1, 0, 0], [0, 1, 0]], (2 / 3 + 1) / 2),
    ],
)
def test_agreement_by_hand(similarities, expected):
    assert _agreement(np.array(similarities, dtype=float)) == pytest.approx(expected)


def test_ranks_give_the_correlation_of_spearman():
    codes = np.round(np.random.default_rng(0).normal(size=(50, 3)) * 2)  # with ties
    codes[:, 1] += codes[:, 0]
    np.testing.assert_allclose(_ranks(codes).T @ _ranks(codes), spearmanr(codes).statistic, atol=1e-12)


def test_models_that_agree_up_to_order_sign_and_unit_score_best():
    """Spearman: 1. Lasso: weights of orthonormal inputs are shrunk by alpha, so that each match is 1 - 0.1 n/(n - 1).

    (Standardised with ddof 1, inputs have mean square (n - 1) / n, which the penalty is divided by.)
    """
    codes = orthogonal()
    models = [codes, codes[:, [2, 0, 3, 1]] * [-1, 2, 3, -4], -codes]
    # a rank correlation of codes that are uncorrelated, not independent, is small but not 0
    assert udr(models, similarity="spearman") == pytest.approx([1, 1, 1], abs=0.2)
    assert udr(models, similarity="lasso") == pytest.approx([1 - 0.1 * 400 / 399] * 3, abs=1e-5)


@pytest.mark.parametrize("similarity", ["lasso", "spearman"])
def test_a_rotated_model_is_trusted_less_than_those_that_agree(similarity):
    codes = orthogonal()
    turned = codes @ ortho_group.rvs(4, random_state=np.random.default_rng(0))
    scores = udr([codes, codes[:, ::-1], -codes, turned], similarity=similarity)
    assert scores[3] < 0.7 * scores[:3].min()


@pytest.mark.parametrize("similarity", ["lasso", "spearman"])
def test_unrelated_models_are_near_zero(similarity):
    assert udr([orthogonal(seed=seed) for seed in range(3)], similarity=similarity).max() < 0.1


def test_the_median_over_pairs_forgives_one_bad_partner():
    """Three agree and one is noise: a good model has pairs (1, 1, 0), the median is 1; noise has (0, 0, 0)."""
    codes = orthogonal(2)
    scores = udr([codes, codes, codes, orthogonal(2, seed=5)], similarity="lasso", alpha=0.01)
    assert scores[:3] == pytest.approx([0.99] * 3, abs=0.01)
    assert scores[3] < 0.2


def test_only_informative_codes_count():
    """Collapsed codes of two models share noise of variance 1e-4; a mask of one's own takes the place of variance."""
    codes = orthogonal()
    collapsed = [np.column_stack([codes[:, :2], 0.01 * orthogonal(3, seed=seed)]) for seed in (1, 2)]
    expected = 1 - 0.1 * 400 / 399
    assert udr(collapsed) == pytest.approx([expected] * 2, abs=0.01)
    every = [np.ones(5, dtype=bool)] * 2
    assert udr(collapsed, informative=every).max() < 0.6
    first = [np.arange(5) < 2] * 2
    assert udr(collapsed, informative=first) == pytest.approx(udr(collapsed))


def test_collapsed_models_score_zero():
    codes = orthogonal()
    np.testing.assert_array_equal(udr([codes, np.full((400, 3), 0.1)]), [0, 0])


def test_what_cannot_be_ranked_is_refused():
    codes = orthogonal()
    for arguments, message in (
        (([codes],), "2 models at least; got 1"),
        (([codes, codes[1:]],), r"same rows; got \[400, 399\]"),
    ):
        with pytest.raises(ValueError, match=message):
            udr(*arguments)
    with pytest.raises(ValueError, match="similarity must be 'lasso' or 'spearman'; got 'pearson'"):
        udr([codes, codes], similarity="pearson")
    with pytest.raises(ValueError, match=r"one mask per model, of shapes \[\(4,\), \(4,\)\]; got \[\(4,\), \(3,\)\]"):
        udr([codes, codes], informative=[np.ones(4), np.ones(3)])
