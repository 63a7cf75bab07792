"""dSprites' two published files, read from start to end in blocks and packed on the way.

Both hold the same arrays: the images as uint8 0 and 1, and the factor values of every row, which
serve here to verify the order of the rows. Nothing is ever unpickled: the ``metadata`` member of
the npz is a pickle and is not touched, and arrays of objects are refused.

References:
    Matthey, Higgins, Hassabis, Lerchner (2017), dSprites: Disentanglement testing Sprites dataset.
    https://github.com/google-deepmind/dsprites-dataset
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from minebench.datasets.files import DataFileError
from minebench.datasets.grid import Grid
from minebench.datasets.packed_grid import pack

_IMAGES, _CLASSES = "imgs", "latents_classes"
_HDF5_NAMES = {_IMAGES: "imgs", _CLASSES: "latents/classes"}
_BLOCK = 1024  # rows read at once: 4 MB of images
_LARGEST_BLOCK = 32 * _BLOCK  # where an HDF5 file's chunks are high: 134 MB of images
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
    read = _npz_rows if path.suffix == ".npz" else _hdf5_rows
    n_rows = len(grid)
    start = 0
    for classes in read(path, _CLASSES, (n_rows, len(grid.factor_sizes)), "iu"):
        expected = grid.factors(np.arange(start, start + len(classes)))
        wrong = np.flatnonzero((classes != expected).any(axis=1))
        if wrong.size:
            row = int(wrong[0])
            raise _bad(path, f"row {start + row} labelled {expected[row].tolist()}", f"{classes[row].tolist()}")
        start += len(classes)
    start = 0
    for images in read(path, _IMAGES, (n_rows, 64, 64), "u"):
        if images.max() > 1:
            raise _bad(path, "pixels of 0 and 1", f"{images.max()} within rows {start} ... {start + len(images) - 1}")
        yield pack(images)
        start += len(images)


def _bad(path: Path, expected: str, got: str) -> DataFileError:
    return DataFileError(path, expected=expected, got=got, remedy=_REMEDY)


def _check_form(path: Path, name: str, form: tuple[object, np.dtype], shape: tuple[int, ...], kinds: str) -> None:
    """Refuse an array of another shape or type; images are bytes, labels may be integers of any width."""
    got_shape, dtype = form
    if got_shape != shape or dtype.kind not in kinds or (name == _IMAGES and dtype.itemsize != 1):
        wanted = "uint8" if name == _IMAGES else "integer"
        raise _bad(path, f"{name} to be {wanted} {shape}", f"{dtype} {got_shape}")


def _npz_rows(path: Path, name: str, shape: tuple[int, ...], kinds: str) -> Iterator[np.ndarray]:
    """Blocks of rows of one member. It is one deflated stream: never seek in it, never hold it whole."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            form = _npy_form(member)
            _check_form(path, name, form, shape, kinds)
            row_bytes = int(np.prod(shape[1:])) * form[1].itemsize
            for start in range(0, shape[0], _BLOCK):
                n_bytes = min(_BLOCK, shape[0] - start) * row_bytes
                content = member.read(n_bytes)
                if len(content) != n_bytes:
                    raise _bad(path, f"{name} of {shape[0]} rows", f"its end after {start + len(content) // row_bytes}")
                yield np.frombuffer(content, form[1]).reshape(-1, *shape[1:])
            if member.read(1):  # reading past the end also makes zipfile compare the checksum
                raise _bad(path, f"{name} of {shape[0]} rows", "more bytes after them")
    except KeyError as error:
        raise _bad(path, f"an npz with {_IMAGES} and {_CLASSES}", f"no member {name}.npy") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _bad(path, f"a complete npz with {name}", f"{type(error).__name__}: {error}") from error


def _npy_form(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array that follows in a stream of the npy format."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(member)
    else:
        raise ValueError(f"npy format {version}, where 1.0 and 2.0 are read")
    if fortran:
        raise ValueError("an array in Fortran order, where the rows must follow one another")
    return shape, dtype


def _hdf5_rows(path: Path, name: str, shape: tuple[int, ...], kinds: str) -> Iterator[np.ndarray]:
    """Blocks of rows of one data set, each as high as whole chunks, so that no chunk is inflated twice."""
    try:
        with h5py.File(path, "r") as file:
            array = file[_HDF5_NAMES[name]]
            if not isinstance(array, h5py.Dataset):
                raise _bad(path, f"{_HDF5_NAMES[name]} to be an array", "a group")
            _check_form(path, name, (array.shape, array.dtype), shape, kinds)
            chunk = array.chunks[0] if array.chunks else 1
            n_block = min(max(_BLOCK // chunk, 1) * chunk, _LARGEST_BLOCK)
            for start in range(0, shape[0], n_block):
                yield array[start : start + n_block]
    except KeyError as error:
        raise _bad(path, f"an HDF5 file with {', '.join(_HDF5_NAMES.values())}", f"no {_HDF5_NAMES[name]}") from error
    except (OSError, RuntimeError) as error:
        raise _bad(path, f"a complete HDF5 file with {_HDF5_NAMES[name]}", str(error)) from error
