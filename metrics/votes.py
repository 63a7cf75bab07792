"""What the scores by votes share: the rows they may draw, how these are dealt, the report of accuracy."""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from minebench.metrics.groups import ValueGroups, group_rows
from minebench.metrics.inputs import CheckedInputs
from minebench.metrics.result import Json

_SHARE = 4  # entries of the codes for each row dealt at once: what a row takes in all is about as much memory
_FEWEST_ROWS = 2**14  # dealt at once, however few the codes


def votable_groups(inputs: CheckedInputs) -> list[ValueGroups]:
    """Per factor, the values with two rows or more: a vote fixes a value and compares rows.

    Args:
        inputs: Checked codes and factors.

    Returns:
        One ``ValueGroups`` per kept factor.

    Raises:
        ValueError: If a factor has no value with two rows.
    """
    groups = [group_rows(inputs.factors[:, k], size).of_at_least(2) for k, size in enumerate(inputs.factor_sizes)]
    empty = [column for column, group in zip(inputs.kept_factors, groups, strict=True) if len(group.counts) == 0]
    if empty:
        raise ValueError(
            f"factor columns {empty} have no value with two rows, so no vote can fix one; "
            "pass more samples, or n_factor_bins= to bin their values"
        )
    return groups


def drawn_from(inputs: CheckedInputs) -> Literal["grid", "sample"]:
    """Whether the rows are all there is to draw from, so that votes are drawn from the true distribution.

    Args:
        inputs: Checked codes and factors.

    Returns:
        ``"grid"`` if every combination of the values present occurs exactly once (constant factors aside), else
        ``"sample"``.
    """
    if math.prod(inputs.factor_sizes) != len(inputs.factors):
        return "sample"
    combination = np.ravel_multi_index(tuple(inputs.factors.T), inputs.factor_sizes)
    seen = np.zeros(len(combination), dtype=bool)
    seen[combination] = True  # as many rows as combinations: none is missing if none occurs twice
    return "grid" if seen.all() else "sample"


def majority_vote(
    winner: NDArray[np.intp], factor: NDArray[np.intp], n_train: int, *, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Name each code after a factor by the training votes, and score the names on the others.

    Args:
        winner: The code, or block of codes, that each vote names, shape ``(n_votes,)``.
        factor: The factor that each vote fixes, shape ``(n_votes,)``.
        n_train: Votes that name the codes: the first.
        shape: Numbers of codes and of factors.

    Returns:
        The factor for which each code won most votes, the first one if there is a tie, and for each of the other votes
        whether its winner has the name of its factor.
    """
    n_codes, n_factors = shape
    won = np.bincount(winner[:n_train] * n_factors + factor[:n_train], minlength=n_codes * n_factors)
    named = won.reshape(shape).argmax(axis=1)
    return named, named[winner[n_train:]] == factor[n_train:]


def accuracy_details(correct: NDArray[np.bool_], factor: NDArray[np.intp], n_factors: int) -> dict[str, Json]:
    """How sure an accuracy is and what it is made of.

    Args:
        correct: Whether each test vote was right, shape ``(n_test,)``.
        factor: The factor of each test vote, 0..n_factors-1, shape ``(n_test,)``.
        n_factors: Number of factors.

    Returns:
        ``standard_error``, the binomial one of the test votes; ``factor_accuracy``, one per factor, ``None`` where no
        vote was drawn.
    """
    accuracy = correct.mean()
    tested = np.bincount(factor, minlength=n_factors)
    right = np.bincount(factor[correct], minlength=n_factors)
    return {
        "standard_error": float(np.sqrt(accuracy * (1 - accuracy) / len(correct))),
        "factor_accuracy": [float(r / n) if n else None for r, n in zip(right, tested, strict=True)],
    }


def deal_votes(
    groups: list[ValueGroups],
    factor: NDArray[np.intp],
    batch_size: int,
    rng: np.random.Generator,
    n_codes: int,
) -> Iterator[tuple[NDArray[np.intp], csr_array]]:
    """Deal every vote its rows, a part of the votes at a time.

    Args:
        groups: Values with two rows or more, one ``ValueGroups`` per factor.
        factor: The fixed factor of each vote, shape ``(n_votes,)``.
        batch_size: Rows of a vote.
        rng: Source of the fixed values and of the shuffling.
        n_codes: Codes that the votes compare. The rows dealt at a time take about as much memory as they do; how many
            these are changes no draw.

    Yields:
        Some of the votes, those with the same fixed value together, and their rows as a matrix of ones, a row per vote
        and a column per sample: its product with codes sums the codes of each vote.
    """
    n_samples = len(groups[0].order)
    at_once = max(batch_size, _FEWEST_ROWS, n_samples * n_codes // _SHARE)
    for k, group in enumerate(groups):
        votes = np.flatnonzero(factor == k)
        value = rng.integers(len(group.counts), size=len(votes))
        votes = votes[np.argsort(value, kind="stable")]
        n_rows = np.bincount(value, minlength=len(group.counts)) * batch_size
        first = 0
        for rows in _whole_votes(_deal(group, n_rows, rng, at_once), batch_size, at_once):
            ends = np.arange(0, len(rows) + 1, batch_size, dtype=np.int32)
            part = votes[first : first + len(ends) - 1]
            first += len(part)
            yield part, csr_array((np.ones(len(rows)), rows, ends), shape=(len(part), n_samples))


def _deal(
    group: ValueGroups, n_rows: NDArray[np.intp], rng: np.random.Generator, at_once: int
) -> Iterator[NDArray[np.intp]]:
    """``n_rows[v]`` rows of each value v in turn, from a deck that is reshuffled when it is exhausted."""
    for start, count, n in zip(group.starts.tolist(), group.counts.tolist(), n_rows.tolist(), strict=True):
        deck = group.order[start : start + count]
        size = max(1, at_once // count) * count  # of some whole decks
        for dealt in range(0, n, size):
            left = min(size, n - dealt)
            yield rng.permuted(np.broadcast_to(deck, (-(-left // count), count)), axis=1).ravel()[:left]


def _whole_votes(dealt: Iterator[NDArray[np.intp]], batch_size: int, at_once: int) -> Iterator[NDArray[np.int32]]:
    """The same rows in parts of ``at_once`` or a little more, each a multiple of ``batch_size``."""
    held: list[NDArray[np.integer]] = []
    n_held = 0
    for rows in dealt:
        held.append(rows)
        n_held += len(rows)
        if n_held >= at_once:
            joined = _join(held)
            whole = n_held - n_held % batch_size
            yield joined[:whole]
            held, n_held = [joined[whole:]], n_held - whole
    if n_held:
        yield _join(held)


def _join(rows: list[NDArray[np.integer]]) -> NDArray[np.int32]:
    """In the type that a sparse matrix has for its columns."""
    return np.concatenate(rows, dtype=np.int32, casting="same_kind")
