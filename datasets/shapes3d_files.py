"""3D Shapes' published file: what it holds, and its images from start to end.

The file's chunks are high and narrow, so that one random image costs the inflation of thousands of
others; it is read in blocks as high as whole chunks. Classes come from the row number; the file's
labels only verify the order of the rows.

References:
    Burgess and Kim (2018), 3D Shapes Dataset. https://github.com/google-deepmind/3d-shapes
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minebench.datasets import hdf5
from minebench.datasets.array_form import Expected, uint8_array
from minebench.datasets.files import Report, unheard
from minebench.datasets.grid import Grid
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


def read_images(path: Path, layout: Shapes3DLayout, report: Report = unheard) -> Iterator[np.ndarray]:
    """The images of a file in the order of its rows, after everything else in it has been checked.

    Args:
        path: An HDF5 file.
        layout: What it must hold.
        report: Is told how far the checksum is.

    Yields:
        Consecutive rows, uint8 ``(n, 64, 64, 3)``; each block is gone when the next one is asked for.

    Raises:
        DataFileError: If the file is cut or of another size, checksum, shape or order.
    """
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
