import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from minebench.datasets.files import DataFileError
from minebench.datasets.published import PublishedFile
from minebench.datasets.shapes3d import load_shapes3d, read_shapes3d
from minebench.datasets.shapes3d_files import CARD, FILE_NAMES, SHAPES3D, Shapes3DLayout

SMALL = Shapes3DLayout(
    factor_names=SHAPES3D.factor_names,
    factor_values=(
        (0.0, 0.1),
        (0.0, 0.1, 0.2),
        (0.0, 0.1, 0.2, 0.3, 0.4),
        (0.75, 1.25),
        (0, 1, 2, 3),
        (-30, -15, 0, 15, 30),
    ),
    file=PublishedFile("3dshapes.h5", folder="3dshapes", page="https://example.org"),
)


@pytest.fixture(scope="module")
def labels():
    """The labels of ``SMALL``, made without the code under test."""
    mesh = np.meshgrid(*SMALL.factor_values, indexing="ij")
    return np.stack([values.ravel() for values in mesh], axis=1)


@pytest.fixture
def path(tmp_path, rgb_1200, labels) -> Path:
    return write(tmp_path / "3dshapes" / "3dshapes.h5", images=rgb_1200, labels=labels)


def write(path: Path, **arrays: np.ndarray) -> Path:
    """As published: chunks of h5py's own choice, gzip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=True, compression="gzip", compression_opts=1)
    return path


def stores(root: Path) -> list[str]:
    return sorted(file.name for file in root.glob("imported/*") if file.suffix != ".lock")


def test_the_published_labels_are_derived_from_the_row_number():
    """Rows of the paper's order: orientation fastest, then shape, scale, and the hues of object, wall and floor."""
    rows = np.array([0, 14, 15, 60, 480, 4_800, 48_000, 479_999])
    expected = [
        [0, 0, 0, 0.75, 0, -30],
        [0, 0, 0, 0.75, 0, 30],
        [0, 0, 0, 0.75, 1, -30],
        [0, 0, 0, 0.75 + 0.5 / 7, 0, -30],
        [0, 0, 0.1, 0.75, 0, -30],
        [0, 0.1, 0, 0.75, 0, -30],
        [0.1, 0, 0, 0.75, 0, -30],
        [0.9, 0.9, 0.9, 1.25, 3, 30],
    ]
    assert SHAPES3D.labels(rows) == pytest.approx(np.array(expected))
    assert CARD.n_images == 480_000


def test_a_file_becomes_a_real_grid(path, tmp_path, rgb_1200):
    grid = read_shapes3d(path, tmp_path, layout=SMALL)
    assert (grid.name, grid.source) == ("shapes3d", "real")
    assert grid.factor_names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    assert grid.factor_sizes == (2, 3, 5, 2, 4, 5)
    assert grid.image_shape == (3, 64, 64)
    assert np.array_equal(grid.pixels.stored.array, rgb_1200)
    assert np.array_equal(grid.images([7, 1199]), np.moveaxis(rgb_1200[[7, 1199]], -1, 1))
    assert grid.pixels.stored.sha256 == hashlib.sha256(rgb_1200.tobytes()).hexdigest()


@pytest.mark.parametrize("name", FILE_NAMES)
def test_the_file_is_found_in_either_place_and_imported_once(path, tmp_path, name):
    path.rename(tmp_path / name)
    first = load_shapes3d(tmp_path, layout=SMALL)
    assert stores(tmp_path) == ["shapes3d.u8"]
    told = []
    again = load_shapes3d(tmp_path, layout=SMALL, report=lambda *words: told.append(words))
    assert told == []
    assert again.fingerprint() == first.fingerprint()
    assert isinstance(again.pixels.stored.array.base, np.memmap)


def test_without_the_file_the_procedural_source_stands_in(tmp_path, monkeypatch):
    drawn = object()
    monkeypatch.setattr("minebench.datasets.shapes3d.load_shapes3d_like", lambda root, report: (root, drawn))
    assert load_shapes3d(tmp_path, layout=SMALL) == (tmp_path, drawn)


def test_a_changed_file_is_imported_anew(path, tmp_path, rgb_1200, labels):
    read_shapes3d(path, tmp_path, layout=SMALL)
    write(path, images=rgb_1200[::-1], labels=labels)
    os.utime(path, ns=(1, 1))
    assert np.array_equal(read_shapes3d(path, tmp_path, layout=SMALL).pixels.stored.array, rgb_1200[::-1])


def test_an_import_tells_how_far_it_is(path, tmp_path):
    told = []
    read_shapes3d(path, tmp_path, layout=SMALL, report=lambda *words: told.append(words))
    assert told[-1] == ("shapes3d.u8", 1200, 1200)
    assert {stage for stage, _, _ in told} == {"shapes3d.u8"}


