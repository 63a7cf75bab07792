import hashlib
from pathlib import Path

import numpy as np
import pytest

from minebench.datasets import celeba_like as module
from minebench.datasets.celeba_files import CELEBA
from minebench.datasets.celeba_like import N_IMAGES, PIXELS_SHA256, load_celeba_like, partition
from minebench.datasets.files import DataFileError
from minebench.datasets.image_table import ImageTable
from minebench.datasets.rendering.face_attributes import draw_attributes
from minebench.datasets.rendering.faces import draw_faces
from minebench.datasets.splits import held_out_split

N = 400


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def dataset(root: Path) -> ImageTable:
    return load_celeba_like(root, n_images=N)


def test_it_says_that_it_is_drawn_and_has_attributes_of_celeba(dataset):
    assert (dataset.name, dataset.source) == ("celeba_like", "procedural")
    assert len(dataset) == N
    assert dataset.image_shape == (3, 64, 64)
    assert dataset.factor_sizes == (2,) * 20
    assert set(dataset.factor_names) < set(CELEBA.attributes)
    assert dataset.identity is None
    assert CELEBA.n_images == N_IMAGES


def test_images_are_the_faces_of_their_rows(dataset):
    rows = np.array([N - 1, 0, 17, 17])
    images = dataset.images(rows)
    assert images.dtype == np.uint8
    assert images.shape == (4, 3, 64, 64)
    assert np.array_equal(images.transpose(0, 2, 3, 1), draw_faces(rows, draw_attributes(rows)))


def test_factors_are_the_attributes(dataset):
    assert np.array_equal(dataset.factors(np.arange(N)), dataset.attributes)
    assert dataset.factors([3]).dtype == np.int64
    assert not dataset.attributes.flags.writeable
    smiling = dataset.sample(30, np.random.default_rng(0), fixed={"Smiling": 1})
    assert dataset.factors(smiling)[:, dataset.factor_names.index("Smiling")].all()


def test_the_whole_set_has_the_published_partition():
    parts = partition(202_599)
    assert np.bincount(parts).tolist() == [162_770, 19_867, 19_962]
    assert (np.diff(parts.astype(int)) >= 0).all()


@pytest.mark.parametrize("n_images", [20, 400, 20_000])
def test_other_numbers_are_parted_in_the_same_shares(n_images):
    """162,770 of 202,599 is 0.8034, and 182,637 is 0.9015."""
    train, validation, test = np.bincount(partition(n_images)).tolist()
    assert (train, train + validation) == (round(0.80341 * n_images), round(0.90147 * n_images))
    assert train + validation + test == n_images


def test_models_are_trained_on_the_first_part_and_scored_on_the_last(dataset):
    split = held_out_split(dataset)
    assert (dataset.split[split.train] == 0).all()
    assert (dataset.split[split.held_out] == 2).all()
    assert (len(split.train), len(split.held_out)) == (321, 39)


def test_rows_are_the_same_faces_whatever_their_number(dataset, tmp_path):
    fewer = load_celeba_like(tmp_path, n_images=40)
    assert np.array_equal(fewer.images(np.arange(40)), dataset.images(np.arange(40)))
    assert np.array_equal(fewer.attributes, dataset.attributes[:40])
    assert fewer.fingerprint() != dataset.fingerprint()


def test_a_second_load_maps_the_store_and_has_the_same_fingerprint(dataset, root, monkeypatch):
    monkeypatch.setattr(module, "draw_faces", pytest.fail)
    again = load_celeba_like(root, n_images=N)
    assert isinstance(again.pixels.stored.array.base, np.memmap)
    assert again.fingerprint() == dataset.fingerprint()
    assert len(again.fingerprint()) == 64


@pytest.mark.parametrize(
    ("rows", "error"), [([N], IndexError), ([-1], IndexError), ([0.5], TypeError), ([[0]], ValueError)]
)
def test_invalid_rows_are_refused(dataset, rows, error):
    with pytest.raises(error):
        dataset.images(rows)


def test_too_few_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="needs 20 images; got 19"):
        load_celeba_like(tmp_path, n_images=19)


def test_images_of_another_hash_are_refused(tmp_path, monkeypatch):
    """Forty faces are made to pass for the whole set."""
    monkeypatch.setattr(module, "N_IMAGES", 40)
    with pytest.raises(ValueError, match=f"must have sha256 {PIXELS_SHA256}"):
        load_celeba_like(tmp_path, n_images=40)


def test_more_images_than_fit_in_memory_are_refused_where_they_cannot_be_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_IN_MEMORY", 30)
    (tmp_path / "drawn").touch()  # a file in the folder's place
    with pytest.raises(DataFileError, match="can be stored"):
        load_celeba_like(tmp_path, n_images=40)
    assert len(load_celeba_like(tmp_path, n_images=30)) == 30


@pytest.mark.slow
def test_all_202599_faces_have_the_hash_of_every_machine():
    """Two minutes: all are drawn and none is kept."""
    digest = hashlib.sha256()
    for start in range(0, N_IMAGES, 1024):
        rows = np.arange(start, min(start + 1024, N_IMAGES))
        digest.update(draw_faces(rows, draw_attributes(rows)).data)
    assert digest.hexdigest() == PIXELS_SHA256
