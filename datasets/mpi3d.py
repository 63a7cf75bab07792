"""MPI3D: an object on a robot's arm, in four published variants, or drawn anew.

Each variant is an npz file with one array of images and no labels: its rows are in C order, the
vertical axis fastest. Toy and realistic files were first published with 460,800 images of four
colours and four shapes, as many as the variant of complex objects has; so variant and count decide
together what the factors are. An array that is stored is mapped where it lies, one that is deflated
is imported once. All variants share one procedural source.

References:
    Gondal et al. (2019), On the Transfer of Inductive Bias from Simulation to the Real World: a New
    Disentanglement Dataset. arXiv:1906.03292. https://github.com/rr-learning/disentanglement_dataset
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from minebench.datasets import npz
from minebench.datasets.array_form import uint8_array
from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.checked_file import checked_sha256
from minebench.datasets.factor_dataset import GridDataset
from minebench.datasets.files import Report, default_root, find_data_file, store_root, unheard
from minebench.datasets.grid import Grid
from minebench.datasets.pixel_grid import PixelGrid
from minebench.datasets.published import Card, PublishedFile

FACTOR_NAMES = (
    "object_color",
    "object_shape",
    "object_size",
    "camera_height",
    "background_color",
    "horizontal_axis",
    "vertical_axis",
)
_SIX = Grid(FACTOR_NAMES, (6, 6, 2, 3, 3, 40, 40))  # 1,036,800 images
_FOUR = Grid(FACTOR_NAMES, (4, 4, 2, 3, 3, 40, 40))  # 460,800
_PAGE = "https://github.com/rr-learning/disentanglement_dataset"
_IMAGES = "images"
_BLOCK = 1024  # rows read at once: 13 MB


@dataclass(frozen=True)
class MPI3DLayout:
    """What the file of a variant holds.

    Attributes:
        variant: The registry's key.
        grids: The factors, the published ones first; the number of images decides between them.
        file: What is known of the file that holds the first grid.
        names: Where the file is looked for.
    """

    variant: str
    grids: tuple[Grid, ...]
    file: PublishedFile
    names: tuple[str, ...]

    @property
    def card(self) -> Card:
        """What can be said of the variant without opening it."""
        grid = self.grids[0]
        licence = "Creative Commons Attribution 4.0 International"
        return Card(FACTOR_NAMES, grid.factor_sizes, len(grid), (3, 64, 64), licence, _PAGE, (self.file,))


def _layout(variant: str, grids: tuple[Grid, ...], md5: str | None, name: str, other_folder: str = "") -> MPI3DLayout:
    """The layout of a variant as published: folders by its name, the file's own name first."""
    urls = (
        f"https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/{name}",
        f"https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/{name}",
    )
    file = PublishedFile(
        name,
        folder=f"mpi3d/{variant}",
        page=_PAGE,
        checksum=f"md5:{md5}" if md5 else None,
        urls=urls if md5 else (),  # the complex objects lie behind a page for browsers
    )
    folders = [variant, *([other_folder] if other_folder else [])]
    inside = [
        f"{above}{folder}/{npz_name}" for npz_name in (name, "*.npz") for above in ("mpi3d/", "") for folder in folders
    ]
    beside = [f"{above}{stem}" for above in ("mpi3d/", "") for stem in dict.fromkeys((name, f"{variant}.npz"))]
    return MPI3DLayout(variant, grids, file, (*inside, *beside))


TOY = _layout("mpi3d_toy", (_SIX, _FOUR), "55889cb7c7dfc655d6e0277beee88868", "mpi3d_toy.npz")
REALISTIC = _layout("mpi3d_realistic", (_SIX, _FOUR), "59a6225b88b635365f70c91b3e52f70f", "mpi3d_realistic.npz")
REAL = _layout("mpi3d_real", (_SIX,), "0f33f609918fb5c97996692f91129802", "mpi3d_real.npz")
REAL_COMPLEX = _layout(
    "mpi3d_real_complex", (_FOUR,), None, "real3d_complicated_shapes_ordered.npz", other_folder="mpi3d_complex"
)
TOY_NAMES, REALISTIC_NAMES, REAL_NAMES, REAL_COMPLEX_NAMES = (
    layout.names for layout in (TOY, REALISTIC, REAL, REAL_COMPLEX)
)
TOY_CARD, REALISTIC_CARD, REAL_CARD, REAL_COMPLEX_CARD = (
    layout.card for layout in (TOY, REALISTIC, REAL, REAL_COMPLEX)
)


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
        drawn: GridDataset = importlib.import_module("minebench.datasets.mpi3d_like").load_mpi3d_like(root)
        return drawn
    return read_mpi3d(path, root, layout, report=report)


def read_mpi3d(path: Path, root: Path, layout: MPI3DLayout, *, report: Report = unheard) -> PixelGrid:
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
    grid = _grid_of(path, form.shape, layout)
    shape = (len(grid), 64, 64, 3)
    uint8_array(_IMAGES, shape).check(path, form, remedy)
    # nothing is known of the checksums of the earlier files
    known = layout.file if grid is layout.grids[0] else PublishedFile(path.name, layout.file.folder, _PAGE)
    place = npz.stored_place(path, _IMAGES, remedy)
    folder = store_root(root)
    if place is None:
        blocks = partial(_inflate, path, known, report)
        recipe = Recipe(known.key(path), shape, np.dtype(np.uint8), blocks, in_memory=False)
        pixels, sha256 = obtain(folder / "imported" / f"{layout.variant}.u8", recipe, report)
    else:
        n_bytes = int(np.prod(shape))
        sha256 = checked_sha256(path, place, n_bytes, known, folder / "checked" / f"{layout.variant}.json", report)
        pixels = np.memmap(path, np.uint8, "r", offset=place.offset, shape=shape).view(np.ndarray)
    return PixelGrid(layout.variant, "real", pixels, grid.factor_names, grid.factor_sizes, pixels_sha256=sha256)


def _grid_of(path: Path, shape: tuple[int, ...], layout: MPI3DLayout) -> Grid:
    for grid in layout.grids:
        if len(grid) == shape[0]:
            return grid
    counts = " or ".join(f"{len(grid):,}" for grid in layout.grids)
    raise layout.file.bad(
        path, f"{counts} images of {layout.variant}", f"{shape[0]:,}: another variant, or a part of it"
    )


def _inflate(path: Path, file: PublishedFile, report: Report) -> Iterator[np.ndarray]:
    file.check(path, report)
    yield from npz.array_rows(path, _IMAGES, _BLOCK, file.remedy)
