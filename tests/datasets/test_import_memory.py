"""How much memory imports take: bounded by the block that is read, not by the file."""

import io
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from minebench.datasets import mpi3d, shapes3d_files
from minebench.datasets.celeba_files import ATTRIBUTES
from minebench.datasets.grid import Grid
from minebench.datasets.mpi3d import read_mpi3d
from minebench.datasets.mpi3d_files import FACTOR_NAMES, TOY
from minebench.datasets.shapes3d import read_shapes3d
from minebench.datasets.shapes3d_files import SHAPES3D, Shapes3DLayout


def peak_megabytes(function: Callable[[], object]) -> float:
    """The largest sum of what was allocated at once, numpy's arrays included."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_import_of_mpi3d_holds_a_few_blocks(tmp_path, rgb_1200, monkeypatch, save):
    """64 images are 0.8 MB, all 1,200 are 14.7 MB; files that are mapped in place are read in blocks of 8.4 MB."""
    monkeypatch.setattr(mpi3d, "_BLOCK", 64)
    monkeypatch.setattr("minebench.datasets.checked_file._BLOCK", 1 << 19)
    monkeypatch.setattr("minebench.datasets.files._BLOCK", 1 << 19)
    save(tmp_path / "f.npz", images=rgb_1200)
    layout = replace(TOY, grids=(Grid(FACTOR_NAMES, (6, 5, 2, 1, 1, 4, 5)),), file=replace(TOY.file, checksum=None))
    assert peak_megabytes(lambda: read_mpi3d(tmp_path / "f.npz", tmp_path, layout)) < 5


def test_an_import_of_3d_shapes_holds_a_few_rows_of_chunks(tmp_path, rgb_1200, monkeypatch):
    monkeypatch.setattr(shapes3d_files, "_BLOCK", 64)
    values = ((0.0, 0.1), (0.0, 0.1, 0.2), (0.0, 0.1, 0.2, 0.3, 0.4), (0.75, 1.25), (0, 1, 2, 3), (-30, -15, 0, 15, 30))
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("images", data=rgb_1200, chunks=(64, 16, 16, 3), compression="gzip", compression_opts=1)
        file.create_dataset("labels", data=np.stack([v.ravel() for v in np.meshgrid(*values, indexing="ij")], axis=1))
    layout = Shapes3DLayout(SHAPES3D.factor_names, values, replace(SHAPES3D.file, n_bytes=None, checksum=None))
    assert peak_megabytes(lambda: read_shapes3d(tmp_path / "f.h5", tmp_path, layout=layout)) < 5


SIZES = (2, 5, 10, 5, 4, 15)  # of 30,000 images in the form of 3D Shapes
IMPORT = """
import sys
from dataclasses import replace
from pathlib import Path
from minebench.datasets.celeba import load_celeba
from minebench.datasets.celeba_files import CELEBA
from minebench.datasets.grid import Grid
from minebench.datasets.mpi3d import load_mpi3d
from minebench.datasets.mpi3d_files import FACTOR_NAMES, TOY
from minebench.datasets.shapes3d import load_shapes3d
from minebench.datasets.shapes3d_files import SHAPES3D

def peak():
    # not getrusage, whose maximum a child inherits from the process that started it
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) // 1000

name, root = sys.argv[1], Path(sys.argv[2])
if name == "mpi3d":
    file = replace(TOY.file, checksum=None)
    layout = replace(TOY, grids=(Grid(FACTOR_NAMES, (2, 5, 2, 3, 2, 20, 20)),), file=file)
    load = lambda: load_mpi3d(layout, root)
elif name == "shapes3d":
    values = tuple(v[:n] for v, n in zip(SHAPES3D.factor_values, (2, 5, 10, 5, 4, 15)))
    file = replace(SHAPES3D.file, n_bytes=None, checksum=None)
    load = lambda: load_shapes3d(root, layout=replace(SHAPES3D, factor_values=values, file=file))
else:
    names = ("pictures", "labels", "partition", "identity")
    files = {name: replace(getattr(CELEBA, name), checksum=None) for name in names}
    load = lambda: load_celeba(root, layout=replace(CELEBA, n_images=8_000, **files))
before = peak()
data = load()
print(len(data), data.source, before, peak())
"""


def write_mpi3d(root: Path, compression: int) -> None:
    path = TOY.file.place(root)
    path.parent.mkdir(parents=True)
    with (
        zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (48_000, 64, 64, 3)}
        np.lib.format.write_array_header_1_0(member, header)
        for number in range(48):
            member.write(np.full((1000, 64, 64, 3), number, np.uint8).data)


def write_shapes3d(root: Path) -> None:
    """The chunks that h5py chose for the published file's shape."""
    values = [v[:n] for v, n in zip(SHAPES3D.factor_values, SIZES, strict=True)]
    with h5py.File(root / "3dshapes.h5", "w") as file:
        images = file.create_dataset(
            "images", (30_000, 64, 64, 3), np.uint8, chunks=(15_000, 4, 4, 1), compression="gzip", compression_opts=1
        )
        rows = (np.arange(15_000) % 251).astype(np.uint8)
        for start in (0, 15_000):
            images[start : start + 15_000] = np.broadcast_to(rows[:, None, None, None], (15_000, 64, 64, 3))
        file.create_dataset("labels", data=np.stack([v.ravel() for v in np.meshgrid(*values, indexing="ij")], axis=1))


def write_celeba(root: Path) -> None:
    folder, n_images = root / "celeba", 8_000
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (218, 178, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    names = [f"{number:06d}.jpg" for number in range(1, n_images + 1)]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for name in names:
            archive.writestr(f"img_align_celeba/{name}", buffer.getvalue())
    row = " ".join(["-1", " 1"] * 20)
    lines = [str(n_images), " ".join(ATTRIBUTES), *(f"{name} {row}" for name in names)]
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines))
    (folder / "list_eval_partition.txt").write_text("".join(f"{name} {k % 3}\n" for k, name in enumerate(names)))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize(
    ("name", "write", "megabytes"),
    [
        ("mpi3d", lambda root: write_mpi3d(root, zipfile.ZIP_STORED), 60),
        ("mpi3d", lambda root: write_mpi3d(root, zipfile.ZIP_DEFLATED), 60),
        ("shapes3d", write_shapes3d, 260),  # one row of chunks is 184 MB
        ("celeba", write_celeba, 60),
    ],
    ids=["mapped", "deflated", "chunked", "pictures"],
)
def test_the_peak_of_an_import_is_that_of_its_blocks(tmp_path, name, write, megabytes):
    """590 MB of MPI3D, 369 MB of 3D Shapes, 98 MB of CelebA; interpreter and libraries are not counted."""
    write(tmp_path)
    command = [sys.executable, "-P", "-c", IMPORT, name, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert answer[1] == "real"
    before, peak = map(int, answer[2:])
    assert peak - before < megabytes, answer
    shutil.rmtree(tmp_path)  # what pytest would keep for three sessions
