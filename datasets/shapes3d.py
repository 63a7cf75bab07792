"""3D Shapes: 480,000 pictures of one object in a room, from the published file or ray-cast anew.

The file is read once, from start to end, into a store of bytes that is mapped afterwards (see
``shapes3d_files``).

References:
    Kim and Mnih (2018), Disentangling by Factorising, section 5.1. arXiv:1802.05983.
    Burgess and Kim (2018), 3D Shapes Dataset. https://github.com/google-deepmind/3d-shapes
"""

from functools import partial
from pathlib import Path

import numpy as np

from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.factor_dataset import GridDataset
from minebench.datasets.files import Report, default_root, find_data_file, store_root, unheard
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.pixels import BytePixels
from minebench.datasets.shapes3d_files import FILE_NAMES, SHAPES3D, Shapes3DLayout, read_images
from minebench.datasets.shapes3d_like import load_shapes3d_like


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
        return load_shapes3d_like(root, report=report)
    return read_shapes3d(path, root, layout=layout, report=report)


def read_shapes3d(path: Path, root: Path, *, layout: Shapes3DLayout = SHAPES3D, report: Report = unheard) -> ImageGrid:
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
    blocks = partial(read_images, path, layout, report)
    recipe = Recipe(layout.file.key(path), (len(grid), 64, 64, 3), np.dtype(np.uint8), blocks, in_memory=False)
    stored = obtain(store_root(root) / "imported" / "shapes3d.u8", recipe, report)
    return ImageGrid("shapes3d", "real", BytePixels(stored), grid)
