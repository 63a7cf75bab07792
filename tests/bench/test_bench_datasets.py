"""How fast images leave a data set, against the loop over single images that a data loader runs.

Seconds are of the processor, in one thread (``OMP_NUM_THREADS=1``): waiting for it on a busy machine does not count,
though what others do to caches and memory does; so look at the ratios first.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from minebench.datasets.attribute_table import AttributeTable
from minebench.datasets.cache import Stored
from minebench.datasets.dsprites import load_dsprites
from minebench.datasets.grid import Grid
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.pixels import BytePixels
from minebench.datasets.splits import held_out_split
from minebench.datasets.subsets import Correlated, TrainingSubset

pytestmark = [pytest.mark.slow, pytest.mark.benchmark(timer=time.process_time)]


@pytest.fixture(scope="module")
def dsprites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageGrid]:
    root: Path = tmp_path_factory.mktemp("data")
    yield load_dsprites(root)
    for store in root.glob("packed/*.u64"):  # 377 MB that pytest would keep for three sessions
        store.unlink()


def one_by_one(dataset: ImageGrid, rows: np.ndarray) -> np.ndarray:
    """What ``Dataset.__getitem__`` and the default collation do: fetch, decode, stack."""
    images = []
    for row in rows:
        pixels = np.unpackbits(dataset.pixels.words[row].view(np.uint8), bitorder="little")
        images.append(pixels.reshape(1, 64, 64) * np.uint8(255))
    return np.stack(images)


def each(read: Callable[[np.ndarray], np.ndarray], batches: list[np.ndarray]) -> None:
    """One batch after another, as a trainer takes them; none is kept, so memory is used again."""
    for rows in batches:
        read(rows)


@pytest.mark.parametrize("batch_size", [64, 256, 4096, 20_000])
def test_random_batches_beat_the_loop_over_images(benchmark, cpu_seconds, dsprites, batch_size):
    rng = np.random.default_rng(0)
    n_batches = max(1, 20_480 // batch_size)
    batches = [rng.integers(0, len(dsprites), batch_size) for _ in range(n_batches)]
    assert np.array_equal(dsprites.images(batches[0][:300]), one_by_one(dsprites, batches[0][:300]))

    benchmark(each, dsprites.images, batches)
    batched, looped = cpu_seconds(
        lambda: each(dsprites.images, batches), lambda: each(lambda rows: one_by_one(dsprites, rows), batches)
    )
    benchmark.extra_info["images_per_second"] = round(n_batches * batch_size / batched)
    benchmark.extra_info["ratio_to_loop"] = round(looped / batched, 1)
    assert n_batches * batch_size / batched > 200_000
    assert looped / batched > 3


def test_the_whole_set_is_drawn_and_stored_from_nothing_in_seconds(benchmark, cpu_seconds, tmp_path):
    """15 seconds were asked for."""
    roots = (tmp_path / str(number) for number in range(3))

    def draw() -> None:
        root = next(roots)
        assert len(load_dsprites(root)) == 737_280
        for store in root.glob("packed/*.u64"):
            store.unlink()

    benchmark.pedantic(draw, rounds=1)
    assert cpu_seconds(draw, rounds=1)[0] < 15


def test_the_store_opens_in_milliseconds(benchmark, cpu_seconds, dsprites):
    root = Path(dsprites.pixels.words.base.filename).parents[1]
    assert benchmark(load_dsprites, root).source == "procedural"
    assert cpu_seconds(lambda: load_dsprites(root))[0] < 0.05


def test_sampling_with_a_fixed_factor_costs_microseconds(benchmark, cpu_seconds, dsprites):
    rng = np.random.default_rng(0)
    benchmark(dsprites.sample, 64, rng, {"shape": 1})
    assert cpu_seconds(lambda: dsprites.sample(64, rng, {"shape": 1}))[0] < 1e-3


def test_the_split_of_all_rows_costs_less_than_its_share(benchmark, cpu_seconds, dsprites):
    benchmark(held_out_split, dsprites)
    assert cpu_seconds(lambda: held_out_split(dsprites))[0] < 0.3


N_RGB = 20_000  # 246 MB: larger than any cache of the processor


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageGrid]:
    """RGB images in a file that is mapped, warm."""
    path = tmp_path_factory.mktemp("rgb") / "pixels.u8"
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(N_RGB // 1000):
            file.write(rng.integers(0, 256, (1000, 64, 64, 3), np.uint8).data)
    pixels = np.memmap(path, np.uint8, "r", shape=(N_RGB, 64, 64, 3)).view(np.ndarray)
    yield ImageGrid("toy", "real", BytePixels(Stored.of(pixels)), Grid(("a", "b"), (200, 100)))
    path.unlink()


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_random_rgb_batches_of_a_mapped_file_beat_a_data_loader_ten_times(benchmark, cpu_seconds, loader_over, rgb):
    """Both in one process and one thread. The loader gives floats, so the ratio as floats is told beside it."""
    rng = np.random.default_rng(0)
    batches = [rng.permutation(N_RGB)[:256] for _ in range(8)]
    loader = loader_over(rgb.pixels.stored.array, batches)
    first = next(iter(loader))
    assert np.array_equal((first.numpy() * 255).round().astype(np.uint8), rgb.images(batches[0]))

    benchmark(each, rgb.images, batches)
    ours, converted, theirs = (
        taken / len(batches)
        for taken in cpu_seconds(
            lambda: each(rgb.images, batches),
            lambda: each(lambda rows: torch.from_numpy(rgb.images(rows)).float().div_(255), batches),
            lambda: list(loader),
        )
    )
    benchmark.extra_info["images_per_second"] = round(256 / ours)
    benchmark.extra_info["as_floats_per_second"] = round(256 / converted)
    benchmark.extra_info["data_loader_per_second"] = round(256 / theirs)
    benchmark.extra_info["ratio_to_data_loader"] = round(theirs / ours, 1)
    benchmark.extra_info["ratio_as_floats"] = round(theirs / converted, 1)
    assert theirs / ours > 10


def test_a_rule_for_the_training_rows_costs_no_more_than_three_splits(benchmark, cpu_seconds, dsprites):
    """On all of dSprites; ``own_split`` is kept, so a run pays once."""
    rule = Correlated("orientation", "posX", 0.2)
    benchmark(lambda: TrainingSubset(dsprites, rule).own_split())
    plain, ruled = cpu_seconds(
        lambda: held_out_split(dsprites), lambda: TrainingSubset(dsprites, rule).own_split(), rounds=3
    )
    assert ruled - plain < 3 * plain


def test_sampling_attributes_of_200_000_images_costs_milliseconds(benchmark, cpu_seconds):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (202_599, 40)).astype(np.uint8)
    table = AttributeTable(tuple(f"a{k}" for k in range(40)), (2,) * 40, values)
    benchmark(table.sample, 64, rng, {"a3": 1, "a7": 0})
    assert cpu_seconds(lambda: table.sample(64, rng, {"a3": 1, "a7": 0}))[0] < 0.02
