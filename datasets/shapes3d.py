"""3D Shapes: 480,000 pictures of one object in a room, from the published file or ray-cast anew.

The file's chunks are high and narrow, so that one random image costs the inflation of thousands of
others; it is read once, from start to end, into a store of bytes that is mapped afterwards. Classes
come from the row number; the file's labels only verify the order of the rows.

References:
    Kim and Mnih (2018), Disentangling by Factorising, section 5.1. arXiv:1802.05983.
    Burgess and Kim (2018), 3D Shapes Dataset. https://github.com/google-deepmind/3d-shapes
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from minebench.datasets import hdf5
from minebench.datasets.array_form import Expected, uint8_array
from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.factor_dataset import GridDataset
from minebench.datasets.files import Report, default_root, find_data_file, store_root, unheard
from minebench.datasets.grid import Grid
from minebench.datasets.pixel_grid import PixelGrid
from minebench.datasets.published import Card, PublishedFile

FILE_NAMES = ("3dshapes/3dshapes.h5", "3dshapes.h5")
_PAGE = "https://github.com/google-deepmind/3d-shapes"
_IMAGES, _LABELS = "images", "labels"
_BLOCK = 1024  # rows read at once where chunks are low: 13 MB


@dataclass(frozen=True)
class Shapes3DLayout:
    """What a file in the format of 3D Shapes holds.

    Attributes:
        factor_names: One name per column of the labels.
        factor_values: The values that each factor takes, in the order of its classes.
        file: What is known of the file.
    """

    factor_names: tuple[str, ...]
    factor_values: tuple[tuple[float, ...], ...]
    file: PublishedFile

    @property
    def grid(self) -> Grid:
        """The factors as classes."""
        return Grid(self.factor_names, tuple(map(len, self.factor_values)))

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """The labels that rows must have: float64 ``(n, K)``."""
        classes = self.grid.factors(rows).T
        return np.stack([np.take(v, c) for v, c in zip(self.factor_values, classes, strict=True)], axis=1)


_HUES = tuple(float(hue) for hue in np.arange(10) / 10)
SHAPES3D = Shapes3DLayout(
    factor_names=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
    factor_values=(
        _HUES,
        _HUES,
        _HUES,
        tuple(np.linspace(0.75, 1.25, 8).tolist()),
        (0.0, 1.0, 2.0, 3.0),  # cube, cylinder, sphere, capsule
        tuple(np.linspace(-30.0, 30.0, 15).tolist()),  # degrees
    ),
    file=PublishedFile(
        "3dshapes.h5",
        folder="3dshapes",
        page=_PAGE,
        n_bytes=267_573_662,
        checksum="sha256:0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
        urls=("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
    ),
)
CARD = Card(
    factor_names=SHAPES3D.factor_names,
    factor_sizes=SHAPES3D.grid.factor_sizes,
    n_images=len(SHAPES3D.grid),
    image_shape=(3, 64, 64),
    licence="Apache License 2.0 (the repository's; its page names no other for the data)",
    page=_PAGE,
    files=(SHAPES3D.file,),
)


def load_shapes3d(
    root: Path | None = None, *, layout: Shapes3DLayout = SHAPES3D, report: Report = unheard
) -> GridDataset:
    """The images of 3D Shapes from its published file below ``root``, else from the procedural source.

    Args:
        root: The folder of all data, by default ``default_root()``; the file is looked for as
            ``3dshapes/3dshapes.h5`` and ``3dshapes.h5``.
        layout: What the file must hold.
        report: Is told how far an import is.

    Returns:
        480,000 images ``(3, 64, 64)`` named ``shapes3d``, or the procedural ones named ``shapes3d_like``.

    Raises:
        DataFileError: If the file is there but bad, or its images cannot be stored.
    """
    root = default_root() if root is None else Path(root)
    path = find_data_file(root, FILE_NAMES)
    if path is None:
        drawn: GridDataset = importlib.import_module("minebench.datasets.shapes3d_like").load_shapes3d_like(root)
        return drawn
    return read_shapes3d(path, root, layout=layout, report=report)


def read_shapes3d(path: Path, root: Path, *, layout: Shapes3DLayout = SHAPES3D, report: Report = unheard) -> PixelGrid:
    """A file in the format of 3D Shapes, through a store below ``root`` that is keyed by the file's stamp.

    Args:
        path: An HDF5 file.
        root: The folder of all data.
        layout: What the file must hold.
        report: Is told how far an import is.

    Returns:
        The images of the file; ``source`` is ``real``.

    Raises:
        DataFileError: If the file is cut, of another size, checksum, shape or order, or its images
            cannot be stored.
    """
    grid = layout.grid
    blocks = partial(_read, path, layout, report)
    recipe = Recipe(layout.file.key(path), (len(grid), 64, 64, 3), np.dtype(np.uint8), blocks, in_memory=False)
    stored = obtain(store_root(root) / "imported" / "shapes3d.u8", recipe, report)
    return PixelGrid(
        "shapes3d", "real", stored.array, grid.factor_names, grid.factor_sizes, pixels_sha256=stored.sha256
    )


def _read(path: Path, layout: Shapes3DLayout, report: Report) -> Iterator[np.ndarray]:
    """The images of a file that has passed every check but those of the images themselves."""
    remedy, n_rows = layout.file.remedy, len(layout.grid)
    layout.file.check(path, report)
    images = uint8_array(_IMAGES, (n_rows, 64, 64, 3))
    labels = Expected(_LABELS, (n_rows, len(layout.factor_names)), "f", "floating point")
    for array in (images, labels):
        array.check(path, hdf5.array_form(path, array.name, remedy), remedy)
    start = 0
    for block in hdf5.array_rows(path, _LABELS, _BLOCK, remedy):
        expected = layout.labels(np.arange(start, start + len(block)))
        wrong = np.flatnonzero(~(abs(block - expected) < 1e-6).all(axis=1))  # NaN is wrong, too
        if wrong.size:
            row = int(wrong[0])
            raise layout.file.bad(
                path, f"row {start + row} labelled {expected[row].tolist()}", f"{block[row].tolist()}"
            )
        start += len(block)
    yield from hdf5.array_rows(path, _IMAGES, _BLOCK, remedy)
