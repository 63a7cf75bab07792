import hashlib
from pathlib import Path

import numpy as np
import pytest

from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.mpi3d_files import FACTOR_NAMES
from minebench.datasets.mpi3d_like import WINDOWS_SHA256, load_mpi3d_like
from minebench.datasets.rendering.robot_arm import ArmScenes

N_POSITIONS = 6  # an axis; 1,296 scenes instead of 57,600
IMAGES_SHA256 = "af10987d15c9e0e031553b0f7ee0f28472ab434e49c5d91e5fee976dc72006ec"
SCENES_SHA256 = "9192332ba09f86e8da9da4732a6e35ed1b1bad9b89f54cee86f8422e07ed527c"
N_DISTINCT = 1_036_800  # all of them
COLOUR, SHAPE, SIZE, CAMERA, BAND, HORIZONTAL, VERTICAL = range(7)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def dataset(root: Path) -> ImageGrid:
    return load_mpi3d_like(root, n_positions=N_POSITIONS)


def test_it_has_the_published_factors_and_says_that_it_is_drawn(dataset):
    assert (dataset.name, dataset.source) == ("mpi3d_like", "procedural")
    assert dataset.factor_names == FACTOR_NAMES
    assert dataset.factor_sizes == (6, 6, 2, 3, 3, N_POSITIONS, N_POSITIONS)
    assert len(dataset) == 18 * 1296
    assert dataset.image_shape == (3, 64, 64)
    assert ArmScenes().sizes == (6, 2, 3, 40, 40)  # the published numbers are the default


def test_1000_images_have_the_hash_of_every_machine(dataset):
    images = np.ascontiguousarray(dataset.images(np.arange(1000) * 23))
    assert images.dtype == np.uint8
    assert images.shape == (1000, 3, 64, 64)
    assert hashlib.sha256(images.data).hexdigest() == IMAGES_SHA256


def test_200_scenes_of_the_whole_set_have_the_hash_of_every_machine():
    drawn = ArmScenes().draw(np.arange(200) * 288 + np.arange(200) % 40)
    assert hashlib.sha256(np.ascontiguousarray(drawn).data).hexdigest() == SCENES_SHA256


@pytest.mark.parametrize("factor", range(7))
def test_each_value_of_each_factor_makes_another_image(dataset, factor):
    """Some pixel changes by at least 16 of 255 in some channel, whatever the other factors are."""
    rng = np.random.default_rng(factor)
    for _ in range(20):
        factors = np.repeat([rng.integers(0, dataset.factor_sizes)], dataset.factor_sizes[factor], axis=0)
        factors[:, factor] = np.arange(dataset.factor_sizes[factor])
        images = dataset.images(dataset.index(factors)).astype(np.int16)
        between = abs(images[:, None] - images[None]).max(axis=(2, 3, 4))
        assert between[~np.eye(len(images), dtype=bool)].min() >= 16


def test_the_objects_colour_changes_the_object_alone(dataset):
    """Inside the scene's box, and not where the arm or the band is."""
    factors = np.array([[colour, 1, 1, 1, 0, 1, 3] for colour in range(6)])
    images = dataset.images(dataset.index(factors)).astype(int)
    changed = (images != images[0]).any(axis=(0, 1))
    scene = np.ravel_multi_index((1, 1, 1, 1, 3), dataset.pixels.scenes.sizes)
    top, left, height, width = dataset.pixels.scenes.boxes[scene]
    inside = np.zeros((64, 64), bool)
    inside[top : top + height, left : left + width] = True
    assert 60 < changed.sum() < 400
    assert not changed[~inside].any()
    means = images[:, :, changed].mean(axis=2)  # white, green, red, blue, brown, olive
    assert means[0].min() > means[1:].min(axis=1).max()
    assert means[1:4].argmax(axis=1).tolist() == [1, 0, 2]
    assert means[4].argmax() == 0
    assert means[5][:2].min() > 2 * means[5][2]


def test_the_background_changes_the_band_alone(dataset):
    factors = np.array([[0, 1, 1, 1, band, 1, 3] for band in range(3)])
    purple, sea_green, salmon = dataset.images(dataset.index(factors)).astype(int)
    changed = (purple != sea_green).any(axis=0)
    assert 100 < changed.sum() < 500
    colours = [image[:, changed].mean(axis=1).argmax() for image in (purple, sea_green, salmon)]
    assert colours == [2, 1, 0]


