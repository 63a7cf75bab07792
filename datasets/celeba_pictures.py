"""CelebA's aligned pictures, from their folder or the zip archive, cropped and reduced.

Nothing is extracted: members of the archive are read by the names that they must have, and one that
is larger than any such picture can be is refused before it is inflated.

The preparation is that of torchvision's ``CenterCrop(148)`` and ``Resize(64)`` on Pillow's images, in
use for this data set since Tolstikhin et al. (2018), Wasserstein Auto-Encoders, arXiv:1711.01558:
the central 148 x 148 pixels, reduced to 64 x 64 with Pillow's ``BILINEAR``, a triangle as wide as
the reduction, so without aliasing.
"""

import io
import threading
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from minebench.datasets.celeba_labels import picture_names
from minebench.datasets.files import DataFileError

PICTURE_SIZE = (178, 218)  # width and height, as published
CROP, SIDE = 148, 64
PREPARATION = f"centre {CROP}, Pillow BILINEAR to {SIDE}"
_LARGEST_PICTURE = 1 << 20  # bytes; the raw pixels of a picture are 116,412
_BLOCK = 512  # pictures prepared at once
_BAD_PICTURE = (OSError, ValueError, SyntaxError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def read_pictures(place: Path, n_images: int, remedy: str) -> Iterator[np.ndarray]:
    """All pictures, prepared, in the order of their names.

    Args:
        place: The folder of the pictures, or their zip archive.
        n_images: How many there must be.
        remedy: What a user can do about bad pictures.

    Yields:
        Blocks of uint8 ``(n, 64, 64, 3)``.

    Raises:
        DataFileError: If a picture is missing, cut, or of another size, or the archive is bad.
    """
    names = picture_names(n_images)
    with (
        (_archive if place.is_file() else _folder)(place, names, remedy) as fetch,
        ThreadPoolExecutor(thread_name_prefix="celeba") as pool,  # Pillow decodes without holding the lock
    ):
        prepare = partial(_prepared, place, fetch, remedy)
        for start in range(0, n_images, _BLOCK):
            yield np.stack(list(pool.map(prepare, names[start : start + _BLOCK])))


def prepare_picture(picture: Image.Image) -> np.ndarray:
    """The centre of a picture, reduced.

    Args:
        picture: An RGB picture of at least 148 x 148 pixels.

    Returns:
        uint8 ``(64, 64, 3)``.
    """
    left, top = (picture.width - CROP) // 2, (picture.height - CROP) // 2
    centre = picture.crop((left, top, left + CROP, top + CROP))
    return np.asarray(centre.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _prepared(place: Path, fetch: Callable[[str], bytes], remedy: str, name: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(fetch(name)), formats=("JPEG",)) as picture:
            if picture.size != PICTURE_SIZE:
                raise ValueError(f"a picture of {picture.width} x {picture.height} pixels")
            return prepare_picture(picture.convert("RGB"))
    except (*_BAD_PICTURE, Image.DecompressionBombError) as error:
        width, height = PICTURE_SIZE
        raise DataFileError(
            place, expected=f"{name} to be a whole JPEG of {width} x {height} pixels", got=str(error), remedy=remedy
        ) from error


@contextmanager
def _folder(place: Path, names: list[str], remedy: str) -> Iterator[Callable[[str], bytes]]:
    _refuse_missing(place, names, {path.name for path in place.iterdir()}, remedy)
    yield lambda name: (place / name).read_bytes()


@contextmanager
def _archive(place: Path, names: list[str], remedy: str) -> Iterator[Callable[[str], bytes]]:
    try:
        archive = zipfile.ZipFile(place)
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DataFileError(place, expected="a complete zip archive", got=str(error), remedy=remedy) from error
    with archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
                raise DataFileError(place, expected="members below one folder", got=member.filename, remedy=remedy)
            members[path.name] = member
        _refuse_missing(place, names, members.keys(), remedy)
        large = next((name for name in names if members[name].file_size > _LARGEST_PICTURE), None)
        if large is not None:
            got = f"{large} of {members[large].file_size:,} bytes"
            raise DataFileError(place, expected=f"pictures up to {_LARGEST_PICTURE:,} bytes", got=got, remedy=remedy)
        lock = threading.Lock()

        def fetch(name: str) -> bytes:
            with lock:
                return archive.read(members[name])

        yield fetch


def _refuse_missing(place: Path, names: list[str], found: Container[str], remedy: str) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        got = f"{len(names) - len(missing):,}, without {missing[0]}"
        raise DataFileError(place, expected=f"{len(names):,} pictures", got=got, remedy=remedy)
