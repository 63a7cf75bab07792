"""How fast images leave a packed grid, against the loop over single images that a data loader runs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from minebench.datasets.dsprites import load_dsprites
from minebench.datasets.packed_grid import PackedGrid
from minebench.datasets.splits import held_out_split

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dsprites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackedGrid]:
    root: Path = tmp_path_factory.mktemp("data")
    yield load_dsprites(root)
    for store in root.glob("packed/*.u64"):  # 377 MB that pytest would keep for three sessions
        store.unlink()


def one_by_one(dataset: PackedGrid, rows: np.ndarray) -> np.ndarray:
    """What ``Dataset.__getitem__`` and the default collation do: fetch, decode, stack."""
    images = []
    for row in rows:
        pixels = np.unpackbits(dataset.words[row].view(np.uint8), bitorder="little")
        images.append(pixels.reshape(1, 64, 64) * np.uint8(255))
    return np.stack(images)


def each(read: Callable[[np.ndarray], np.ndarray], batches: list[np.ndarray]) -> None:
    """One batch after another, as a trainer takes them; none is kept, so memory is used again."""
    for rows in batches:
        read(rows)


def seconds(function: Callable[[], object]) -> float:
    """The fastest of five runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("batch_size", [64, 256, 4096, 20_000])
def test_random_batches_beat_the_loop_over_images(benchmark, dsprites, batch_size):
    rng = np.random.default_rng(0)
    n_batches = max(1, 20_480 // batch_size)
    batches = [rng.integers(0, len(dsprites), batch_size) for _ in range(n_batches)]
    assert np.array_equal(dsprites.images(batches[0][:300]), one_by_one(dsprites, batches[0][:300]))

    benchmark(each, dsprites.images, batches)
    batched = seconds(lambda: each(dsprites.images, batches))
    looped = seconds(lambda: each(lambda rows: one_by_one(dsprites, rows), batches))
    benchmark.extra_info["images_per_second"] = round(n_batches * batch_size / batched)
    benchmark.extra_info["ratio_to_loop"] = round(looped / batched, 1)
    assert n_batches * batch_size / batched > 200_000
    assert looped / batched > 3


def test_the_store_opens_in_milliseconds(benchmark, dsprites):
    root = Path(dsprites.words.base.filename).parents[1]
    assert benchmark(load_dsprites, root).source == "procedural"
    assert seconds(lambda: load_dsprites(root)) < 0.05


def test_sampling_with_a_fixed_factor_costs_microseconds(benchmark, dsprites):
    rng = np.random.default_rng(0)
    benchmark(dsprites.sample, 64, rng, {"shape": 1})
    assert seconds(lambda: dsprites.sample(64, rng, {"shape": 1})) < 1e-3


def test_the_split_of_all_rows_costs_less_than_its_share(benchmark, dsprites):
    benchmark(held_out_split, dsprites)
    assert seconds(lambda: held_out_split(dsprites)) < 0.3
