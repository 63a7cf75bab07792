"""Wherever the pixels lie, a batch holds the same bits."""

import numpy as np
import pytest
import torch

from minebench.baselines.contract import DataUse, Phase
from minebench.benchmarks.batches import Batches, to_images
from minebench.benchmarks.residency import ResidentBits, ResidentBytes, Sent, place, put
from minebench.datasets.shapes_mini import load_shapes_mini

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def binary():
    return load_shapes_mini()


class Colours:
    """Three channels, not as wide as high, every value; the rest is shapes_mini's."""

    name, source, image_shape = "colours", "procedural", (3, 6, 4)

    def __len__(self):
        return 10_000

    def images(self, index):
        rng = np.random.default_rng(0)
        return rng.integers(256, size=(len(self), *self.image_shape), dtype=np.uint8)[index]


KINDS = {
    "bits": (load_shapes_mini, ResidentBits),
    "bytes of a binary set": (load_shapes_mini, ResidentBytes),
    "bytes in colour": (Colours, ResidentBytes),
}


@pytest.mark.parametrize("kind", KINDS)
def test_resident_pixels_are_those_of_the_data_set_in_every_bit_and_in_layout(kind):
    load, residence = KINDS[kind]
    dataset = load()
    pixels = residence(dataset, CPU)
    rows = np.array([0, len(dataset) - 1, 17, 17, 4095, 4096])
    images = pixels.images(torch.from_numpy(pixels.stage(rows)))
    expected = to_images(dataset.images(rows), CPU)
    assert torch.equal(images, expected)
    assert (images.dtype, images.stride()) == (torch.float32, expected.stride())


def test_what_is_staged_for_resident_pixels_is_row_numbers_alone(binary):
    rows = np.arange(64)
    assert ResidentBits(binary, CPU).stage(rows) is rows
    assert Sent(binary).stage(rows).nbytes == 64 * 64 * 64


def test_free_memory_decides_what_is_resident(binary):
    """4,608 images of 512 bytes as bits: 2.36 MB, and at most half of what is free is taken."""
    need = len(binary) * 64 * 8
    assert isinstance(put(binary, CPU, free_bytes=2 * need), ResidentBits)
    sent = put(binary, CPU, free_bytes=2 * need - 2)
    assert isinstance(sent, Sent)
    assert sent.place == "host memory, sent batch by batch: 2 MB are more than half of the 5 MB that are free on cpu"
    colours = Colours()
    need = len(colours) * 3 * 6 * 4
    assert isinstance(put(colours, CPU, free_bytes=2 * need), ResidentBytes)
    assert isinstance(put(colours, CPU, free_bytes=2 * need - 2), Sent)


def test_on_the_cpu_pixels_stay_where_they_are(binary):
    assert place(binary, CPU).place == "host memory"


def test_batches_of_resident_pixels_are_the_same_batches(binary):
    phase = Phase("vae", second_batch=True, labelled_batch=True)

    def draw(pixels, images):
        use = DataUse(labels=0.5, held_out=0.2)
        batches = Batches(binary, np.arange(400), seed=1, batch_size=8, device=CPU, use=use, pixels=pixels)
        return batches.draw(3, phase._replace(images=images), 1)

    for images in ("train", "held_out"):
        sent, resident = draw(None, images), draw(ResidentBits(binary, CPU), images)
        for name in ("images", "second_images", "labels", "step"):
            assert torch.equal(getattr(sent, name), getattr(resident, name)), name
        assert all(torch.equal(one, other) for one, other in zip(sent.labelled, resident.labelled, strict=True))
        assert torch.equal(sent.noise.normal((3,)), resident.noise.normal((3,)))
