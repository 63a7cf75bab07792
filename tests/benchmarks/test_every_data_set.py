"""One command over all data sets, drawn and from files: what is trained, scored and said of where the images come from.

The files are made here, small, in the exact formats of the published ones; the only thing that a plugin changes is
how many images the loaders expect and draw.
"""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from minebench.datasets.celeba_files import ATTRIBUTES
from minebench.datasets.rendering.face_attributes import NAMES
from minebench.leaderboard.results import ResultStore, RunResult

pytestmark = pytest.mark.slow

SMALLER = """
from dataclasses import replace
from functools import partial

from minebench.benchmarks import registry
from minebench.datasets import celeba, celeba_like, dsprites, mpi3d, mpi3d_like, shapes3d
from minebench.datasets.celeba_files import CELEBA
from minebench.datasets.grid import Grid
from minebench.datasets.mpi3d_files import FACTOR_NAMES, REAL
from minebench.datasets.shapes3d_files import SHAPES3D

def unknown(file):
    return replace(file, n_bytes=None, checksum=None)

def set_loader(name, loader):
    registry.DATASETS[name] = replace(registry.DATASETS[name], loader=loader)

celeba.load_celeba_like = partial(celeba_like.load_celeba_like, n_images=400)
mpi3d.load_mpi3d_like = partial(mpi3d_like.load_mpi3d_like, n_positions=4)
set_loader("celeba_like", celeba.load_celeba_like)
set_loader("mpi3d_like", mpi3d.load_mpi3d_like)
values = tuple(values[:n] for values, n in zip(SHAPES3D.factor_values, (2, 3, 5, 2, 4, 5)))
set_loader("shapes3d", partial(shapes3d.load_shapes3d, layout=replace(SHAPES3D, factor_values=values,
                                                                    file=unknown(SHAPES3D.file))))
set_loader("mpi3d_real", partial(mpi3d.load_mpi3d, replace(REAL, grids=(Grid(FACTOR_NAMES, (6, 5, 2, 1, 1, 4, 5)),),
                                                           file=unknown(REAL.file))))
parts = {name: unknown(getattr(CELEBA, name)) for name in ("pictures", "labels", "partition", "identity")}
set_loader("celeba", partial(celeba.load_celeba, layout=replace(CELEBA, n_images=400, **parts)))
dsprites.read_dsprites.__kwdefaults__["grid"] = Grid(dsprites.FILE_GRID.factor_names, (1, 3, 2, 4, 10, 10))
"""
COMMAND = "run -m beta_vae -d dsprites -d shapes3d -d mpi3d_real -d celeba -s 0 --profile quick -j 1"
METRICS = ("z_diff", "z_min_var", "irs", "mig", "jemmig")
SHORTER = ["--set", "train.steps=3", "--set", "train.batch_size=4"]


