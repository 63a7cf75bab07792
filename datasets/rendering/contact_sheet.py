"""Pictures of the procedural data sets: one row a factor, so that a person can see what each value does.

``python -m minebench.datasets.rendering.contact_sheet shapes3d_like docs/pictures/shapes3d_like.png``
draws a sheet anew; the others are ``mpi3d_like`` and ``celeba_like``.
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from minebench.datasets.factor_dataset import GridDataset
from minebench.datasets.rendering.face_attributes import NAMES, draw_attributes, may_have
from minebench.datasets.rendering.faces import draw_faces

_GAP, _MARGIN = 2, 104  # pixels between images, and for a row's name
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


def grid_sheet(dataset: GridDataset, *, n_columns: int = 10) -> Image.Image:
    """One row a factor: its values from the first to the last, the other factors held; then a row at random.

    Args:
        dataset: A grid of RGB images.
        n_columns: The most values that are shown of a factor.

    Returns:
        The picture.
    """
    rng = np.random.default_rng(0)
    rows = []
    for column, (name, size) in enumerate(zip(dataset.factor_names, dataset.factor_sizes, strict=True)):
        values = np.unique(np.linspace(0, size - 1, min(size, n_columns)).round().astype(int))
        factors = np.repeat([rng.integers(0, dataset.factor_sizes)], len(values), axis=0)
        factors[:, column] = values
        rows.append((f"{name} {size}", dataset.images(dataset.index(factors))))
    for _ in range(2):
        rows.append(("at random", dataset.images(rng.integers(0, len(dataset), n_columns))))
    return sheet(rows)


def face_sheet(*, n_people: int = 4) -> Image.Image:
    """One row an attribute: people without it, and next to each the same one with it; then rows at random."""
    rows, drawn = np.arange(4000), draw_attributes(np.arange(4000))
    lines = []
    for column, name in enumerate(NAMES):
        people = may_have(name, drawn)
        chosen = rows[people][3 * column : 3 * column + n_people]
        pairs = np.repeat(drawn[chosen], 2, axis=0)
        pairs[0::2, column], pairs[1::2, column] = 0, 1
        lines.append((name, draw_faces(np.repeat(chosen, 2), pairs).transpose(0, 3, 1, 2)))
    for start in (0, 2 * n_people):
        some = slice(start, start + 2 * n_people)
        lines.append(("at random", draw_faces(rows[some], drawn[some]).transpose(0, 3, 1, 2)))
    return ImageOps.posterize(sheet(lines), 5)  # steps of 8: unseen, and half the size of a file


def sheet(rows: list[tuple[str, np.ndarray]]) -> Image.Image:
    """Rows of images, each with its name on the left.

    Args:
        rows: Names, and images uint8 ``(n, 3, H, W)`` of one size.

    Returns:
        The picture.
    """
    height, width = rows[0][1].shape[2:]
    n_columns = max(len(images) for _, images in rows)
    picture = Image.new("RGB", (_MARGIN + n_columns * (width + _GAP), len(rows) * (height + _GAP) - _GAP), _PAPER)
    draw = ImageDraw.Draw(picture)
    for number, (name, images) in enumerate(rows):
        top = number * (height + _GAP)
        draw.text((2, top + height // 2 - 6), name, _INK)
        for column, image in enumerate(images):
            picture.paste(Image.fromarray(image.transpose(1, 2, 0)), (_MARGIN + column * (width + _GAP), top))
    return picture


def main(name: str, out: str) -> None:
    """Draw the sheet of the procedural data set ``name`` into the file ``out``."""
    if name == "celeba_like":
        picture = face_sheet()
    else:
        picture = grid_sheet(getattr(import_module(f"minebench.datasets.{name}"), f"load_{name}")())
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    picture.save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
