from dataclasses import replace

import pytest

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
