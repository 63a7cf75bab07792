"""dSprites' two published files, read from start to end in blocks and packed on the way.

Both hold the same arrays: the images as uint8 0 and 1, and the factor values of every row, which
serve here to verify the order of the rows. Nothing is ever unpickled: the ``metadata`` member of
the npz is a pickle and is not touched, and arrays of objects are refused.

References:
    Matthey, Higgins, Hassabis, Lerchner (2017), dSprites: Disentanglement testing Sprites dataset.
    https://github.com/google-deepmind/dsprites-dataset
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minebench.datasets import hdf5, npz
from minebench.datasets.array_form import Expected, uint8_array
from minebench.datasets.files import DataFileError
from minebench.datasets.grid import Grid
from minebench.datasets.packed_pixels import pack

_IMAGES, _CLASSES = "imgs", "latents_classes"
_HDF5_NAMES = {_IMAGES: "imgs", _CLASSES: "latents/classes"}
_BLOCK = 1024  # rows read at once: 4 MB of images
_REMEDY = "delete it and get it again (https://github.com/google-deepmind/dsprites-dataset)"


def read_packed(path: Path, grid: Grid) -> Iterator[np.ndarray]:
    """The images of a file in dSprites' npz or HDF5 format, packed, in the order of their rows.

    Args:
        path: A file ``*.npz``; any other name is taken for HDF5.
        grid: The factors of the file in the order of its label columns, the one-valued colour
            included; its length is the number of rows.

    Yields:
        Words of consecutive rows, little-endian uint64 ``(n, 64)``, bit c is column c.

    Raises:
        DataFileError: If the file is cut, lacks an array, holds one of another shape or type, has
            its rows in another order, or its pixels are not 0 and 1.
    """
    n_rows = len(grid)
    start = 0
    for classes in _rows(path, Expected(_CLASSES, (n_rows, len(grid.factor_sizes)), "iu", "integer")):
        expected = grid.factors(np.arange(start, start + len(classes)))
        wrong = np.flatnonzero((classes != expected).any(axis=1))
        if wrong.size:
            row = int(wrong[0])
            raise _bad(path, f"row {start + row} labelled {expected[row].tolist()}", f"{classes[row].tolist()}")
        start += len(classes)
    start = 0
    for images in _rows(path, uint8_array(_IMAGES, (n_rows, 64, 64))):
        if images.max() > 1:
            raise _bad(path, "pixels of 0 and 1", f"{images.max()} within rows {start} ... {start + len(images) - 1}")
        yield pack(images)
        start += len(images)


def _rows(path: Path, expected: Expected) -> Iterator[np.ndarray]:
    """Blocks of rows of an array that has the expected form."""
    form, rows, name = npz.array_form, npz.array_rows, expected.name
    if path.suffix != ".npz":
        form, rows, name = hdf5.array_form, hdf5.array_rows, _HDF5_NAMES[expected.name]
    expected.check(path, form(path, name, _REMEDY), _REMEDY)
    return rows(path, name, _BLOCK, _REMEDY)


def _bad(path: Path, expected: str, got: str) -> DataFileError:
    return DataFileError(path, expected=expected, got=got, remedy=_REMEDY)
