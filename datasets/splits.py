"""Which rows are trained on and which are scored.

The split depends on the data set's name and length alone, so all models, seeds and machines score
the same rows. A data set that was published with a partition of its own, or that says which rows
may be trained on, decides itself (``own_split``).
"""

import hashlib
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import FactorDataset


class Split(NamedTuple):
    """Two disjoint sets of rows; without a split of the data set's own they make it up.

    Attributes:
        train: Ascending rows, int64.
        held_out: Rows in a fixed random order, int64; any leading part of it is itself a uniform
            sample, so ``held_out[:10_000]`` are the 10,000 scored rows.
    """

    train: np.ndarray
    held_out: np.ndarray


@runtime_checkable
class DecidesItself(Protocol):
    """A data set that knows which of its rows are trained on and which are held out."""

    def own_split(self) -> Split:
        """Its split."""
        ...


def held_out_split(dataset: FactorDataset) -> Split:
    """The data set's own split if it has one, else a tenth of the rows (rounded down) held out at random.

    Rows are told apart by number, not by picture. Where a data set holds one picture under two
    rows, the two can fall on both sides: in dSprites orientations 0 and 39 are the same, and turns
    of the square and the ellipse coincide (21,574 surplus frames in 737,280), so 3,882 of its 73,728
    held-out rows (5 %) have a twin among the rows trained on.

    Args:
        dataset: Any data set; without ``own_split`` it needs ten rows, and its ``name`` and length decide.

    Returns:
        The rows to train on and those held out.

    Raises:
        ValueError: If there are fewer than ten rows, or its own split lacks rows.
    """
    if isinstance(dataset, DecidesItself):
        return dataset.own_split()
    n_rows = len(dataset)
    if n_rows < 10:
        raise ValueError(f"a tenth of the rows is held out, so at least 10 are needed; {dataset.name} has {n_rows}")
    order = np.argsort(lasting_numbers(dataset.name, n_rows), kind="stable").astype(np.int64, copy=False)
    n_held_out = n_rows // 10
    return Split(train=np.sort(order[n_held_out:]), held_out=order[:n_held_out])


def partition_split(parts: np.ndarray, name: str) -> Split:
    """The split of a data set that was published with a partition: train on part 0, hold out part 2.

    The validation rows (part 1) are in neither.

    Args:
        parts: The part of each row, integers ``(n,)`` in 0 ... 2.
        name: Keys the order of the held-out rows, so that leading parts are uniform samples.

    Returns:
        Ascending training rows, and the test rows in a fixed random order.

    Raises:
        ValueError: If one of the two has no rows.
    """
    train, held_out = (np.flatnonzero(parts == part).astype(np.int64, copy=False) for part in (0, 2))
    if not len(train) or not len(held_out):
        raise ValueError(
            f"the partition of {name} must have rows for training (0) and for tests (2); "
            f"got {len(train)} and {len(held_out)}"
        )
    order = np.argsort(lasting_numbers(name, len(held_out)), kind="stable")
    return Split(train=train, held_out=held_out[order])


def lasting_numbers(name: str, n: int) -> np.ndarray:
    """Random numbers that depend on a name alone, on every machine and with every version.

    Args:
        name: The key.
        n: How many; the first ones do not depend on it.

    Returns:
        uint64 ``(n,)``, uniform over all 64 bits.
    """
    # the raw stream of a bit generator is the one random thing numpy promises never to change
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    return np.random.Philox(key=key).random_raw(n)


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
