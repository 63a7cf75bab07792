"""Drawn faces with twenty of CelebA's attributes: correlated, no grid, and with the same partition.

Every face is a function of its row, so any number of them can be had. Attributes have roughly the
shares and correlations of the published table (see ``face_attributes``, all approximate), and each
can be seen; pose, light, colours and proportions vary besides. Faces are flat drawings: they stand in
for CelebA where a data set with attributes is needed, and say nothing about photographs.

References:
    Liu, Luo, Wang, Tang (2015), Deep Learning Face Attributes in the Wild. arXiv:1411.7766.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minebench.datasets.attribute_table import AttributeTable
from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.celeba_files import CELEBA
from minebench.datasets.files import Report, default_root, store_root, unheard
from minebench.datasets.image_table import ImageTable
from minebench.datasets.pixels import BytePixels
from minebench.datasets.rendering.face_attributes import NAMES, draw_attributes
from minebench.datasets.rendering.faces import SIZE, draw_faces

N_IMAGES = CELEBA.n_images
PIXELS_SHA256 = "a184c739a2f9e0775af31909647e073ce66f47e98b49df3bfa734a0c23a1072d"
_PARTS = (162_770, 19_867, 19_962)  # images for training, validation and tests, in this order
_BLOCK = 512  # faces drawn at once: 6 MB, and three times as much on the way
_IN_MEMORY = 20_000  # so many fit there where they cannot be stored: 246 MB


def load_celeba_like(root: Path | None = None, *, n_images: int = N_IMAGES, report: Report = unheard) -> ImageTable:
    """Faces that are drawn once and stored.

    Args:
        root: The folder of all data, by default ``default_root()``; the store is ``drawn/``, 2.49 GB
            for the published number of images.
        n_images: How many faces, at least 20; row k is the same face whatever it is.
        report: Is told how many are drawn.

    Returns:
        Images ``(3, 64, 64)`` with 20 binary attributes, and CelebA's partition: the first 162,770 of
        202,599 for training, then 19,867 for validation and 19,962 for tests, or the same shares of
        another number; ``source`` is ``procedural``, and nobody has an identity.

    Raises:
        ValueError: If there are too few images, or this machine's arithmetic draws other ones.
        DataFileError: If so many images cannot be stored.
    """
    if n_images < 20:
        raise ValueError(f"celeba_like has three parts of at least one image, so it needs 20 images; got {n_images}")
    root = default_root() if root is None else Path(root)
    whole = n_images == N_IMAGES
    attributes = draw_attributes(np.arange(n_images))
    attributes.flags.writeable = False
    recipe = Recipe(
        f"{PIXELS_SHA256} {n_images}",
        (n_images, SIZE, SIZE, 3),
        np.dtype(np.uint8),
        lambda: _draw(attributes),
        sha256=PIXELS_SHA256 if whole else None,
        in_memory=n_images <= _IN_MEMORY,
    )
    name = "celeba_like.u8" if whole else f"celeba_like_{n_images}.u8"
    pixels = BytePixels(obtain(store_root(root) / "drawn" / name, recipe, report))
    table = AttributeTable(NAMES, (2,) * len(NAMES), attributes)
    return ImageTable("celeba_like", "procedural", pixels, table, partition(n_images))


def _draw(attributes: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(attributes), _BLOCK):
        some = attributes[start : start + _BLOCK]
        yield draw_faces(np.arange(start, start + len(some)), some)


def partition(n_images: int) -> np.ndarray:
    """The part of each row, in CelebA's order and shares.

    Args:
        n_images: How many rows.

    Returns:
        uint8 ``(n_images,)``: 0 for training, then 1 for validation, then 2 for tests.
    """
    ends = [round(n_images * end / N_IMAGES) for end in np.cumsum(_PARTS).tolist()]
    return np.repeat(np.arange(3, dtype=np.uint8), np.diff([0, *ends]))
