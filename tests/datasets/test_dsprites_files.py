import hashlib
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from minebench.datasets.dsprites import read_dsprites
from minebench.datasets.dsprites_files import read_packed
from minebench.datasets.files import DataFileError


def read(path: Path, grid) -> np.ndarray:
    return np.concatenate(list(read_packed(path, grid)))


def test_the_images_arrive_packed_in_their_order(write_file, small_arrays, small_grid, small_words):
    assert np.array_equal(read(write_file(small_arrays), small_grid), small_words)


def test_reading_through_the_store_gives_a_real_grid_without_the_colour(
    write_file, small_arrays, small_grid, small_words, tmp_path
):
    grid = read_dsprites(write_file(small_arrays), tmp_path, grid=small_grid)
    assert (grid.name, grid.source) == ("dsprites", "real")
    assert grid.factor_names == ("shape", "scale", "orientation", "posX", "posY")
    assert grid.factor_sizes == (3, 2, 4, 10, 10)
    assert np.array_equal(grid.pixels.words, small_words)
    assert np.array_equal(grid.images([7, 2399])[:, 0], small_arrays["imgs"][[7, 2399]] * 255)
    assert np.array_equal(grid.factors(np.arange(2400)), small_arrays["latents_classes"][:, 1:])
    assert grid.pixels.stored.sha256 == hashlib.sha256(small_words.tobytes()).hexdigest()


def test_the_file_is_imported_once(write_file, small_arrays, small_grid, tmp_path, monkeypatch):
    path = write_file(small_arrays)
    first = read_dsprites(path, tmp_path, grid=small_grid)
    monkeypatch.setattr("minebench.datasets.dsprites.read_packed", pytest.fail)
    assert read_dsprites(path, tmp_path, grid=small_grid).fingerprint() == first.fingerprint()


def test_a_changed_file_is_imported_anew(write_file, small_arrays, small_grid, tmp_path):
    first = read_dsprites(write_file(small_arrays), tmp_path, grid=small_grid)
    changed = small_arrays | {"imgs": small_arrays["imgs"][::-1]}
    second = read_dsprites(write_file(changed), tmp_path, grid=small_grid)
    assert np.array_equal(second.pixels.words, first.pixels.words[::-1])


def test_where_nothing_can_be_stored_the_file_is_read_into_memory(
    write_file, small_arrays, small_grid, small_words, tmp_path, caplog
):
    (tmp_path / "root").touch()
    grid = read_dsprites(write_file(small_arrays), tmp_path / "root", grid=small_grid)
    assert np.array_equal(grid.pixels.words, small_words)
    assert "made in memory" in caplog.text


def swap_two_rows(classes: np.ndarray) -> np.ndarray:
    swapped = classes.copy()
    swapped[[1500, 1501]] = swapped[[1501, 1500]]
    return swapped


def light_one_pixel(images: np.ndarray) -> np.ndarray:
    lit = images.copy()
    lit[2100, 3, 3] = 255
    return lit


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("imgs", lambda a: a[:-1], r"expected imgs to be uint8 \(2400, 64, 64\); got uint8 \(2399, 64, 64\)"),
        ("imgs", lambda a: a[:, :32], r"got uint8 \(2400, 32, 64\)"),
        ("imgs", lambda a: a[..., None], r"got uint8 \(2400, 64, 64, 1\)"),
        ("imgs", lambda a: a.astype(np.float32), r"expected imgs to be uint8 .*; got float32"),
        ("imgs", lambda a: a.astype(np.uint16), r"expected imgs to be uint8 .*; got uint16"),
        ("imgs", lambda a: a * 255, "expected pixels of 0 and 1; got 255 within rows 0 ..."),
        ("imgs", light_one_pixel, r"expected pixels of 0 and 1; got 255 within rows \d+ ... 2399"),
        (
            "latents_classes",
            swap_two_rows,
            r"expected row 1500 labelled \[0, 1, 1, 3, 0, 0\]; got \[0, 1, 1, 3, 0, 1\]",
        ),
        ("latents_classes", lambda a: a[:, ::-1], "expected row 1 labelled"),
        ("latents_classes", lambda a: a[:, 1:], r"got int64 \(2400, 5\)"),
        ("latents_classes", lambda a: a.astype(np.float64), "expected latents_classes to be integer .*; got float64"),
    ],
)
def test_another_shape_type_order_or_value_is_refused(write_file, small_arrays, small_grid, name, spoil, message):
    path = write_file(small_arrays | {name: np.ascontiguousarray(spoil(small_arrays[name]))})
    with pytest.raises(DataFileError, match=message) as refused:
        read(path, small_grid)
    assert str(refused.value).startswith(f"{path}: ")
    assert "delete it and get it again" in str(refused.value)