def test_the_axes_move_the_object_along_themselves(dataset):
    def centre(horizontal: int, vertical: int) -> np.ndarray:
        pair = [[colour, 5, 1, 2, 0, horizontal, vertical] for colour in (0, 3)]
        one, other = dataset.images(dataset.index(pair)).astype(int)
        return np.argwhere((one != other).any(axis=0)).mean(axis=0)

    columns = [centre(horizontal, 3)[1] for horizontal in range(N_POSITIONS)]
    rows = [centre(1, vertical)[0] for vertical in range(N_POSITIONS)]
    assert (np.diff(columns) > 2).all()
    assert (np.diff(rows) < -2).all()


def test_an_image_is_the_empty_picture_outside_its_box(dataset):
    rows = np.random.default_rng(0).integers(0, len(dataset), 100)
    factors = dataset.factors(rows)
    drawn = dataset.pixels.scenes
    scenes = np.ravel_multi_index(factors[:, [SHAPE, SIZE, CAMERA, HORIZONTAL, VERTICAL]].T, drawn.sizes)
    for image, of, scene in zip(dataset.images(rows), factors, scenes, strict=True):
        top, left, height, width = drawn.boxes[scene]
        other = dataset.images(dataset.index([[*of[:HORIZONTAL], 0, 0]]))[0]
        outside = np.ones((64, 64), bool)
        outside[top : top + height, left : left + width] = False
        low_top, low_left, low_height, low_width = drawn.boxes[
            np.ravel_multi_index((*of[[SHAPE, SIZE, CAMERA]], 0, 0), drawn.sizes)
        ]
        outside[low_top : low_top + low_height, low_left : low_left + low_width] = False
        assert np.array_equal(image[:, outside], other[:, outside])


def test_rows_and_factors_are_inverse(dataset):
    everything = np.arange(len(dataset))
    assert np.array_equal(dataset.index(dataset.factors(everything)), everything)
    assert dataset.factors([1, N_POSITIONS])[:, -2:].tolist() == [[0, 1], [1, 0]]


def test_an_image_does_not_depend_on_its_company(dataset):
    rows = np.random.default_rng(0).integers(0, len(dataset), 50)
    together = dataset.images(rows)
    assert all(np.array_equal(dataset.images([row])[0], image) for row, image in zip(rows, together, strict=True))
    assert dataset.images([]).shape == (0, 3, 64, 64)


def test_the_caller_may_write_into_images(dataset):
    first = dataset.images([0])
    first[:] = 7
    assert (dataset.images([0]) != 7).any()


@pytest.mark.parametrize(
    ("rows", "error"), [([18 * 1296], IndexError), ([-1], IndexError), ([0.5], TypeError), ([[0]], ValueError)]
)
def test_invalid_rows_are_refused(dataset, rows, error):
    with pytest.raises(error):
        dataset.images(rows)


def test_a_second_load_maps_the_store_and_has_the_same_fingerprint(dataset, root, monkeypatch):
    monkeypatch.setattr(ArmScenes, "draw", pytest.fail)
    again = load_mpi3d_like(root, n_positions=N_POSITIONS)
    assert isinstance(again.pixels.stored.array.base, np.memmap)
    assert again.fingerprint() == dataset.fingerprint()
    assert len(again.fingerprint()) == 64


def test_another_number_of_positions_has_its_own_store_and_fingerprint(dataset, root):
    other = load_mpi3d_like(root, n_positions=2)
    assert other.factor_sizes[-2:] == (2, 2)
    assert other.fingerprint() != dataset.fingerprint()
    assert {store.name for store in root.glob("drawn/*.u16")} == {"mpi3d_like_2.u16", "mpi3d_like_6.u16"}


def test_scenes_of_another_hash_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(ArmScenes, "draw", lambda self, scenes: np.zeros((len(scenes), self.side, self.side), "<u2"))
    with pytest.raises(ValueError, match=f"must have sha256 {WINDOWS_SHA256}"):
        load_mpi3d_like(tmp_path)


@pytest.mark.slow
def test_of_all_1036800_images_the_stated_number_differs(tmp_path):
    """Half a minute: every scene is drawn, then each image's 16-byte hash is taken."""
    dataset = load_mpi3d_like(tmp_path)
    hashes = set()
    for start in range(0, len(dataset), 1600):
        for image in dataset.images(np.arange(start, start + 1600)):
            hashes.add(hashlib.blake2b(image.data, digest_size=16).digest())
    assert len(dataset) == 1_036_800
    assert len(hashes) == N_DISTINCT
    for store in tmp_path.glob("drawn/*.u16"):  # 118 MB that pytest would keep for three sessions
        store.unlink()
