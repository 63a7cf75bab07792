"""Arrays in HDF5 files, read in blocks as high as whole chunks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from minebench.datasets.array_form import ArrayForm
from minebench.datasets.files import DataFileError

_LARGEST_BLOCK = 1 << 28  # bytes; higher chunks are read in parts, and then inflated more than once


def array_form(path: Path, name: str, remedy: str) -> ArrayForm:
    """The form of an array; reads none of it.

    Args:
        path: The HDF5 file.
        name: The array's path in it.
        remedy: What a user can do about a bad file.

    Raises:
        DataFileError: If the file is no HDF5, is cut, or lacks the array.
    """
    with _array(path, name, remedy) as array:
        return ArrayForm(array.shape, array.dtype)


def array_rows(path: Path, name: str, n_block: int, remedy: str) -> Iterator[np.ndarray]:
    """Blocks of rows of an array, from its start to its end, so that no chunk is inflated twice.

    Args:
        path: The HDF5 file.
        name: The array's path in it.
        n_block: Rows read at once where chunks are low; high ones are read whole, up to 268 MB.
        remedy: What a user can do about a bad file.

    Yields:
        Consecutive rows, each block in the same memory: it is gone when the next one is asked for.

    Raises:
        DataFileError: If the file is cut or lacks the array.
    """
    with _array(path, name, remedy) as array:
        chunk = array.chunks[0] if array.chunks else 1
        row_bytes = max(int(np.prod(array.shape[1:])) * array.dtype.itemsize, 1)
        n_rows = min(max(n_block // chunk, 1) * chunk, max(_LARGEST_BLOCK // row_bytes, 1))
        buffer = np.empty((min(n_rows, array.shape[0]), *array.shape[1:]), array.dtype)
        for start in range(0, array.shape[0], n_rows):
            rows = buffer[: array.shape[0] - start]
            array.read_direct(rows, np.s_[start : start + len(rows)])
            yield rows


@contextmanager
def _array(path: Path, name: str, remedy: str) -> Iterator[h5py.Dataset]:
    """An open array; what goes wrong inside is told as a bad file."""
    try:
        with h5py.File(path, "r") as file:
            array = file[name]
            if not isinstance(array, h5py.Dataset) or not array.shape:
                got = "a group" if isinstance(array, h5py.Group) else "a single number"
                raise DataFileError(path, expected=f"{name} to be an array", got=got, remedy=remedy)
            yield array
    except KeyError as error:
        raise DataFileError(path, expected=f"an HDF5 file with {name}", got=f"no {name}", remedy=remedy) from error
    except (OSError, RuntimeError, TypeError) as error:  # the last: a type that numpy has not
        raise DataFileError(
            path, expected=f"a complete HDF5 file with {name}", got=str(error), remedy=remedy
        ) from error
