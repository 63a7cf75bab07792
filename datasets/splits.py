"""Which rows are trained on and which are scored.

The split depends on the data set's name and length alone, so all models, seeds and machines score
the same rows.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import FactorDataset


class Split(NamedTuple):
    """Two disjoint sets of rows that make up a data set.

    Attributes:
        train: Ascending rows, int64.
        held_out: Rows in a fixed random order, int64; any leading part of it is itself a uniform
            sample, so ``held_out[:10_000]`` are the 10,000 scored rows.
    """

    train: np.ndarray
    held_out: np.ndarray


def held_out_split(dataset: FactorDataset) -> Split:
    """Hold out a tenth of the rows (rounded down), drawn without replacement.

    Rows are told apart by number, not by picture. Where a data set holds one picture under two
    rows, the two can fall on both sides: in dSprites orientations 0 and 39 are the same, and turns
    of the square and the ellipse coincide (21,574 surplus frames in 737,280), so 3,882 of its 73,728
    held-out rows (5 %) have a twin among the rows trained on.

    Args:
        dataset: Any data set of at least ten rows; its ``name`` and length decide the split.

    Returns:
        The rows to train on and those held out.

    Raises:
        ValueError: If there are fewer than ten rows.
    """
    n_rows = len(dataset)
    if n_rows < 10:
        raise ValueError(f"a tenth of the rows is held out, so at least 10 are needed; {dataset.name} has {n_rows}")
    # the raw stream of a bit generator is the one random thing numpy promises never to change
    key = int.from_bytes(hashlib.sha256(dataset.name.encode()).digest()[:16], "little")
    order = np.argsort(np.random.Philox(key=key).random_raw(n_rows), kind="stable").astype(np.int64, copy=False)
    n_held_out = n_rows // 10
    return Split(train=np.sort(order[n_held_out:]), held_out=order[:n_held_out])


def rows_hash(index: ArrayLike) -> str:
    """A name for a list of rows, to be stored beside a score.

    Args:
        index: Row numbers, integers ``(n,)``; their order counts.

    Returns:
        64 hexadecimal digits: sha256 of the rows as little-endian int64.

    Raises:
        TypeError: If the rows are not integers.
    """
    rows = np.asarray(index)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"rows must be integers; got {rows.dtype}")
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()
