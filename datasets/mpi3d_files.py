"""MPI3D's published files: four variants, what each holds, and where it is looked for.

Each variant is an npz file with one array of images and no labels: its rows are in C order, the
vertical axis fastest. Toy and realistic files were first published with 460,800 images of four
colours and four shapes, as many as the variant of complex objects has; so variant and count decide
together what the factors are.

References:
    Gondal et al. (2019), On the Transfer of Inductive Bias from Simulation to the Real World: a New
    Disentanglement Dataset. arXiv:1906.03292. https://github.com/rr-learning/disentanglement_dataset
"""

from dataclasses import dataclass
from pathlib import Path

from minebench.datasets.grid import Grid
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

    def grid_of(self, path: Path, n_images: int) -> Grid:
        """The factors of a file with so many images.

        Raises:
            DataFileError: If no file of this variant has so many.
        """
        for grid in self.grids:
            if len(grid) == n_images:
                return grid
        counts = " or ".join(f"{len(grid):,}" for grid in self.grids)
        got = f"{n_images:,}: another variant, or a part of it"
        raise self.file.bad(path, f"{counts} images of {self.variant}", got)

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