def test_labels_may_be_integers_of_another_width(write_file, small_arrays, small_grid, small_words):
    narrow = small_arrays | {"latents_classes": small_arrays["latents_classes"].astype(">i2")}
    assert np.array_equal(read(write_file(narrow), small_grid), small_words)


@pytest.mark.parametrize("missing", ["imgs", "latents_classes"])
def test_a_missing_array_is_named(write_file, small_arrays, small_grid, missing):
    arrays = {name: array for name, array in small_arrays.items() if name != missing}
    with pytest.raises(DataFileError, match=missing.replace("_", ".")):
        read(write_file(arrays), small_grid)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.99])
def test_a_cut_file_is_refused(write_file, small_arrays, small_grid, part):
    path = write_file(small_arrays)
    os.truncate(path, int(part * path.stat().st_size))
    with pytest.raises(DataFileError, match="expected a complete"):
        read(path, small_grid)


def test_a_web_page_under_the_files_name_is_refused(write_file, small_arrays, small_grid):
    path = write_file(small_arrays)
    path.write_text("<!DOCTYPE html><title>Not found</title>")
    with pytest.raises(DataFileError, match="expected a complete"):
        read(path, small_grid)


def test_a_bad_file_leaves_no_store(write_file, small_arrays, small_grid, tmp_path):
    path = write_file(small_arrays | {"imgs": light_one_pixel(small_arrays["imgs"])})
    with pytest.raises(DataFileError):
        read_dsprites(path, tmp_path, grid=small_grid)
    assert not list(tmp_path.glob("packed/*.u64")) + list(tmp_path.glob("packed/*.partial"))


def write_members(path: Path, arrays: dict[str, np.ndarray], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    return path


def test_a_flipped_bit_in_the_npz_fails_its_checksum(tmp_path, small_arrays, small_grid):
    """In a stored member a bit can flip from 0 to 1 without any other sign."""
    path = write_members(tmp_path / "f.npz", small_arrays)
    content = bytearray(path.read_bytes())
    spot = content.find(bytes(3000), 5000)  # within a blank part of the images
    content[spot] = 1
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="Bad CRC-32"):
        read(path, small_grid)


@pytest.mark.parametrize("name", ["imgs", "latents_classes"])
def test_an_array_of_objects_is_refused_without_unpickling(tmp_path, small_arrays, small_grid, name):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a pickle was loaded",)

    objects = np.array([Trap()] * 3, dtype=object)
    path = write_members(tmp_path / "f.npz", small_arrays | {name: objects})
    with pytest.raises(DataFileError, match=rf"expected {name} to be .*; got object \(3,\)"):
        read(path, small_grid)


def test_images_in_fortran_order_are_refused(tmp_path, small_arrays, small_grid):
    path = write_members(tmp_path / "f.npz", small_arrays | {"imgs": np.asfortranarray(small_arrays["imgs"])})
    with pytest.raises(DataFileError, match="Fortran order"):
        read(path, small_grid)


def test_bytes_after_the_array_are_refused(tmp_path, small_arrays, small_grid):
    path = tmp_path / "f.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in small_arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
                member.write(b"more")
    with pytest.raises(DataFileError, match="got more bytes after them"):
        read(path, small_grid)


def test_a_member_shorter_than_its_header_says_is_refused(tmp_path, small_arrays, small_grid):
    path = write_members(tmp_path / "f.npz", {"latents_classes": small_arrays["latents_classes"]})
    with zipfile.ZipFile(path, "a") as archive, archive.open("imgs.npy", "w") as member:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2400, 64, 64)}
        np.lib.format.write_array_header_1_0(member, header)
        member.write(bytes(4096 * 1500))
    with pytest.raises(DataFileError, match="expected imgs of 2400 rows; got its end after 1500"):
        read(path, small_grid)


@pytest.mark.parametrize("chunks", [None, (2400, 2, 4), (7, 64, 64), (1, 64, 64)])
def test_any_chunks_of_the_hdf5_file_give_the_same_images(tmp_path, small_arrays, small_grid, small_words, chunks):
    with h5py.File(tmp_path / "f.hdf5", "w") as file:
        file.create_dataset("imgs", data=small_arrays["imgs"], chunks=chunks)
        file.create_dataset("latents/classes", data=small_arrays["latents_classes"])
    assert np.array_equal(read(tmp_path / "f.hdf5", small_grid), small_words)


def test_a_group_in_the_place_of_an_array_is_refused(tmp_path, small_grid):
    with h5py.File(tmp_path / "f.hdf5", "w") as file:
        file.create_group("latents/classes")
    with pytest.raises(DataFileError, match="expected latents/classes to be an array; got a group"):
        read(tmp_path / "f.hdf5", small_grid)
