import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.shapes3d_like import PLANES_SHA256, load_shapes3d_like

GOLDEN = Path(os.environ.get("MINEBENCH_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"no published frames in {GOLDEN}; set MINEBENCH_GOLDEN to their folder"
)
ROWS = np.arange(0, 480_000, 480)  # the first scene in each of the 1,000 tints
N_SCENES = 480
IMAGES_SHA256 = "704f899ec400d6d64bf75d1e886b89c7f3b9a4d9e0b93c109aa77df1bc9bb253"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def dataset(root: Path) -> ImageGrid:
    return load_shapes3d_like(root)


def hue_of(pixels: np.ndarray) -> int:
    """The hue, 0 ... 9, that most of the pixels (n, 3) are nearest to, whatever their brightness and highlight."""
    pure = pixels.reshape(-1, 3).astype(float)
    pure = pure - pure.min(axis=1, keepdims=True)
    pure /= np.maximum(pure.max(axis=1, keepdims=True), 1)
    turns = np.arange(10)[:, None] / 10 + np.array([0, 2 / 3, 1 / 3])  # of red, green and blue
    hues = np.clip(abs(turns % 1 * 6 - 3) - 1, 0, 1)
    return int(np.bincount(abs(pure[:, None] - hues).sum(axis=-1).argmin(axis=1), minlength=10).argmax())


@pytest.fixture(scope="module")
def golden_frames() -> np.ndarray:
    """50 published frames, uint8 (50, 64, 64, 3), 10 in a row."""
    picture = np.asarray(Image.open(GOLDEN / "shapes3d_notebook_50.png").convert("RGB"))
    return picture.reshape(5, 64, 10, 64, 3).swapaxes(1, 2).reshape(50, 64, 64, 3)


@needs_golden
def test_the_mean_error_against_50_published_frames_is_2_7_of_255(dataset, golden_frames):
    """Each frame against the nearest of all 480 scenes, in the hues that are read off the frame."""
    errors = []
    for frame in golden_frames:
        floor, wall = hue_of(frame[58:]), hue_of(frame[26:36, [1, 2, 3, 60, 61, 62]])
        one = hue_of(frame[43:47, 31:33])
        first = dataset.index([[floor, wall, one, 0, 0, 0]])[0]
        images, published = dataset.images(first + np.arange(N_SCENES)), frame.transpose(2, 0, 1)
        error = np.maximum(images, published) - np.minimum(images, published)  # stays in bytes
        errors.append(error.reshape(N_SCENES, -1).mean(axis=1).min())
    assert len(errors) == 50
    assert np.mean(errors) <= 5.0  # what is asked for; the sketch that this follows had 5.55
    assert np.mean(errors) == pytest.approx(2.73, abs=0.01)
    assert max(errors) < 5.0


@needs_golden
def test_the_hues_of_drawn_frames_are_read_off_as_those_of_published_ones(dataset):
    """The reading itself, on 200 images whose hues are known."""
    rows = np.random.default_rng(0).integers(0, len(dataset), 200)
    for image, factors in zip(dataset.images(rows).transpose(0, 2, 3, 1), dataset.factors(rows), strict=True):
        assert hue_of(image[58:]) == factors[0]
        assert hue_of(image[43:47, 31:33]) == factors[2]


def test_it_has_the_published_factors_and_says_that_it_is_drawn(dataset):
    assert (dataset.name, dataset.source) == ("shapes3d_like", "procedural")
    assert dataset.factor_names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    assert dataset.factor_sizes == (10, 10, 10, 8, 4, 15)
    assert len(dataset) == 480_000
    assert dataset.image_shape == (3, 64, 64)


def test_1000_images_have_the_hash_of_every_machine(dataset):
    """Colours of all tints; scenes 0 ... 479 in turn."""
    rows = ROWS + np.arange(1000) % N_SCENES
    images = np.ascontiguousarray(dataset.images(rows))
    assert images.dtype == np.uint8
    assert images.shape == (1000, 3, 64, 64)
    assert hashlib.sha256(images.data).hexdigest() == IMAGES_SHA256


def test_the_scenes_have_the_hash_of_every_machine(dataset):
    assert hashlib.sha256(np.ascontiguousarray(dataset.pixels.stored.array).data).hexdigest() == PLANES_SHA256


@pytest.mark.parametrize("factor", range(6))
def test_each_value_of_each_factor_makes_another_image(dataset, factor):
    rng = np.random.default_rng(factor)
    for _ in range(5):
        factors = np.repeat([rng.integers(0, dataset.factor_sizes)], dataset.factor_sizes[factor], axis=0)
        factors[:, factor] = np.arange(dataset.factor_sizes[factor])
        images = dataset.images(dataset.index(factors)).astype(np.int16)
        between = abs(images[:, None] - images[None]).mean(axis=(2, 3, 4))
        assert between[~np.eye(len(images), dtype=bool)].min() > 0.2  # in levels of 255, over the whole image


@pytest.mark.parametrize(("factor", "area"), [(0, np.s_[60:, :]), (1, np.s_[24:34, [2, 61]]), (2, np.s_[44:46, 31:33])])
def test_a_hue_colours_its_own_material_alone(dataset, factor, area):
    """Hue k is k / 10 of the colour circle: 0 is red, 5 is cyan."""
    factors = np.zeros((2, 6), int)
    factors[:, :3] = 3  # all green
    factors[:, factor] = (0, 5)
    red, cyan = (image.transpose(1, 2, 0)[area].reshape(-1, 3) for image in dataset.images(dataset.index(factors)))
    assert (red[:, 0] > 2 * red[:, 1:].max(axis=1)).all()
    assert (cyan[:, 1:].min(axis=1) > 2 * cyan[:, 0]).all()
    others = [other for other in range(3) if other != factor]
    assert all(dataset.factors(dataset.index(factors))[0, other] == 3 for other in others)


def test_rows_and_factors_are_inverse(dataset):
    everything = np.arange(len(dataset))
    assert np.array_equal(dataset.index(dataset.factors(everything)), everything)


def test_an_image_does_not_depend_on_its_company(dataset):
    rows = np.random.default_rng(0).integers(0, len(dataset), 50)
    together = dataset.images(rows)
    assert all(np.array_equal(dataset.images([row])[0], image) for row, image in zip(rows, together, strict=True))
    assert dataset.images([]).shape == (0, 3, 64, 64)


@pytest.mark.parametrize(
    ("rows", "error"), [([480_000], IndexError), ([-1], IndexError), ([0.5], TypeError), ([[0]], ValueError)]
)
def test_invalid_rows_are_refused(dataset, rows, error):
    with pytest.raises(error):
        dataset.images(rows)


def test_a_second_load_maps_the_store_and_has_the_same_fingerprint(dataset, root, monkeypatch):
    monkeypatch.setattr("minebench.datasets.shapes3d_like.draw_scenes", pytest.fail)
    again = load_shapes3d_like(root)
    assert isinstance(again.pixels.stored.array.base, np.memmap)
    assert again.fingerprint() == dataset.fingerprint()
    assert len(again.fingerprint()) == 64


def test_scenes_of_another_hash_are_refused(tmp_path, monkeypatch):
    wrong = [np.zeros((480, 5, 64, 64), np.float32)]
    monkeypatch.setattr("minebench.datasets.shapes3d_like.draw_scenes", lambda *_: wrong)
    with pytest.raises(ValueError, match=f"must have sha256 {PLANES_SHA256}"):
        load_shapes3d_like(tmp_path)


@pytest.mark.slow
def test_all_480000_images_differ(dataset):
    """A quarter of a minute: each image's 16-byte hash."""
    hashes = set()
    for start in range(0, len(dataset), 2000):
        for image in dataset.images(np.arange(start, start + 2000)):
            hashes.add(hashlib.blake2b(image.data, digest_size=16).digest())
    assert len(hashes) == 480_000
