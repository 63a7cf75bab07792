"""dSprites: 737,280 binary images of one sprite, from the published file or drawn bit for bit.

The published file is used where it is found. Otherwise the same pixels are drawn; their hash is
compared with that of the published images, so the two sources may stand in one table. Either way
the images are packed once into a store below the root, which later processes map in milliseconds.

Orientation runs over a whole turn with both ends: 0 and 39 are the same picture. With the turns in
which the square and the ellipse coincide, 21,574 of the images repeat others.

References:
    Matthey, Higgins, Hassabis, Lerchner (2017), dSprites: Disentanglement testing Sprites dataset.
    https://github.com/google-deepmind/dsprites-dataset
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.dsprites_files import read_packed
from minebench.datasets.files import Report, default_root, file_sha256, find_data_file, unheard
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.packed_pixels import WORD, PackedPixels
from minebench.datasets.published import Card, PublishedFile
from minebench.datasets.rendering.sprites import SHAPES, render_sprites

FACTOR_NAMES = ("shape", "scale", "orientation", "posX", "posY")
FACTOR_SIZES = (3, 6, 40, 32, 32)
WORDS_SHA256 = "faaf9cf5fa6256819224cb831e7fe802f7e166a63fda58f12c5f1c6eec3f5ea0"
FILE_GRID = Grid(("color", *FACTOR_NAMES), (1, *FACTOR_SIZES))  # as the file labels its rows
_STEM = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
_PAGE = "https://github.com/google-deepmind/dsprites-dataset"
FILE_NAMES = tuple(f"{folder}{_STEM}{suffix}" for suffix in (".npz", ".hdf5", ".h5") for folder in ("dsprites/", ""))

HDF5_FILE = PublishedFile(
    f"{_STEM}.hdf5",
    folder="dsprites",
    page=_PAGE,
    n_bytes=28_024_106,
    checksum="sha256:729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb",
    urls=(f"{_PAGE}/raw/master/{_STEM}.hdf5",),
)
NPZ_FILE = PublishedFile(f"{_STEM}.npz", folder="dsprites", page=_PAGE)  # its twin, of no published checksum
CARD = Card(
    FACTOR_NAMES,
    FACTOR_SIZES,
    n_images=len(FILE_GRID),
    image_shape=(1, 64, 64),
    licence="Apache License 2.0 (the repository's); made with the LÖVE framework under the zlib/libpng licence",
    page=_PAGE,
    files=(HDF5_FILE, NPZ_FILE),
    one_of=True,
    bits=1,
)


class Comparison(NamedTuple):
    """How a published file differs from the drawn images.

    Attributes:
        path: The file.
        n_frames: How many frames were compared.
        n_differing_frames: Frames with at least one other pixel.
        n_differing_pixels: Other pixels in all frames.
    """

    path: Path
    n_frames: int
    n_differing_frames: int
    n_differing_pixels: int


def load_dsprites(root: Path | None = None, *, report: Report = unheard) -> ImageGrid:
    """The images of dSprites from its published file below ``root``, else drawn pixel by pixel.

    Args:
        root: The folder of all data, by default ``default_root()``. The file is looked for as
            ``dsprites/<name>`` and ``<name>``, npz before HDF5; the store is ``packed/``.
        report: Is told how far packing is.

    Returns:
        737,280 binary images ``(1, 64, 64)`` over the factors shape 3, scale 6, orientation 40,
        posX 32, posY 32 (the one-valued colour is dropped); ``source`` says which of the two it is.

    Raises:
        DataFileError: If a published file is there but cut, of another shape or order, or not 0/1.
        ValueError: If the drawn images are not the published ones.
    """
    root = default_root() if root is None else Path(root)
    path = find_data_file(root, FILE_NAMES)
    if path is not None:
        return read_dsprites(path, root, report=report)
    recipe = Recipe(WORDS_SHA256, (len(FILE_GRID), 64), WORD, draw_dsprites, sha256=WORDS_SHA256)
    stored = obtain(root / "packed" / "dsprites_procedural.u64", recipe, report)
    return ImageGrid("dsprites", "procedural", PackedPixels(stored), Grid(FACTOR_NAMES, FACTOR_SIZES))


def read_dsprites(path: Path, root: Path, *, grid: Grid = FILE_GRID, report: Report = unheard) -> ImageGrid:
    """A file in dSprites' format, through a store below ``root`` that is keyed by the file's sha256.

    Args:
        path: An npz or HDF5 file.
        root: The folder of all data.
        grid: The factors of the file in the order of its label columns, the one-valued colour first.
        report: Is told how far packing is.

    Returns:
        The images of the file without the colour; ``source`` is ``real``.

    Raises:
        DataFileError: If the file is cut, of another shape or order, or not 0/1.
    """
    key = file_sha256(path)
    recipe = Recipe(key, (len(grid), 64), WORD, partial(read_packed, path, grid))
    stored = obtain(root / "packed" / f"dsprites_{key[:16]}.u64", recipe, report)
    return ImageGrid("dsprites", "real", PackedPixels(stored), Grid(grid.factor_names[1:], grid.factor_sizes[1:]))


def draw_dsprites() -> Iterator[np.ndarray]:
    """The whole set from nothing, in the order of its rows: 720 blocks of little-endian uint64 (1024, 64)."""
    _, n_scales, n_orientations, n_x, n_y = FACTOR_SIZES
    return render_sprites(
        SHAPES,
        scales=np.linspace(0.5, 1.0, n_scales).tolist(),
        orientations=np.linspace(0.0, 2 * np.pi, n_orientations).tolist(),  # with its end, as published
        positions_x=np.linspace(0.0, 1.0, n_x).tolist(),
        positions_y=np.linspace(0.0, 1.0, n_y).tolist(),
    )


def compare_with_real(root: Path | None = None) -> Comparison:
    """Compare every pixel of the published file with the drawn images.

    Args:
        root: The folder of all data, by default ``default_root()``.

    Returns:
        How many frames and pixels differ; the drawing is exact if none does.

    Raises:
        FileNotFoundError: If there is no published file below ``root``.
        DataFileError: If it is bad.
    """
    root = default_root() if root is None else Path(root)
    path = find_data_file(root, FILE_NAMES)
    if path is None:
        raise FileNotFoundError(
            f"no published dSprites file below {root}: put {NPZ_FILE.name}, or its twin {HDF5_FILE}, from {_PAGE} "
            f"into {root / 'dsprites'}; until then dsprites is drawn, with nothing to compare it with"
        )
    real = read_dsprites(path, root).pixels.stored.array
    return Comparison(path, len(real), *_count_differences(draw_dsprites(), real))


def _count_differences(blocks: Iterator[np.ndarray], words: np.ndarray) -> tuple[int, int]:
    """Rows with another word, and pixels that differ, between consecutive blocks and ``words``."""
    start = n_rows = n_pixels = 0
    for block in blocks:
        difference = block ^ words[start : start + len(block)]
        differing = difference[difference.any(axis=1)]
        n_rows += len(differing)
        n_pixels += int(np.unpackbits(differing.view(np.uint8)).sum(dtype=np.int64))
        start += len(block)
    return n_rows, n_pixels
