"""The reader of npz files: what the data sets' own tests do not see of it."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from minebench.datasets.array_form import ArrayForm, uint8_array
from minebench.datasets.files import DataFileError
from minebench.datasets.npz import array_form, array_rows, stored_place

ARRAY = np.random.default_rng(0).integers(0, 256, (10, 3), np.uint8)


def write(path: Path, array: np.ndarray = ARRAY, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("first.txt", "a member in front")
        with archive.open("images.npy", "w") as member:
            np.lib.format.write_array(member, array)
    return path


def read(path: Path) -> np.ndarray:
    return np.concatenate(list(array_rows(path, "images", 4, "mend it")))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_form_and_rows_come_back_in_blocks(tmp_path, compression):
    path = write(tmp_path / "f.npz", compression=compression)
    assert array_form(path, "images", "") == ArrayForm((10, 3), np.dtype(np.uint8))
    assert [len(block) for block in array_rows(path, "images", 4, "")] == [4, 4, 2]
    assert np.array_equal(read(path), ARRAY)


def test_a_file_that_numpy_wrote_can_be_mapped_in_place(tmp_path):
    np.savez(tmp_path / "f.npz", other=np.zeros(7), images=ARRAY)
    place = stored_place(tmp_path / "f.npz", "images", "")
    mapped = np.memmap(tmp_path / "f.npz", np.uint8, "r", offset=place.offset, shape=ARRAY.shape)
    assert np.array_equal(mapped, ARRAY)


def test_the_place_follows_the_local_header_not_the_central_one(tmp_path):
    """An extra field in front of the member alone shifts its bytes."""
    path = write(tmp_path / "f.npz")
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("images.npy")
        info.extra = b"\x99\x99\x04\x00abcd"
        with archive.open(info, "w") as member:
            np.lib.format.write_array(member, ARRAY)
        info.extra = b""
    place = stored_place(path, "images", "")
    assert path.read_bytes()[place.offset :][: ARRAY.nbytes] == ARRAY.tobytes()
    assert path.read_bytes()[place.start :][:6] == b"\x93NUMPY"


def test_a_deflated_array_has_no_place(tmp_path):
    assert stored_place(write(tmp_path / "f.npz", compression=zipfile.ZIP_DEFLATED), "images", "") is None


def test_a_stored_array_with_bytes_beyond_its_header_has_no_trustworthy_place(tmp_path):
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive, archive.open("images.npy", "w") as member:
        np.lib.format.write_array(member, ARRAY)
        member.write(b"more")
    with pytest.raises(DataFileError, match="34 bytes of images, where its header promises 30; mend it"):
        stored_place(tmp_path / "f.npz", "images", "mend it")


def test_a_bomb_is_inflated_no_further_than_its_header_promises(tmp_path):
    """67 MB of zeros behind a header that promises 30 bytes."""
    path = tmp_path / "f.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("images.npy", "w") as member:
        np.lib.format.write_array(member, ARRAY)
        member.write(bytes(1 << 26))
    inflated = []
    original = zipfile.ZipExtFile._read1

    def counted(self, n):
        content = original(self, n)
        inflated.append(len(content))
        return content

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile.ZipExtFile, "_read1", counted)
        with pytest.raises(DataFileError, match="expected images of 10 rows; got more bytes after them"):
            read(path)
    assert sum(inflated) < 1 << 20


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, compression):
    with pytest.raises(DataFileError, match="where stored and deflated members are read"):
        array_form(write(tmp_path / "f.npz", compression=compression), "images", "")


def test_a_single_number_is_no_array_of_rows(tmp_path):
    np.savez(tmp_path / "f.npz", images=np.uint8(3))
    with pytest.raises(DataFileError, match="a single number, where rows are expected"):
        array_form(tmp_path / "f.npz", "images", "")


def test_a_missing_array_and_a_cut_file_are_told_with_the_remedy(tmp_path):
    path = write(tmp_path / "f.npz")
    with pytest.raises(DataFileError, match=r"expected an npz with labels; got no member labels\.npy; mend it"):
        array_form(path, "labels", "mend it")
    os.truncate(path, 100)
    for reader in (array_form, stored_place):
        with pytest.raises(DataFileError, match=r"expected a complete npz with images; got BadZipFile.*; mend it"):
            reader(path, "images", "mend it")


def test_an_array_of_objects_is_told_by_its_form_alone(tmp_path):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a pickle was loaded",)

    np.savez(tmp_path / "f.npz", images=np.array([Trap()], dtype=object))
    form = array_form(tmp_path / "f.npz", "images", "")
    with pytest.raises(DataFileError, match=r"expected images to be uint8 \(10, 3\); got object \(1,\)"):
        uint8_array("images", (10, 3)).check(tmp_path / "f.npz", form, "")