@pytest.mark.parametrize("chunks", [None, (1200, 8, 16, 1), (7, 64, 64, 3)])
def test_any_chunks_give_the_same_images(tmp_path, rgb_1200, labels, chunks):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("images", data=rgb_1200, chunks=chunks)
        file.create_dataset("labels", data=labels)
    assert np.array_equal(read_shapes3d(tmp_path / "f.h5", tmp_path, layout=SMALL).pixels.stored.array, rgb_1200)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("images", lambda a: a[:-1], r"expected images to be uint8 \(1200, 64, 64, 3\); got uint8 \(1199, 64, 64, 3\)"),
        ("images", lambda a: a.astype(np.uint16), "expected images to be uint8 .*; got uint16"),
        ("images", lambda a: np.moveaxis(a, -1, 1), r"got uint8 \(1200, 3, 64, 64\)"),
        ("labels", lambda a: a[:, :5], r"expected labels to be floating point \(1200, 6\); got float64 \(1200, 5\)"),
        ("labels", lambda a: a.astype(int), "expected labels to be floating point .*; got int64"),
        ("labels", lambda a: np.roll(a, 1, axis=0), r"expected row 0 labelled \[0.0, 0.0, 0.0, 0.75, 0.0, -30.0\]"),
        ("labels", lambda a: a[:, ::-1], "expected row 0 labelled"),
        ("labels", lambda a: np.where(np.arange(1200)[:, None] == 1100, a + 0.01, a), "expected row 1100 labelled"),
        ("labels", lambda a: np.where(np.arange(1200)[:, None] == 1100, np.nan, a), "expected row 1100 labelled"),
    ],
)
def test_another_shape_type_or_order_is_refused_and_leaves_nothing(tmp_path, rgb_1200, labels, name, spoil, message):
    path = write(
        tmp_path / "3dshapes.h5",
        **{"images": rgb_1200, "labels": labels, name: spoil({"images": rgb_1200, "labels": labels}[name])},
    )
    with pytest.raises(DataFileError, match=message) as refused:
        load_shapes3d(tmp_path, layout=SMALL)
    assert str(refused.value).startswith(f"{path}: ")
    assert "delete it and get it again" in str(refused.value)
    assert stores(tmp_path) == []


@pytest.mark.parametrize("missing", ["images", "labels"])
def test_a_missing_array_is_named(tmp_path, rgb_1200, labels, missing):
    arrays = {"images": rgb_1200, "labels": labels}
    del arrays[missing]
    with pytest.raises(DataFileError, match=f"expected an HDF5 file with {missing}; got no {missing}"):
        read_shapes3d(write(tmp_path / "f.h5", **arrays), tmp_path, layout=SMALL)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.99])
def test_a_cut_file_is_refused_and_leaves_nothing(path, tmp_path, part):
    os.truncate(path, int(part * path.stat().st_size))
    with pytest.raises(DataFileError, match="expected a complete HDF5 file"):
        read_shapes3d(path, tmp_path, layout=SMALL)
    assert stores(tmp_path) == []


def test_size_and_checksum_are_compared_before_anything_is_read(path, tmp_path):
    size = path.stat().st_size
    good = replace(SMALL.file, n_bytes=size, checksum=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    for file, message in (
        (replace(good, n_bytes=size + 1), f"expected {size + 1:,} bytes; got {size:,}: the file is cut"),
        (replace(good, checksum="sha256:" + "0" * 64), f"expected sha256 {'0' * 64}; got"),
    ):
        with pytest.raises(DataFileError, match=message):
            read_shapes3d(path, tmp_path, layout=replace(SMALL, file=file))
        assert stores(tmp_path) == []
    assert len(read_shapes3d(path, tmp_path, layout=replace(SMALL, file=good))) == 1200


def test_a_file_of_the_wrong_size_is_an_error_and_never_replaced_by_the_procedural_source(path, tmp_path):
    with pytest.raises(DataFileError, match="expected 267,573,662 bytes; got"):
        load_shapes3d(tmp_path)


def test_a_half_written_store_does_not_count(path, tmp_path, rgb_1200):
    read_shapes3d(path, tmp_path, layout=SMALL)
    os.truncate(tmp_path / "imported" / "shapes3d.u8", 1_000_000)
    assert np.array_equal(read_shapes3d(path, tmp_path, layout=SMALL).pixels.stored.array, rgb_1200)


def test_what_cannot_be_stored_is_an_error_with_a_remedy(path, tmp_path):
    (tmp_path / "imported").write_text("a file in the place of the folder")
    with pytest.raises(DataFileError, match=r"shapes3d\.u8: expected a place where 0\.01 GB can be stored.*--data-dir"):
        read_shapes3d(path, tmp_path, layout=SMALL)


def test_files_in_a_folder_that_is_read_only_are_imported_into_the_users_cache(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    read_shapes3d(path, tmp_path, layout=SMALL)
    assert stores(tmp_path) == []
    assert stores(tmp_path / "home" / ".cache" / "minebench") == ["shapes3d.u8"]


TWO_IMPORTERS = """
import sys, time
from dataclasses import replace
from pathlib import Path
from minebench.datasets import hdf5, shapes3d, shapes3d_files
from minebench.datasets.published import PublishedFile

def slowly(*args):
    with Path(sys.argv[1], "log").open("a") as log:
        log.write("import\\n")
    for block in original(*args):
        time.sleep(0.2)
        yield block

original, hdf5.array_rows = hdf5.array_rows, slowly
values = tuple(tuple(map(float, text.split(","))) for text in sys.argv[2].split(";"))
file = PublishedFile("3dshapes.h5", folder="3dshapes", page="")
layout = shapes3d_files.Shapes3DLayout(shapes3d_files.SHAPES3D.factor_names, values, file)
print(shapes3d.load_shapes3d(Path(sys.argv[1]), layout=layout).pixels.stored.sha256)
"""


def test_of_two_importers_one_works_and_the_other_waits(path, tmp_path, rgb_1200):
    values = ";".join(",".join(map(str, factor)) for factor in SMALL.factor_values)
    command = [sys.executable, "-P", "-c", TWO_IMPORTERS, str(tmp_path), values]
    importers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [importer.communicate(timeout=60)[0].strip() for importer in importers]
    assert answers == [hashlib.sha256(rgb_1200.tobytes()).hexdigest()] * 2
    assert (tmp_path / "log").read_text() == "import\nimport\n"  # labels and images, by one of the two
