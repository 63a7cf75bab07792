import os
import pickle
from pathlib import Path

import pytest

from minebench.datasets.files import (
    DataFileError,
    default_root,
    file_digest,
    file_sha256,
    file_stamp,
    find_data_file,
)


def test_the_root_is_the_environments(tmp_path, monkeypatch):
    monkeypatch.setenv("MINEBENCH_DATA", str(tmp_path))
    assert default_root() == tmp_path


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_root_is_in_the_users_cache(value, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("MINEBENCH_DATA") if value is None else monkeypatch.setenv("MINEBENCH_DATA", value)
    assert default_root() == Path("/home/somebody/.cache/minebench")


def test_the_root_may_begin_with_a_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("MINEBENCH_DATA", "~/data")
    assert default_root() == Path("/home/somebody/data")


def test_the_first_name_that_exists_is_found(tmp_path):
    (tmp_path / "b").touch()
    (tmp_path / "c").touch()
    assert find_data_file(tmp_path, ["a", "b", "c"]) == tmp_path / "b"
    assert find_data_file(tmp_path, ["a"]) is None
    assert find_data_file(tmp_path / "nowhere", ["a", "b"]) is None


def test_a_star_stands_for_any_part_of_a_name_and_the_first_in_order_is_found(tmp_path):
    for name in ("mpi3d/toy/z.npz", "mpi3d/toy/a.npz", "mpi3d/toy/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_data_file(tmp_path, ["mpi3d/real/*.npz", "mpi3d/toy/*.npz"]) == tmp_path / "mpi3d/toy/a.npz"


def test_the_stamp_moves_with_length_and_time(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    os.utime(path, ns=(0, 7))
    assert file_stamp(path) == "3 bytes of 7"
    os.utime(path, ns=(0, 8))
    assert file_stamp(path) == "3 bytes of 8"
    with pytest.raises(DataFileError, match="expected a readable file"):
        file_stamp(tmp_path / "nowhere")


def test_the_hash_is_that_of_the_bytes(tmp_path):
    """sha256 of "abc", FIPS 180-2, appendix B.1."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_other_hashes_are_known_by_name_and_progress_is_told(tmp_path):
    """md5 of "abc", RFC 1321, appendix A.5."""
    (tmp_path / "abc").write_bytes(b"abc")
    told = []
    assert file_digest(tmp_path / "abc", "md5", lambda *words: told.append(words)) == "900150983cd24fb0d6963f7d28e17f72"
    assert told == [("md5 of abc", 3, 3)]


def test_a_file_that_cannot_be_read_is_a_bad_file(tmp_path):
    with pytest.raises(DataFileError, match=r"expected a readable file; got .*directory"):
        file_sha256(tmp_path)


def test_the_error_says_path_expectation_finding_and_remedy_and_crosses_processes():
    error = DataFileError(Path("a/b.npz"), expected="737,280 rows", got="12", remedy="delete it and get it again")
    assert str(error) == "a/b.npz: expected 737,280 rows; got 12; delete it and get it again"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(copy) == str(error)
    assert copy.path == Path("a/b.npz")
