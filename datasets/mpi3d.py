"""MPI3D: an object on a robot's arm, in four published variants, or drawn anew.

An array that is stored in its npz is mapped where it lies, one that is deflated is imported once. All
variants share one procedural source. What the files hold stands in ``mpi3d_files``.

References:
    Gondal et al. (2019), On the Transfer of Inductive Bias from Simulation to the Real World: a New
    Disentanglement Dataset. arXiv:1906.03292. https://github.com/rr-learning/disentanglement_dataset
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from minebench.datasets import npz
from minebench.datasets.array_form import uint8_array
from minebench.datasets.cache import Recipe, Stored, obtain
from minebench.datasets.checked_file import checked_sha256
from minebench.datasets.factor_dataset import GridDataset
from minebench.datasets.files import Report, default_root, find_data_file, store_root, unheard
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.mpi3d_files import REAL, REAL_COMPLEX, REALISTIC, TOY, MPI3DLayout
from minebench.datasets.mpi3d_like import load_mpi3d_like
from minebench.datasets.pixels import BytePixels
from minebench.datasets.published import PublishedFile

_IMAGES = "images"
_BLOCK = 1024  # rows read at once: 13 MB


def load_mpi3d_toy(root: Path | None = None, *, report: Report = unheard) -> GridDataset:
    """The simplistic renderings: see ``load_mpi3d``."""
    return load_mpi3d(TOY, root, report=report)


def load_mpi3d_realistic(root: Path | None = None, *, report: Report = unheard) -> GridDataset:
    """The realistic renderings: see ``load_mpi3d``."""
    return load_mpi3d(REALISTIC, root, report=report)


def load_mpi3d_real(root: Path | None = None, *, report: Report = unheard) -> GridDataset:
    """The photographs of simple objects: see ``load_mpi3d``."""
    return load_mpi3d(REAL, root, report=report)


def load_mpi3d_real_complex(root: Path | None = None, *, report: Report = unheard) -> GridDataset:
    """The photographs of objects of daily life: see ``load_mpi3d``."""
    return load_mpi3d(REAL_COMPLEX, root, report=report)


def load_mpi3d(layout: MPI3DLayout, root: Path | None = None, *, report: Report = unheard) -> GridDataset:
    """The images of a variant from its published file below ``root``, else from the procedural source.

    Args:
        layout: The variant.
        root: The folder of all data, by default ``default_root()``; the file is looked for as any npz in
            ``mpi3d/<variant>/`` or ``<variant>/``, and by its name in ``mpi3d/`` and the root.
        report: Is told how far an import or a check is.

    Returns:
        1,036,800 or 460,800 images ``(3, 64, 64)`` under the variant's name, or the procedural ones
        named ``mpi3d_like``, whatever the variant.

    Raises:
        DataFileError: If the file is there but bad, or its images cannot be stored.
    """
    root = default_root() if root is None else Path(root)
    path = find_data_file(root, layout.names)
    if path is None:
        return load_mpi3d_like(root, report=report)
    return read_mpi3d(path, root, layout, report=report)


def read_mpi3d(path: Path, root: Path, layout: MPI3DLayout, *, report: Report = unheard) -> ImageGrid:
    """A file in the format of MPI3D: mapped in place if its array is stored, else through a store below ``root``.

    Args:
        path: An npz file.
        root: The folder of all data.
        layout: The variant.
        report: Is told how far an import or a check is.

    Returns:
        The images of the file; ``source`` is ``real``.

    Raises:
        DataFileError: If the file is cut, of another count, checksum or shape, or its images cannot be
            stored.
    """
    remedy = layout.file.remedy
    form = npz.array_form(path, _IMAGES, remedy)
    grid = layout.grid_of(path, form.shape[0])
    shape = (len(grid), 64, 64, 3)
    uint8_array(_IMAGES, shape).check(path, form, remedy)
    # nothing is known of the checksums of the earlier files
    known = layout.file if grid is layout.grids[0] else PublishedFile(path.name, layout.file.folder, layout.file.page)
    place = npz.stored_place(path, _IMAGES, remedy)
    folder = store_root(root)
    if place is None:
        blocks = partial(_inflate, path, known, report)
        recipe = Recipe(known.key(path), shape, np.dtype(np.uint8), blocks, in_memory=False)
        stored = obtain(folder / "imported" / f"{layout.variant}.u8", recipe, report)
    else:
        n_bytes = int(np.prod(shape))
        sha256 = checked_sha256(path, place, n_bytes, known, folder / "checked" / f"{layout.variant}.json", report)
        stored = Stored(np.memmap(path, np.uint8, "r", offset=place.offset, shape=shape).view(np.ndarray), sha256)
    return ImageGrid(layout.variant, "real", BytePixels(stored), grid)


def _inflate(path: Path, file: PublishedFile, report: Report) -> Iterator[np.ndarray]:
    file.check(path, report)
    yield from npz.array_rows(path, _IMAGES, _BLOCK, file.remedy)