def run(folder: Path, data: Path) -> tuple[str, dict[str, RunResult]]:
    """What the command prints, and the results of its runs of beta_vae by the data set's name."""
    plugin = folder / "smaller.py"
    plugin.write_text(SMALLER)
    words = [*COMMAND.split(), *SHORTER, "--plugin", plugin, "--data-dir", data, "--store", folder / "runs"]
    command = [Path(sys.executable).with_name("minebench"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = ResultStore(folder / "runs").iterate()
    return done.stdout, {result.dataset: result for result in results if result.model == "beta_vae"}


def n_factors(result: RunResult) -> dict[str, int]:
    """How many factors each metric has looked at; constant ones are dropped by name."""
    return {
        score.metric: len(score.details["factors"]) + len(score.details["dropped_factors"]) for score in result.scores
    }


def test_without_files_the_drawn_sources_are_run_and_never_called_real(tmp_path):
    board, results = run(tmp_path, tmp_path / "data")
    assert set(results) == {"dsprites", "shapes3d_like", "mpi3d_like", "celeba_like"}
    assert {result.source for result in results.values()} == {"procedural"}
    assert {name for name, result in results.items() if result.pixel_exact} == {"dsprites"}
    for title in ("3D-Shapes-like", "MPI3D-like", "CelebA-like"):
        assert f"\n{title}\n" in board
    assert board.count("Procedural images, not the real data set; scored on") == 3, board
    assert board.count("Drawn images, equal to the real ones in every pixel; scored on") == 1
    assert "Real images" not in board
    assert results["celeba_like"].rows.n == 39  # of 400 as many as 19,962 are of 202,599
    assert len(NAMES) == 20
    assert n_factors(results["celeba_like"]) == dict.fromkeys(METRICS, 20)


def test_with_files_in_the_published_formats_all_four_are_real(tmp_path):
    data = tmp_path / "data"
    write_dsprites(data / "dsprites")
    write_shapes3d(data / "3dshapes")
    write_mpi3d(data / "mpi3d" / "mpi3d_real")
    write_celeba(data / "celeba")
    board, results = run(tmp_path, data)
    assert set(results) == {"dsprites", "shapes3d", "mpi3d_real", "celeba"}
    assert {result.source for result in results.values()} == {"real"}
    assert board.count("Real images; scored on") == 4, board
    assert "-like" not in board
    assert results["celeba"].rows.n == 100  # the test part
    assert n_factors(results["celeba"]) == dict.fromkeys(METRICS, 40)


def labels(*factors: object) -> np.ndarray:
    return np.stack([values.ravel() for values in np.meshgrid(*factors, indexing="ij")], axis=1)


def write_dsprites(folder: Path) -> None:
    folder.mkdir(parents=True)
    classes = labels(*map(range, (1, 3, 2, 4, 10, 10)))
    images = np.zeros((2400, 64, 64), np.uint8)
    for image, (_, shape, scale, orientation, x, y) in zip(images, classes, strict=True):
        side = 6 + 4 * scale + 2 * shape
        image[5 * y : 5 * y + side, 5 * x : 5 * x + side + orientation] = 1
    np.savez_compressed(
        folder / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        imgs=images,
        latents_classes=classes,
        latents_values=classes.astype(float),
        metadata=np.array({"author": "pickled, and not to be read"}, dtype=object),
    )


def colours(n: int) -> np.ndarray:
    """Images of four blocks of colour that follow from the row's number."""
    blocks = np.random.default_rng(0).integers(0, 256, (n, 2, 2, 3), np.uint8)
    return blocks.repeat(32, axis=1).repeat(32, axis=2)


def write_shapes3d(folder: Path) -> None:
    folder.mkdir(parents=True)
    hues = [k / 10 for k in range(5)]
    scales, orientations = np.linspace(0.75, 1.25, 8)[:2], np.linspace(-30, 30, 15)[:5]
    with h5py.File(folder / "3dshapes.h5", "w") as file:
        file.create_dataset("images", data=colours(1200), chunks=True, compression="gzip")
        file.create_dataset("labels", data=labels(hues[:2], hues[:3], hues, scales, range(4), orientations))


def write_mpi3d(folder: Path) -> None:
    folder.mkdir(parents=True)
    np.savez(folder / "mpi3d_real.npz", images=colours(1200))


def write_celeba(folder: Path) -> None:
    folder.mkdir(parents=True)
    names = [f"{number:06d}.jpg" for number in range(1, 401)]
    values = np.random.default_rng(0).integers(0, 2, (400, 40)) * 2 - 1
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for name, image in zip(names, colours(400), strict=True):
            buffer = io.BytesIO()
            Image.fromarray(image).resize((178, 218)).save(buffer, "JPEG")
            archive.writestr(f"img_align_celeba/{name}", buffer.getvalue())
    rows = [f"{name} " + " ".join(f"{v:2d}" for v in row) for name, row in zip(names, values, strict=True)]
    (folder / "list_attr_celeba.txt").write_text("\n".join(["400", " ".join(ATTRIBUTES), *rows]) + "\n")
    parts = "".join(f"{name} {k // 200 + (k >= 300)}\n" for k, name in enumerate(names))
    (folder / "list_eval_partition.txt").write_text(parts)
