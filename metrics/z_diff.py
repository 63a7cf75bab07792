"""Z-diff, the beta-VAE score: can a linear classifier tell which factor a batch of pairs shares?

Higgins et al. (2017), beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, section 3,
https://openreview.net/forum?id=Sy2fzU9gl. Departures: codes are standardised first, because the classifier's L2
penalty would otherwise make the score depend on their scale (perfect codes times 0.01 fall to chance), and the
classifier is fitted to convergence.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from minebench.metrics.groups import ValueGroups
from minebench.metrics.inputs import CheckedInputs, check_codes_and_factors
from minebench.metrics.predictors import fit_quietly
from minebench.metrics.protocol import check_counts, check_flags, check_generator
from minebench.metrics.result import Json, MetricResult
from minebench.metrics.votes import accuracy_details, drawn_from, votable_groups

VERSION: int = 1

_MAX_ITERATIONS = 1000  # standardised codes need 10 to 50
_CHUNK = 2048  # votes whose pairs are held at once: the buffers of 128 codes stay near the cache


def z_diff(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    standardize: bool = True,
    n_factor_bins: int | None = None,
) -> float:
    """Accuracy in telling, from the mean absolute difference of pairs, which factor the pairs share.

    A vote draws a factor k and ``batch_size`` pairs of different rows that share the value of k (the value is drawn
    anew for each pair, uniformly over the values that have two rows); its features are the means of abs(z1 - z2), its
    label is k. A logistic regression (L2, C = 1) learns from ``n_train`` votes. The score saturates: it can be 1 with
    one of the factors not coded at all.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        rng: Source of the votes.
        batch_size: Pairs in a vote.
        n_train: Votes to learn from.
        n_test: Votes to score.
        standardize: Give every non-constant code unit variance first; ``False`` reproduces other implementations.
        n_factor_bins: Bins for factors with more values than this, see ``check_codes_and_factors``.

    Returns:
        The accuracy on the test votes, in [0, 1]; higher is better; chance is 1 / (number of non-constant factors).

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_codes_and_factors``), a factor has no value with two
            rows, or a size is below 1.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Higgins et al. (2017), section 3.
    """
    return z_diff_result(
        codes,
        factors,
        rng=rng,
        batch_size=batch_size,
        n_train=n_train,
        n_test=n_test,
        standardize=standardize,
        n_factor_bins=n_factor_bins,
    ).value


def z_diff_result(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    standardize: bool = True,
    n_factor_bins: int | None = None,
) -> MetricResult:
    """``z_diff`` with its parts; arguments and errors are those of ``z_diff``.

    ``details`` say what the votes were ``drawn_from``: a whole ``"grid"`` of factors, then the score is that of the
    encoder up to the number of votes; or a ``"sample"`` of rows.
    """
    check_generator(rng)
    check_counts(batch_size=batch_size, n_train=n_train, n_test=n_test)
    check_flags(standardize=standardize)
    inputs = check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    groups = votable_groups(inputs)
    chance = 1 / len(groups)
    details = inputs.details() | {"chance": chance, "drawn_from": drawn_from(inputs)}
    if not inputs.alive.any():
        return MetricResult(chance, "up", details | {"notes": ["all codes are constant: the score is chance"]})
    label = rng.integers(len(groups), size=n_train + n_test)
    features = _vote_features(_scaled(inputs, standardize), groups, label, batch_size, rng)
    predicted, fit = classify_votes(features[:n_train], label[:n_train], features[n_train:])
    correct = predicted == label[n_train:]
    details |= fit | accuracy_details(correct, label[n_train:], len(groups))
    return MetricResult(float(correct.mean()), "up", details)


def _scaled(inputs: CheckedInputs, standardize: bool) -> NDArray[np.floating]:
    if not standardize:
        return inputs.codes
    # single precision holds standardised codes to 1e-7 and halves the memory traffic of the pairs
    return inputs.standardized()[0].astype(np.float32)


def _vote_features(
    codes: NDArray[np.floating],
    groups: list[ValueGroups],
    label: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Mean absolute difference of the pairs of each vote, (n_votes, n_codes)."""
    features = np.empty((len(label), codes.shape[1]))
    for k, group in enumerate(groups):
        votes = np.flatnonzero(label == k)
        for start in range(0, len(votes), _CHUNK):
            chunk = votes[start : start + _CHUNK]
            total = np.zeros((len(chunk), codes.shape[1]), dtype=codes.dtype)
            one, other = np.empty_like(total), np.empty_like(total)
            for first, second in draw_pairs(group, len(chunk), batch_size, rng):
                # mode="clip" lets take write into the buffer without a copy; the rows are in range
                np.take(codes, first, axis=0, out=one, mode="clip")
                np.take(codes, second, axis=0, out=other, mode="clip")
                one -= other
                total += np.abs(one, out=one)
            features[chunk] = total / batch_size
    return features


def draw_pairs(
    group: ValueGroups, n_votes: int, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """One pair of different rows with a shared value for each vote, ``batch_size`` times.

    Args:
        group: Values of the fixed factor, each with two rows or more.
        n_votes: Votes that draw at once.
        batch_size: Pairs of a vote.
        rng: Source of values and rows.

    Yields:
        The first and the second row of each vote's pair, both of shape ``(n_votes,)``.
    """
    for _ in range(batch_size):
        value, one, other = rng.random((3, n_votes))
        drawn = (value * len(group.counts)).astype(np.intp)
        count, start = group.counts[drawn], group.starts[drawn]
        first = (one * count).astype(np.intp)
        second = first + 1 + (other * (count - 1)).astype(np.intp)  # a step of 1..count-1 round the circle of rows
        second -= np.where(second >= count, count, 0)
        yield group.order[start + first], group.order[start + second]


def classify_votes(
    train: NDArray[np.float64], label: NDArray[np.intp], test: NDArray[np.float64]
) -> tuple[NDArray[np.intp], dict[str, Json]]:
    """The fixed factor of each test vote, told by a logistic regression.

    Args:
        train: Features of the training votes, shape ``(n_train, n_features)``.
        label: Their factors, shape ``(n_train,)``.
        test: Features of the test votes.

    Returns:
        Predicted labels of ``test``, and how the fit went, for the details of a result.
    """
    if (label == label[0]).all():
        return np.full(len(test), label[0]), {"n_iterations": 0}
    # Centred features have the same optimum (the intercept is not penalised) and need a third of the iterations.
    centre = train.mean(axis=0)
    classifier = LogisticRegression(C=1.0, solver="lbfgs", tol=1e-5, max_iter=_MAX_ITERATIONS)
    converged = fit_quietly(classifier, train - centre, label)
    n_iterations = int(classifier.n_iter_[0])
    fit: dict[str, Json] = {"n_iterations": n_iterations}
    if not converged:
        fit["notes"] = [f"the logistic regression stopped after {n_iterations} iterations without converging"]
    return classifier.predict(test - centre), fit
