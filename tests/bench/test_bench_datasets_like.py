"""How fast the procedural sources give images, the first time and from their stores, in one thread.

The reference is PyTorch's data loader on images that lie in memory, one at a time and converted by
torchvision, in the same run. Random batches of 256 throughout, and bytes where the loader gives floats. Seconds are
of the processor, as in ``test_bench_datasets``.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from minebench.datasets.celeba_like import load_celeba_like
from minebench.datasets.mpi3d_like import load_mpi3d_like
from minebench.datasets.rendering.face_attributes import draw_attributes
from minebench.datasets.rendering.faces import draw_faces
from minebench.datasets.rendering.robot_arm import ArmScenes
from minebench.datasets.shapes3d_like import load_shapes3d_like

pytestmark = [pytest.mark.slow, pytest.mark.benchmark(timer=time.process_time)]

N_FACES = 20_000  # 246 MB, larger than any cache of the processor
BATCH = 256


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    yield folder
    for store in folder.glob("drawn/*"):  # 0.4 GB that pytest would keep for three sessions
        store.unlink()


@pytest.fixture
def compare(benchmark, cpu_seconds, loader_over) -> Callable[..., float]:
    """How many times as many images a function gives as the loader; the figures go into the benchmark's record."""
    rows = np.arange(8 * BATCH)
    pictures = draw_faces(rows, draw_attributes(rows))
    loader = loader_over(pictures, np.random.default_rng(0).permutation(rows).reshape(8, BATCH))

    def compare(read: Callable[[np.ndarray], object], n_rows: int, n_batches: int) -> float:
        rng = np.random.default_rng(0)
        batches = [rng.integers(0, n_rows, BATCH) for _ in range(n_batches)]

        def each() -> None:
            for rows in batches:
                read(rows)

        each()
        benchmark.pedantic(each, rounds=3)
        ours, theirs = cpu_seconds(each, lambda: list(loader))
        ours, theirs = n_batches * BATCH / ours, 8 * BATCH / theirs
        benchmark.extra_info["images_per_second"] = round(ours)
        benchmark.extra_info["data_loader_per_second"] = round(theirs)
        benchmark.extra_info["ratio_to_data_loader"] = round(ours / theirs, 2)
        return ours / theirs

    return compare


def test_shapes3d_like_outruns_a_data_loader(compare, root):
    """20,000 images a second were asked for, where the loader gives 10,000 or so."""
    dataset = load_shapes3d_like(root)
    assert compare(dataset.images, len(dataset), 20) > 1.5


def test_scenes_of_the_arm_are_drawn_at_a_tenth_of_a_data_loaders_speed(compare):
    """2,000 a second were asked for; each scene serves 18 images."""
    scenes = ArmScenes()
    assert scenes.side > 0  # the boxes are worked out once
    assert compare(scenes.draw, len(scenes), 4) > 0.1


def test_mpi3d_like_is_read_at_several_times_a_data_loaders_speed(compare, root):
    """100,000 images a second were asked for; twelve positions an axis make a store of 12 MB, as warm as any other."""
    dataset = load_mpi3d_like(root, n_positions=12)
    assert compare(dataset.images, len(dataset), 20) > 4


def test_faces_are_drawn_at_a_tenth_of_a_data_loaders_speed(compare):
    """2,000 a second were asked for."""
    attributes = draw_attributes(np.arange(N_FACES))
    assert compare(lambda rows: draw_faces(rows, attributes[rows]), N_FACES, 4) > 0.1


def test_stored_faces_are_read_at_ten_times_a_data_loaders_speed(compare, root):
    """100,000 images a second were asked for."""
    dataset = load_celeba_like(root, n_images=N_FACES)
    assert compare(dataset.images, len(dataset), 40) > 10


PEAK = """
import sys
from pathlib import Path
from minebench.datasets.celeba_like import load_celeba_like
from minebench.datasets.dsprites import load_dsprites
from minebench.datasets.mpi3d_like import load_mpi3d_like
from minebench.datasets.rendering.faces import draw_faces

def kilobytes(what):
    # not getrusage, whose maximum a child inherits from the process that started it
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(what)))

before = kilobytes("VmRSS")
pixels = %s.pixels
print(kilobytes("VmHWM") - before, pixels.stored.array.nbytes // 1000)
"""
IN_A_FILE, IN_MEMORY = "Path(sys.argv[1])", "Path(sys.argv[1], 'beside')"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize(
    "load",
    [
        f"load_dsprites({IN_MEMORY})",
        f"load_mpi3d_like({IN_MEMORY})",
        f"load_celeba_like({IN_MEMORY}, n_images={N_FACES})",  # no more are ever made in memory
        f"load_celeba_like({IN_A_FILE}, n_images={2 * N_FACES})",
    ],
)
def test_drawing_holds_no_more_than_a_tenth_beyond_the_store(load, tmp_path):
    """Where nothing can be stored the whole store is in memory, else a few blocks; the interpreter does not count."""
    root = tmp_path
    if IN_MEMORY in load:
        root = tmp_path / "a file in the place of the folder"
        root.touch()
    command = [sys.executable, "-P", "-c", PEAK % load, str(root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peak, store = map(int, answer.split())
    assert peak < 1.1 * store if IN_MEMORY in load else peak < 0.1 * store
