"""CelebA: 202,599 photographs of faces with 40 binary attributes, from the published files or drawn.

The pictures are cropped and reduced once (see ``celeba_pictures``) into a store of bytes; the labels
are read once into a small one. Rows are in the order of the pictures' names. Attributes count as
factors: they are correlated and no grid, so there is no ``index``; models are trained on the
published training part and scored on the test part.

References:
    Liu, Luo, Wang, Tang (2015), Deep Learning Face Attributes in the Wild. arXiv:1411.7766.
    https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from minebench.datasets.attribute_table import AttributeTable
from minebench.datasets.cache import Recipe, obtain
from minebench.datasets.celeba_files import (
    CELEBA,
    FILE_NAMES,
    FOLDER_NAMES,
    IDENTITY_NAMES,
    LABEL_NAMES,
    PARTITION_NAMES,
    ZIP_NAMES,
    CelebALayout,
)
from minebench.datasets.celeba_labels import read_attributes, read_numbers
from minebench.datasets.celeba_like import load_celeba_like
from minebench.datasets.celeba_pictures import PREPARATION, SIDE, read_pictures
from minebench.datasets.factor_dataset import AttributeDataset
from minebench.datasets.files import (
    DataFileError,
    Report,
    default_root,
    file_stamp,
    find_data_file,
    store_root,
    unheard,
)
from minebench.datasets.image_table import ImageTable
from minebench.datasets.pixels import BytePixels
from minebench.datasets.published import PublishedFile


def load_celeba(
    root: Path | None = None, *, layout: CelebALayout = CELEBA, report: Report = unheard
) -> AttributeDataset:
    """The faces of CelebA from its published files below ``root``, else from the procedural source.

    Args:
        root: The folder of all data, by default ``default_root()``; ``celeba/`` holds
            ``img_align_celeba/`` or its zip, ``list_attr_celeba.txt`` and ``list_eval_partition.txt``
            (or Kaggle's ``.csv``), and ``identity_CelebA.txt`` where it is to be had.
        layout: What the files must hold.
        report: Is told how far an import is.

    Returns:
        202,599 images ``(3, 64, 64)`` named ``celeba``, or the procedural ones named ``celeba_like``.

    Raises:
        DataFileError: If one of the files is there and another missing, or one is bad, or the images
            cannot be stored.
    """
    root = default_root() if root is None else Path(root)
    if find_data_file(root, FILE_NAMES) is None:
        return load_celeba_like(root, report=report)
    pictures = _find(root, (*FOLDER_NAMES, *ZIP_NAMES), layout.pictures)
    labels = _find(root, LABEL_NAMES, layout.labels)
    partition = _find(root, PARTITION_NAMES, layout.partition)
    identity = find_data_file(root, IDENTITY_NAMES)  # Kaggle's copy has none, and no metric needs it
    return _read(pictures, labels, partition, identity, root=root, layout=layout, report=report)


def _find(root: Path, names: tuple[str, ...], file: PublishedFile) -> Path:
    found = find_data_file(root, names)
    if found is None:
        raise DataFileError(
            file.place(root),
            expected=f"this file beside the others of CelebA, or one of {', '.join(names[:2])}",
            got="none",
            remedy=f"get it from {file.page}, or take the other files away to use the drawn faces",
        )
    return found


def _read(
    pictures: Path,
    labels: Path,
    partition: Path,
    identity: Path | None,
    *,
    root: Path,
    layout: CelebALayout,
    report: Report,
) -> ImageTable:
    """The data set of these files, through two stores."""
    folder, n_images, n_attributes = store_root(root) / "imported", layout.n_images, len(layout.attributes)
    files = [(labels, layout.labels), (partition, layout.partition)]
    files += [(identity, layout.identity)] if identity else []
    key = "; ".join(file.key(path) for path, file in files)
    columns = partial(_columns, labels, partition, identity, layout, report)
    recipe = Recipe(key, (n_images, 2 + n_attributes), np.dtype("<i4"), columns)
    known = obtain(folder / "celeba_labels.i4", recipe, report).array  # first: it is quick, and tells a missing picture
    shape = (n_images, SIDE, SIDE, 3)
    key = f"{file_stamp(pictures)}, {layout.pictures.checksum}, {PREPARATION}"
    prepared = partial(_pictures, pictures, layout, report)
    recipe = Recipe(key, shape, np.dtype(np.uint8), prepared, in_memory=False)
    pixels = BytePixels(obtain(folder / f"celeba_{SIDE}.u8", recipe, report))
    table = AttributeTable(layout.attributes, (2,) * n_attributes, known[:, 2:].astype(np.uint8))
    people = known[:, 1].copy() if identity else None
    return ImageTable("celeba", "real", pixels, table, known[:, 0].astype(np.uint8), people)


def _columns(
    labels: Path, partition: Path, identity: Path | None, layout: CelebALayout, report: Report
) -> Iterator[np.ndarray]:
    """Part, person (-1 where unknown) and attributes of each picture."""
    parts = read_numbers(_checked(partition, layout.partition, report), layout.n_images, 0, 2, layout.partition.remedy)
    people = np.full(layout.n_images, -1, np.int32)
    if identity is not None:
        path = _checked(identity, layout.identity, report)
        people = read_numbers(path, layout.n_images, 1, None, layout.identity.remedy)
    start, path = 0, _checked(labels, layout.labels, report)
    for block in read_attributes(path, layout.n_images, layout.attributes, layout.labels.remedy):
        end = start + len(block)
        yield np.column_stack([parts[start:end], people[start:end], block])
        start = end


def _pictures(place: Path, layout: CelebALayout, report: Report) -> Iterator[np.ndarray]:
    if place.is_file():
        layout.pictures.check(place, report)
    yield from read_pictures(place, layout.n_images, layout.pictures.remedy)


def _checked(path: Path, file: PublishedFile, report: Report) -> Path:
    """The path, once its checksum has been compared; nothing is known of Kaggle's copies."""
    if path.suffix != ".csv":
        file.check(path, report)
    return path
