"""Wherever the pixels lie, a batch holds the same bits."""

import numpy as np
import pytest
import torch

from minebench.baselines.contract import DataUse, Phase
from minebench.benchmarks import devices, residency
from minebench.benchmarks.batches import Batches, to_images
from minebench.benchmarks.residency import ResidentBits, ResidentBytes, Sent, place, put
from minebench.datasets.shapes_mini import load_shapes_mini
from minebench.datasets.subsets import TrainingSubset, parse_rule

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def binary():
    return load_shapes_mini()


class Colours:
    """Three channels, not as wide as high, every value; the rest is shapes_mini's."""

    name, source, image_shape = "colours", "procedural", (3, 6, 4)

    def __len__(self):
        return 10_000

    def fingerprint(self):
        return "colours"

    def images(self, index):
        rng = np.random.default_rng(0)
        return rng.integers(256, size=(len(self), *self.image_shape), dtype=np.uint8)[index]


def bits(dataset):
    return ResidentBits(dataset.pixels, CPU)


KINDS = {
    "bits": (load_shapes_mini, bits),
    "bytes of a binary set": (load_shapes_mini, lambda dataset: ResidentBytes(dataset, CPU)),
    "bytes in colour": (Colours, lambda dataset: ResidentBytes(dataset, CPU)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_resident_pixels_are_those_of_the_data_set_in_every_bit_and_in_layout(kind):
    load, residence = KINDS[kind]
    dataset = load()
    pixels = residence(dataset)
    rows = np.array([0, len(dataset) - 1, 17, 17, 4095, 4096])
    images = pixels.images(torch.from_numpy(pixels.stage(rows)))
    expected = to_images(dataset.images(rows), CPU)
    assert torch.equal(images, expected)
    assert (images.dtype, images.stride()) == (torch.float32, expected.stride())


def test_what_is_staged_for_resident_pixels_is_row_numbers_alone(binary):
    rows = np.arange(64)
    assert bits(binary).stage(rows) is rows
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


def held_bytes(pixels):
    return sum(tensor.nbytes for tensor in vars(pixels).values() if isinstance(tensor, torch.Tensor))


@pytest.mark.parametrize("rule", ["correlated=posX,posY,0.2", "without=shape:2"])
def test_a_rule_for_the_training_rows_leaves_the_pixels_packed(binary, rule):
    """4,608 images of 4,096 pixels: 2.4 MB as bits, 18.9 MB as bytes; and 256 x 8 floats tell a byte's pixels."""
    subset = TrainingSubset(binary, parse_rule(rule))
    n_bits = len(binary) * 64 * 64 // 8
    pixels = put(subset, CPU, free_bytes=2 * n_bits)
    assert held_bytes(pixels) == n_bits + 256 * 8 * 4
    rows = subset.own_split().train[[0, 7, -1]]
    assert torch.equal(pixels.images(torch.from_numpy(pixels.stage(rows))), to_images(subset.images(rows), CPU))
    sent = put(subset, CPU, free_bytes=2 * n_bits - 2)
    assert isinstance(sent, Sent)
    assert np.array_equal(sent.stage(rows), subset.images(rows))


def test_runs_with_and_without_a_rule_share_one_upload(binary, monkeypatch):
    """On torch's device without memory, which stands for any that is not the CPU."""
    monkeypatch.setattr(devices, "free_memory_bytes", lambda device: 1 << 30)
    monkeypatch.setattr(devices, "synchronize", lambda device: None)
    monkeypatch.setattr(residency, "_placed", {})
    device = torch.device("meta")
    whole = place(binary, device)
    assert isinstance(whole, ResidentBits)
    assert place(TrainingSubset(binary, parse_rule("without=shape:2")), device) is whole
    assert place(load_shapes_mini(), device) is whole
    assert place(Colours(), device) is not whole


def test_on_the_cpu_pixels_stay_where_they_are(binary):
    assert place(binary, CPU).place == "host memory"


def test_batches_of_resident_pixels_are_the_same_batches(binary):
    phase = Phase("vae", second_batch=True, labelled_batch=True)

    def draw(pixels, images):
        use = DataUse(labels=0.5, held_out=0.2)
        batches = Batches(binary, np.arange(400), seed=1, batch_size=8, device=CPU, use=use, pixels=pixels)
        return batches.draw(3, phase._replace(images=images), 1)

    for images in ("train", "held_out"):
        sent, resident = draw(None, images), draw(bits(binary), images)
        for name in ("images", "second_images", "labels", "step"):
            assert torch.equal(getattr(sent, name), getattr(resident, name)), name
        assert all(torch.equal(one, other) for one, other in zip(sent.labelled, resident.labelled, strict=True))
        assert torch.equal(sent.noise.normal((3,)), resident.noise.normal((3,)))
