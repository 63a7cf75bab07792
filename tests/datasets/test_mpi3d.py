import hashlib
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minebench.datasets.files import DataFileError, find_data_file
from minebench.datasets.grid import Grid
from minebench.datasets.mpi3d import load_mpi3d, read_mpi3d
from minebench.datasets.mpi3d_files import FACTOR_NAMES, REAL, REAL_COMPLEX, REALISTIC, TOY
from minebench.datasets.published import PublishedFile

SIX = Grid(FACTOR_NAMES, (6, 5, 2, 1, 1, 4, 5))  # 1,200 images: the published ones in small
FOUR = Grid(FACTOR_NAMES, (2, 2, 2, 1, 1, 5, 5))  # 200: the earlier ones
SMALL = replace(TOY, grids=(SIX, FOUR), file=PublishedFile("mpi3d_toy.npz", "mpi3d/mpi3d_toy", "https://example.org"))


def write_npz(path: Path, images: np.ndarray, *, stored: bool = True) -> Path:
    """As published: one array named images, stored or deflated."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez if stored else np.savez_compressed)(path, images=images)
    return path


@pytest.fixture(params=["stored", "deflated"])
def path(request, tmp_path, rgb_1200):
    return write_npz(tmp_path / "mpi3d" / "mpi3d_toy" / "mpi3d_toy.npz", rgb_1200, stored=request.param == "stored")


def left_behind(root: Path) -> list[str]:
    return sorted(f.name for part in ("imported", "checked") for f in root.glob(f"{part}/*") if f.suffix != ".lock")


def test_a_file_becomes_a_real_grid_whether_stored_or_deflated(path, tmp_path, rgb_1200):
    grid = read_mpi3d(path, tmp_path, SMALL)
    assert (grid.name, grid.source) == ("mpi3d_toy", "real")
    assert grid.factor_names == FACTOR_NAMES
    assert grid.factor_sizes == SIX.factor_sizes
    assert np.array_equal(grid.pixels.stored.array, rgb_1200)
    assert grid.pixels.stored.sha256 == hashlib.sha256(rgb_1200.tobytes()).hexdigest()
    assert grid.factors([1]).tolist() == [[0, 0, 0, 0, 0, 0, 1]]  # the vertical axis is the fastest


def test_a_stored_array_is_mapped_where_it_lies_and_read_through_once(tmp_path, rgb_1200):
    path = write_npz(tmp_path / "mpi3d_toy.npz", rgb_1200)
    told = []
    first = read_mpi3d(path, tmp_path, SMALL, report=lambda *words: told.append(words))
    assert told[-1] == ("checksums of mpi3d_toy.npz", path.stat().st_size, path.stat().st_size)
    assert first.pixels.stored.array.base.filename == path
    assert left_behind(tmp_path) == ["mpi3d_toy.json"]
    again = read_mpi3d(path, tmp_path, SMALL, report=pytest.fail)
    assert again.fingerprint() == first.fingerprint()


def test_a_deflated_array_is_imported_once(tmp_path, rgb_1200):
    path = write_npz(tmp_path / "mpi3d_toy.npz", rgb_1200, stored=False)
    first = read_mpi3d(path, tmp_path, SMALL)
    assert left_behind(tmp_path) == ["mpi3d_toy.u8"]
    again = read_mpi3d(path, tmp_path, SMALL, report=pytest.fail)
    assert again.fingerprint() == first.fingerprint()
    assert again.pixels.stored.array.base.filename == tmp_path / "imported" / "mpi3d_toy.u8"


def test_a_changed_file_is_checked_anew(path, tmp_path, rgb_1200):
    read_mpi3d(path, tmp_path, SMALL)
    write_npz(path, rgb_1200[::-1], stored=left_behind(tmp_path) == ["mpi3d_toy.json"])
    os.utime(path, ns=(1, 1))
    changed = read_mpi3d(path, tmp_path, SMALL)
    assert np.array_equal(changed.pixels.stored.array, rgb_1200[::-1])
    assert changed.pixels.stored.sha256 == hashlib.sha256(rgb_1200[::-1].tobytes()).hexdigest()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"file": 1}'])
def test_a_damaged_record_does_not_count(tmp_path, rgb_1200, content):
    path = write_npz(tmp_path / "mpi3d_toy.npz", rgb_1200)
    expected = read_mpi3d(path, tmp_path, SMALL).pixels.stored.sha256
    record = tmp_path / "checked" / "mpi3d_toy.json"
    record.write_bytes(content)
    assert read_mpi3d(path, tmp_path, SMALL).pixels.stored.sha256 == expected
    assert json.loads(record.read_text())["sha256"] == expected


def test_where_no_record_can_be_written_the_file_is_checked_by_every_process(tmp_path, rgb_1200, caplog):
    path = write_npz(tmp_path / "mpi3d_toy.npz", rgb_1200)
    (tmp_path / "checked").write_text("a file in the place of the folder")
    assert np.array_equal(read_mpi3d(path, tmp_path, SMALL).pixels.stored.array, rgb_1200)
    assert "is checked anew by every process" in caplog.text


@pytest.mark.parametrize(
    ("layout", "n_images", "sizes"),
    [
        (TOY, 1_036_800, (6, 6, 2, 3, 3, 40, 40)),
        (TOY, 460_800, (4, 4, 2, 3, 3, 40, 40)),
        (REALISTIC, 1_036_800, (6, 6, 2, 3, 3, 40, 40)),
        (REALISTIC, 460_800, (4, 4, 2, 3, 3, 40, 40)),
        (REAL, 1_036_800, (6, 6, 2, 3, 3, 40, 40)),
        (REAL_COMPLEX, 460_800, (4, 4, 2, 3, 3, 40, 40)),
    ],
)
def test_variant_and_count_decide_what_the_factors_are(layout, n_images, sizes):
    grid = layout.grid_of(Path("f.npz"), n_images)
    assert (grid.factor_sizes, len(grid)) == (sizes, n_images)


@pytest.mark.parametrize(
    ("layout", "n_images", "expected"),
    [
        (REAL, 460_800, "expected 1,036,800 images of mpi3d_real; got 460,800: another variant, or a part of it"),
        (REAL_COMPLEX, 1_036_800, "expected 460,800 images of mpi3d_real_complex; got 1,036,800"),
        (TOY, 1_036_799, "expected 1,036,800 or 460,800 images of mpi3d_toy; got 1,036,799"),
    ],
)
def test_a_file_of_another_variant_or_a_part_of_one_is_refused(layout, n_images, expected):
    with pytest.raises(DataFileError, match=expected):
        layout.grid_of(Path("f.npz"), n_images)


def test_an_earlier_file_is_read_with_its_own_factors_and_without_the_later_ones_checksum(tmp_path, rgb_1200):
    """200 images where 1,200 are published now: the checksum is that of the 1,200."""
    layout = replace(SMALL, file=replace(SMALL.file, checksum="md5:" + "0" * 32))
    grid = read_mpi3d(write_npz(tmp_path / "old.npz", rgb_1200[:200]), tmp_path, layout)
    assert grid.factor_sizes == FOUR.factor_sizes
    assert grid.name == "mpi3d_toy"
    with pytest.raises(DataFileError, match=f"expected md5 {'0' * 32}; got"):
        read_mpi3d(write_npz(tmp_path / "new.npz", rgb_1200), tmp_path, layout)


def test_the_published_checksum_is_compared_and_a_mismatch_leaves_nothing(path, tmp_path):
    md5 = hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 - the published checksums are of this kind
    good = replace(SMALL, file=replace(SMALL.file, checksum=f"md5:{md5}"))
    bad = replace(SMALL, file=replace(SMALL.file, checksum="md5:" + "f" * 32))
    with pytest.raises(DataFileError, match=f"expected md5 {'f' * 32}; got {md5}; delete it and get it again"):
        read_mpi3d(path, tmp_path, bad)
    assert left_behind(tmp_path) == []
    assert len(read_mpi3d(path, tmp_path, good)) == 1200
    with pytest.raises(
        DataFileError, match=f"expected md5 {'f' * 32}"
    ):  # what was compared with another is not trusted
        read_mpi3d(path, tmp_path, bad)


def test_a_flipped_bit_fails_the_archives_checksum_where_none_is_published(path, tmp_path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # among the images
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"CRC-32|Error -3"):
        read_mpi3d(path, tmp_path, SMALL)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.99])
def test_a_cut_file_is_refused(path, tmp_path, part):
    os.truncate(path, int(part * path.stat().st_size))
    with pytest.raises(DataFileError, match="expected a complete npz with images"):
        read_mpi3d(path, tmp_path, SMALL)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.astype(np.int16), "expected images to be uint8 .*; got int16"),
        (lambda a: a[:, :32], r"got uint8 \(1200, 32, 64, 3\)"),
        (lambda a: np.asfortranarray(a), "Fortran order"),
        (lambda a: np.array([None] * 1200), r"expected images to be uint8 .*; got object \(1200,\)"),
    ],
)
def test_another_shape_or_type_is_refused_and_nothing_unpickled(tmp_path, rgb_1200, spoil, message):
    np.savez(tmp_path / "f.npz", images=spoil(rgb_1200))
    with pytest.raises(DataFileError, match=message):
        read_mpi3d(tmp_path / "f.npz", tmp_path, SMALL)


def test_another_array_in_the_file_is_not_looked_at(tmp_path, rgb_1200):
    np.savez(tmp_path / "f.npz", images=rgb_1200, labels=np.array([None]))
    assert len(read_mpi3d(tmp_path / "f.npz", tmp_path, SMALL)) == 1200
    with zipfile.ZipFile(tmp_path / "g.npz", "w") as archive:
        archive.writestr("labels.npy", b"")
    with pytest.raises(DataFileError, match="expected an npz with images"):
        read_mpi3d(tmp_path / "g.npz", tmp_path, SMALL)


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        (TOY, "mpi3d/mpi3d_toy/mpi3d_toy.npz"),
        (TOY, "mpi3d/mpi3d_toy/sim_toy_ordered.npz"),
        (TOY, "mpi3d_toy.npz"),
        (REALISTIC, "mpi3d/mpi3d_realistic/anything.npz"),
        (REALISTIC, "mpi3d/mpi3d_realistic.npz"),
        (REAL, "mpi3d_real/mpi3d_real.npz"),
        (REAL_COMPLEX, "mpi3d/mpi3d_real_complex/real3d_complicated_shapes_ordered.npz"),
        (REAL_COMPLEX, "mpi3d/mpi3d_complex/real3d_complicated_shapes_ordered.npz"),
        (REAL_COMPLEX, "real3d_complicated_shapes_ordered.npz"),
        (REAL_COMPLEX, "mpi3d/mpi3d_real_complex.npz"),
    ],
)
def test_the_file_is_found_where_users_put_it_and_by_its_own_variant_alone(tmp_path, rgb_1200, layout, name):
    write_npz(tmp_path / name, rgb_1200)
    small = replace(layout, grids=(SIX,), file=replace(SMALL.file, checksum=None))
    assert load_mpi3d(small, tmp_path).name == layout.variant
    for other in (TOY, REALISTIC, REAL, REAL_COMPLEX):
        found = find_data_file(tmp_path, other.names)
        assert (found == tmp_path / name) == (other is layout)


@pytest.mark.parametrize("layout", [TOY, REALISTIC, REAL, REAL_COMPLEX])
def test_without_its_file_every_variant_takes_the_one_procedural_source(tmp_path, monkeypatch, layout):
    drawn = object()
    monkeypatch.setattr("minebench.datasets.mpi3d.load_mpi3d_like", lambda root, report: (root, drawn))
    assert load_mpi3d(layout, tmp_path) == (tmp_path, drawn)


def test_an_empty_folder_of_a_variant_is_no_file(tmp_path):
    (tmp_path / "mpi3d" / "mpi3d_realistic").mkdir(parents=True)
    assert find_data_file(tmp_path, REALISTIC.names) is None
