from dataclasses import replace

import pytest

from minebench.datasets import celeba_files, dsprites, mpi3d_files, shapes3d_files
from minebench.datasets.files import DataFileError
from minebench.datasets.published import PublishedFile

ABC = PublishedFile(
    "abc.bin",
    folder="abc",
    page="https://example.org/abc",
    n_bytes=3,
    checksum="sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-2, appendix B.1
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "abc.bin"
    path.write_bytes(b"abc")
    return path


def test_a_good_copy_passes_and_is_read_once(path):
    told = []
    ABC.check(path, lambda *words: told.append(words))
    assert told == [("sha256 of abc.bin", 3, 3)]


@pytest.mark.parametrize(("content", "got"), [(b"ab", "2: the file is cut"), (b"abcd", "4: it is another file")])
def test_a_copy_of_another_size_is_refused_before_it_is_read(path, content, got):
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=f"expected 3 bytes; got {got}; delete it and get it again"):
        ABC.check(path, pytest.fail)


def test_a_copy_of_another_checksum_is_refused(path):
    path.write_bytes(b"abd")
    with pytest.raises(DataFileError, match=r"expected sha256 ba7816bf.*; got a52d159f") as refused:
        ABC.check(path)
    assert "https://example.org/abc" in str(refused.value)


def test_what_is_not_known_is_not_compared(path):
    path.write_bytes(b"anything")
    replace(ABC, n_bytes=None, checksum=None).check(path, pytest.fail)


def test_a_missing_copy_is_an_error(tmp_path):
    with pytest.raises(DataFileError, match="expected a readable file"):
        ABC.check(tmp_path / "nowhere")


def test_a_file_tells_what_it_must_be_and_where_it_goes(tmp_path):
    assert str(ABC).startswith("abc.bin (3 bytes, sha256 ba7816bf")
    assert str(replace(ABC, n_bytes=None, checksum=None)) == "abc.bin (size and checksum not published)"
    assert ABC.place(tmp_path) == tmp_path / "abc" / "abc.bin"


@pytest.mark.parametrize(
    ("card", "n_images", "image_shape"),
    [
        (dsprites.CARD, 737_280, (1, 64, 64)),
        (shapes3d_files.CARD, 480_000, (3, 64, 64)),
        (mpi3d_files.TOY_CARD, 1_036_800, (3, 64, 64)),
        (mpi3d_files.REALISTIC_CARD, 1_036_800, (3, 64, 64)),
        (mpi3d_files.REAL_CARD, 1_036_800, (3, 64, 64)),
        (mpi3d_files.REAL_COMPLEX_CARD, 460_800, (3, 64, 64)),
        (celeba_files.CARD, 202_599, (3, 64, 64)),
    ],
)
def test_the_cards_tell_sizes_and_files(card, n_images, image_shape):
    assert (card.n_images, card.image_shape) == (n_images, image_shape)
    assert len(card.factor_names) == len(card.factor_sizes)
    assert card.files
    for file in card.files:
        assert file.page.startswith("https://")
        assert all(url.startswith("https://") for url in file.urls)
        assert file.checksum or not file.urls  # what is downloaded can be verified


def test_a_file_is_put_where_its_loader_looks_for_it():
    for card, names in (
        (dsprites.CARD, dsprites.FILE_NAMES),
        (shapes3d_files.CARD, shapes3d_files.FILE_NAMES),
        (mpi3d_files.TOY_CARD, mpi3d_files.TOY_NAMES),
        (mpi3d_files.REALISTIC_CARD, mpi3d_files.REALISTIC_NAMES),
        (mpi3d_files.REAL_CARD, mpi3d_files.REAL_NAMES),
        (mpi3d_files.REAL_COMPLEX_CARD, mpi3d_files.REAL_COMPLEX_NAMES),
        (celeba_files.CARD, celeba_files.FILE_NAMES),
    ):
        assert all(f"{file.folder}/{file.name}" in names for file in card.files)
