"""Data that the tests of this room share; nothing is written outside pytest's temporary folders."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from minebench.datasets.dsprites import load_dsprites
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.rendering.sprites import SHAPES, render_sprites
from minebench.datasets.shapes_mini import load_shapes_mini


@pytest.fixture(autouse=True)
def _data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINEBENCH_DATA", str(tmp_path / "default_root"))


@pytest.fixture(scope="session")
def dsprites_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("data")
    yield root
    for store in root.glob("packed/*.u64"):  # 377 MB that pytest would keep for three sessions
        store.unlink()


@pytest.fixture(scope="session")
def dsprites(dsprites_root: Path) -> ImageGrid:
    return load_dsprites(dsprites_root)


@pytest.fixture(scope="session")
def shapes_mini() -> ImageGrid:
    return load_shapes_mini()


@pytest.fixture(scope="session")
def small_grid() -> Grid:
    """A grid in the form of dSprites' file: 2,400 rows, more than two of the reader's blocks."""
    return Grid(("color", "shape", "scale", "orientation", "posX", "posY"), (1, 3, 2, 4, 10, 10))


@pytest.fixture(scope="session")
def small_words(small_grid: Grid) -> np.ndarray:
    """The frames of ``small_grid``."""
    places = np.linspace(0, 1, 10).tolist()
    words = np.concatenate(list(render_sprites(SHAPES, [0.5, 1.0], [0.0, 0.3, 0.6, 0.9], places, places)))
    assert len(words) == len(small_grid)
    return words


@pytest.fixture(scope="session")
def small_arrays(small_grid: Grid, small_words: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a published file over ``small_grid``, made without the code under test."""
    images = (small_words[..., None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    classes = np.indices(small_grid.factor_sizes).reshape(6, -1).T.astype(np.int64)
    return {
        "imgs": images.astype(np.uint8),
        "latents_classes": np.ascontiguousarray(classes),
        "latents_values": classes.astype(np.float64),
    }


@pytest.fixture(scope="session")
def rgb_1200() -> np.ndarray:
    """1,200 RGB images, more than one of the readers' blocks, all different, mostly black; read-only."""
    rows = np.arange(1200)
    images = np.zeros((1200, 64, 64, 3), np.uint8)
    images[rows, rows % 64, rows // 64] = np.stack([rows % 251 + 1, rows // 251 + 1, 7 * rows % 255], axis=1)
    images[:, 0, 0] = (1, 2, 3)  # so that channels are told apart
    images.flags.writeable = False
    return images


class _Trap:
    """An object whose pickle, if it is ever loaded, fails the test."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle was loaded",)


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, metadata=np.array(_Trap(), dtype=object), **arrays)  # the published one is pickled too
    assert "metadata.npy" in zipfile.ZipFile(path).namelist()
    return path


def _write_hdf5(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace("latents_", "latents/"), data=array, compression="gzip", chunks=True)
    return path


@pytest.fixture(params=[".npz", ".hdf5"])
def write_file(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Writes arrays in one of the two published formats and returns the path."""
    write = _write_npz if request.param == ".npz" else _write_hdf5

    def write_file(arrays: dict[str, np.ndarray], stem: Path = tmp_path / "file") -> Path:
        return write(stem.with_name(stem.name + request.param), arrays)

    return write_file
