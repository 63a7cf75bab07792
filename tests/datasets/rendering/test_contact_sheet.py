from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minebench.datasets.cache import Stored
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.rendering.contact_sheet import grid_sheet, sheet
from minebench.datasets.tinted_pixels import TintedPixels

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
MARGIN, GAP = 104, 2


@pytest.fixture
def dataset() -> ImageGrid:
    """A tint makes images darker, a scene moves a bright column."""
    planes = np.zeros((12, 1, 16, 12), np.float32)
    planes[np.arange(12), 0, :, np.arange(12)] = 256
    colours = np.array([250, 150, 50], np.float32)[:, None, None].repeat(3, axis=1)
    pixels = TintedPixels(Stored.of(planes), colours)
    return ImageGrid("toy", "procedural", pixels, Grid(("tint", "place"), (3, 12)))


def test_each_factor_has_a_row_from_its_first_to_its_last_value(dataset):
    picture = np.asarray(grid_sheet(dataset, n_columns=4))
    assert picture.shape == (4 * (16 + GAP) - GAP, MARGIN + 4 * (12 + GAP), 3)
    images = [[picture[18 * row : 18 * row + 16, MARGIN + 14 * k :][:, :12] for k in range(4)] for row in range(2)]
    assert [image.max() for image in images[0][:3]] == [250, 150, 50]
    assert (images[0][3] == 255).all()  # three values fill three columns
    assert [int(image.max(axis=(0, 2)).argmax()) for image in images[1]] == [0, 4, 7, 11]


def test_names_stand_on_the_left(dataset):
    images = dataset.images([0])
    named, unnamed = (np.asarray(sheet([(name, images)]))[:, :MARGIN] for name in ("name", ""))
    assert (named < 128).any()
    assert (unnamed == 255).all()


@pytest.mark.parametrize("picture", sorted(PICTURES.glob("*_like.png")), ids=lambda path: path.name)
def test_committed_sheets_are_small(picture):
    assert picture.stat().st_size < 300_000
    with Image.open(picture) as image:
        assert image.width < 1600
