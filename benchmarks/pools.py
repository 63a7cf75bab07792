"""Which training images a model trains on, which are held out from it, and whose labels it sees.

Both shares are drawn from the seed alone, so at one seed every model that asks for the same share of labels gets the
labels of the same images.
"""

from typing import NamedTuple

import numpy as np

from minebench.baselines.contract import DataUse
from minebench.benchmarks.streams import numpy_stream


class Pool(NamedTuple):
    """Images of one use.

    Attributes:
        rows: Rows of the data set, int64 ``(n,)``.
        labelled: Whether the model sees the factors of each, bool ``(n,)``; None if it sees no labels at all.
    """

    rows: np.ndarray
    labelled: np.ndarray | None = None

    @property
    def labelled_rows(self) -> np.ndarray:
        """The rows whose factors the model sees, int64."""
        return self.rows[:0] if self.labelled is None else self.rows[self.labelled]


class Pools(NamedTuple):
    """The training images, by what they are for."""

    train: Pool
    held_out: Pool


def draw_pools(rows: np.ndarray, use: DataUse, *, seed: int) -> Pools:
    """Divide training rows by what a model asks for.

    Args:
        rows: The training rows, int64 ``(n,)``.
        use: The shares of labelled and of held-out images.
        seed: The run's seed.

    Returns:
        Disjoint pools that together are ``rows``; ``round(share x n)`` rows are labelled, and held out: at least one
        where the share is not 0.

    Raises:
        ValueError: If a share is outside its range, or leaves nothing to train on.
    """
    n_labels, n_held_out = _count("labels", use.labels, len(rows)), _count("held_out", use.held_out, len(rows))
    if n_held_out == len(rows):
        raise ValueError(f"held_out={use.held_out} leaves none of {len(rows)} images to train on; give a smaller share")
    labelled = _drawn(len(rows), n_labels, seed, "labels") if n_labels else None
    held_out = _drawn(len(rows), n_held_out, seed, "held out")
    return Pools(*(Pool(rows[part], None if labelled is None else labelled[part]) for part in (~held_out, held_out)))


def _count(name: str, share: float, n: int) -> int:
    if not 0 <= share <= 1:
        raise ValueError(f"{name} is a share of the training images, from 0 to 1; got {share}")
    return max(round(share * n), 1) if share > 0 else 0


def _drawn(n: int, count: int, seed: int, purpose: str) -> np.ndarray:
    """A mask of ``count`` rows; those of a smaller count are among those of a larger one."""
    mask = np.zeros(n, bool)
    mask[numpy_stream(seed, purpose).permutation(n)[:count]] = True
    return mask
