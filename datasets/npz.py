"""Arrays in npz files: their form, their rows in blocks, and their bytes in place.

An npz is a zip archive with one member an array. A deflated member is one stream: it is read from
start to end, never sought in and never held whole. A stored member is the array's own bytes and can
be mapped where it lies. Nothing is ever unpickled and nothing extracted, and no more is inflated
than the array's header promises, so a hostile archive gains nothing.

References:
    NumPy Enhancement Proposal 1, A Simple File Format for NumPy Arrays. https://numpy.org/neps/nep-0001-npy-format.html
    PKWARE (2022), .ZIP File Format Specification, section 4.3.7 (local file header).
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from minebench.datasets.array_form import ArrayForm
from minebench.datasets.files import DataFileError

_LOCAL_HEADER_BYTES = 30
_BAD = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error)


class Place(NamedTuple):
    """Where the bytes of a stored member lie.

    Attributes:
        start: The member's first byte in the file; the checksum counts from here.
        offset: The array's first byte in the file.
        crc: CRC-32 of the member, as the archive says.
    """

    start: int
    offset: int
    crc: int


def array_form(path: Path, name: str, remedy: str) -> ArrayForm:
    """The form of an array; reads its header alone.

    Args:
        path: The npz file.
        name: The array's name.
        remedy: What a user can do about a bad file.

    Raises:
        DataFileError: If the file is no npz, is cut, or lacks the array.
    """
    with _member(path, name, remedy) as (_, member):
        return _npy_form(member)


def stored_place(path: Path, name: str, remedy: str) -> Place | None:
    """Where the array's bytes lie, or None if they are deflated.

    Args:
        path: The npz file.
        name: The array's name.
        remedy: What a user can do about a bad file.

    Raises:
        DataFileError: If the file is no npz, lacks the array, or ends before it.
    """
    with _member(path, name, remedy) as (info, member):
        if info.compress_type != zipfile.ZIP_STORED:
            return None
        shape, dtype = _npy_form(member)
        header_bytes = member.tell()
        with path.open("rb") as file:
            # the lengths in the central directory may differ from those in front of the member
            file.seek(info.header_offset + 26)
            n_name, n_extra = struct.unpack("<HH", file.read(4))
        start = info.header_offset + _LOCAL_HEADER_BYTES + n_name + n_extra
        n_array = int(np.prod(shape)) * dtype.itemsize
        if info.file_size != header_bytes + n_array:
            raise ValueError(f"{info.file_size - header_bytes} bytes of {name}, where its header promises {n_array}")
        return Place(start, start + header_bytes, info.CRC)


def array_rows(path: Path, name: str, n_block: int, remedy: str) -> Iterator[np.ndarray]:
    """Blocks of rows of an array, from its start to its end.

    Args:
        path: The npz file.
        name: The array's name.
        n_block: Rows read at once.
        remedy: What a user can do about a bad file.

    Yields:
        Consecutive rows, at most ``n_block`` each.

    Raises:
        DataFileError: If the file is cut, lacks the array, or holds more or less than its header says.
    """
    with _member(path, name, remedy) as (_, member):
        shape, dtype = _npy_form(member)
        row_bytes = int(np.prod(shape[1:])) * dtype.itemsize
        for start in range(0, shape[0], n_block):
            n_bytes = min(n_block, shape[0] - start) * row_bytes
            content = member.read(n_bytes)
            if len(content) != n_bytes:
                end = f"its end after {start + len(content) // row_bytes}"
                raise DataFileError(path, expected=f"{name} of {shape[0]} rows", got=end, remedy=remedy)
            yield np.frombuffer(content, dtype).reshape(-1, *shape[1:])
        if member.read(1):  # reading past the end also makes zipfile compare the checksum
            raise DataFileError(path, expected=f"{name} of {shape[0]} rows", got="more bytes after them", remedy=remedy)


@contextmanager
def _member(path: Path, name: str, remedy: str) -> Iterator[tuple[zipfile.ZipInfo, IO[bytes]]]:
    """An open member; what goes wrong inside is told as a bad file."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(f"{name}.npy")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"compression {info.compress_type}, where stored and deflated members are read")
            with archive.open(info) as member:
                yield info, member
    except KeyError as error:
        raise DataFileError(path, expected=f"an npz with {name}", got=f"no member {name}.npy", remedy=remedy) from error
    except _BAD as error:
        raise DataFileError(
            path, expected=f"a complete npz with {name}", got=f"{type(error).__name__}: {error}", remedy=remedy
        ) from error


def _npy_form(member: IO[bytes]) -> ArrayForm:
    """The form of the array that follows in a stream of the npy format."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(member)
    else:
        raise ValueError(f"npy format {version}, where 1.0 and 2.0 are read")
    if fortran:
        raise ValueError("an array in Fortran order, where the rows must follow one another")
    if not shape:
        raise ValueError("a single number, where rows are expected")
    return ArrayForm(shape, dtype)
