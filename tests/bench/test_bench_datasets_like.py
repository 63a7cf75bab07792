"""How fast the procedural sources give images, the first time and from their stores, in one thread.

The reference is PyTorch's data loader on images that lie in memory, one at a time and converted by
torchvision, in the same run. Random batches of 256 throughout, and bytes where the loader gives floats.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_tensor

from minebench.datasets.celeba_like import load_celeba_like
from minebench.datasets.mpi3d_like import load_mpi3d_like
from minebench.datasets.rendering.face_attributes import draw_attributes
from minebench.datasets.rendering.faces import draw_faces
from minebench.datasets.rendering.robot_arm import ArmScenes
from minebench.datasets.shapes3d_like import load_shapes3d_like

pytestmark = pytest.mark.slow

N_FACES = 20_000  # 246 MB, larger than any cache of the processor
BATCH = 256


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    yield folder
    for store in folder.glob("drawn/*"):  # 0.4 GB that pytest would keep for three sessions
        store.unlink()


class Pictures(Dataset[torch.Tensor]):
    """Images in memory as a data loader takes them."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> torch.Tensor:
        return to_tensor(self.pixels[row])


@pytest.fixture(scope="module")
def loader() -> DataLoader[torch.Tensor]:
    """Eight random batches of 2,048 faces."""
    torch.set_num_threads(1)
    rows = np.arange(8 * BATCH)
    pictures = Pictures(draw_faces(rows, draw_attributes(rows)))
    batches = np.random.default_rng(0).permutation(rows).reshape(8, BATCH).tolist()
    return DataLoader(pictures, batch_sampler=batches)


def seconds(function: Callable[[], object], repeats: int) -> float:
    """The fastest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(
    benchmark: object,
    loader: DataLoader[torch.Tensor],
    read: Callable[[np.ndarray], object],
    n_rows: int,
    n_batches: int,
) -> float:
    """How many times as many images ``read`` gives as the loader; the figures go into the benchmark's record."""
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, n_rows, BATCH) for _ in range(n_batches)]

    def each() -> None:
        for rows in batches:
            read(rows)

    each()
    benchmark.pedantic(each, rounds=3)
    theirs = 8 * BATCH / seconds(lambda: list(loader), 5)
    ours = n_batches * BATCH / seconds(each, 5)
    benchmark.extra_info["images_per_second"] = round(ours)
    benchmark.extra_info["data_loader_per_second"] = round(theirs)
    benchmark.extra_info["ratio_to_data_loader"] = round(ours / theirs, 2)
    return ours / theirs


def test_shapes3d_like_outruns_a_data_loader(benchmark, loader, root):
    """20,000 images a second were asked for, where the loader gives 10,000 or so."""
    dataset = load_shapes3d_like(root)
    assert compare(benchmark, loader, dataset.images, len(dataset), 20) > 1.5


def test_scenes_of_the_arm_are_drawn_at_a_tenth_of_a_data_loaders_speed(benchmark, loader):
    """2,000 a second were asked for; each scene serves 18 images."""
    scenes = ArmScenes()
    assert scenes.side > 0  # the boxes are worked out once
    assert compare(benchmark, loader, scenes.draw, len(scenes), 4) > 0.1


def test_mpi3d_like_is_read_at_several_times_a_data_loaders_speed(benchmark, loader, root):
    """100,000 images a second were asked for; twelve positions an axis make a store of 12 MB, as warm as any other."""
    dataset = load_mpi3d_like(root, n_positions=12)
    assert compare(benchmark, loader, dataset.images, len(dataset), 20) > 4


def test_faces_are_drawn_at_a_tenth_of_a_data_loaders_speed(benchmark, loader):
    """2,000 a second were asked for."""
    attributes = draw_attributes(np.arange(N_FACES))
    assert compare(benchmark, loader, lambda rows: draw_faces(rows, attributes[rows]), N_FACES, 4) > 0.1


def test_stored_faces_are_read_at_ten_times_a_data_loaders_speed(benchmark, loader, root):
    """100,000 images a second were asked for."""
    dataset = load_celeba_like(root, n_images=N_FACES)
    assert compare(benchmark, loader, dataset.images, len(dataset), 40) > 10
