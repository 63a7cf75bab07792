"""Where the pixels lie while a model trains, and how those of a batch reach the device.

On a GPU the whole data set lies in its memory where it fits, a byte or a bit a pixel, and a batch is a list of row
numbers. Where it does not fit, and on the CPU, the pixels of each batch are taken from the data set. All ways give the
same bits, so which one it is decides no number.
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from minebench.benchmarks import devices
from minebench.datasets.factor_dataset import FactorDataset
from minebench.datasets.packed_pixels import PackedPixels
from minebench.datasets.subsets import whole

SHARE = 0.5  # of a GPU's free memory that pixels may take; the rest is for models, their graphs and evaluation
_BLOCK = 8192  # images uploaded at a time


class Pixels(Protocol):
    """The images of a data set for training on a device."""

    @property
    def place(self) -> str:
        """Where they lie, in words."""
        ...

    def stage(self, rows: np.ndarray) -> np.ndarray:
        """What must reach the device to make the images of rows; work of the host.

        Args:
            rows: Rows of the data set, int64 ``(n,)``.

        Returns:
            An array whose shape and dtype depend on n alone.
        """
        ...

    def images(self, staged: Tensor) -> Tensor:
        """The images of what was staged; work of the device, the same operations for every batch.

        Args:
            staged: What ``stage`` returned, on the device.

        Returns:
            Float32 in [0, 1], shape (n, channels, height, width), channels last in memory.
        """
        ...


class Sent:
    """Pixels are taken from the data set batch by batch and sent as bytes.

    Args:
        dataset: Where they come from.
        place: Where it lies, in words.
    """

    def __init__(self, dataset: FactorDataset, place: str = "host memory") -> None:
        self.place = place
        self._dataset = dataset

    def stage(self, rows: np.ndarray) -> np.ndarray:
        """Pixels, uint8 (n, channels, height, width)."""
        return self._dataset.images(rows)

    def images(self, staged: Tensor) -> Tensor:
        """As ``Pixels.images``."""
        return as_floats(staged)


class ResidentBytes:
    """All pixels lie on the device, a byte each."""

    def __init__(self, dataset: FactorDataset, device: torch.device) -> None:
        self._pixels = torch.empty((len(dataset), *dataset.image_shape), dtype=torch.uint8, device=device)
        for start in range(0, len(dataset), _BLOCK):
            block = self._pixels[start : start + _BLOCK]
            block.copy_(torch.from_numpy(dataset.images(np.arange(start, start + len(block)))))
        self.place = f"{device}, {_megabytes(self._pixels.nbytes)} as bytes"

    def stage(self, rows: np.ndarray) -> np.ndarray:
        """The rows themselves."""
        return rows

    def images(self, staged: Tensor) -> Tensor:
        """As ``Pixels.images``."""
        return as_floats(self._pixels.index_select(0, staged))


class ResidentBits:
    """All pixels of a binary data set lie on the device, a bit each."""

    def __init__(self, packed: PackedPixels, device: torch.device) -> None:
        self._shape = packed.shape
        n_rows, height = packed.words.shape
        self._bytes = torch.empty((n_rows, height * packed.words.itemsize), dtype=torch.uint8, device=device)
        for start in range(0, n_rows, _BLOCK):
            words = np.array(packed.words[start : start + _BLOCK])  # a copy: a memory map may be read only
            self._bytes[start : start + _BLOCK].copy_(torch.from_numpy(words.view(np.uint8)))
        # of every byte its eight pixels: words are little-endian and bit c is column c, so bit 0 comes first
        bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
        self._pixels_of_byte = torch.from_numpy(bits.astype(np.float32)).to(device)
        self.place = f"{device}, {_megabytes(self._bytes.nbytes)} as bits"

    def stage(self, rows: np.ndarray) -> np.ndarray:
        """The rows themselves."""
        return rows

    def images(self, staged: Tensor) -> Tensor:
        """As ``Pixels.images``."""
        channels, height, width = self._shape
        packed = self._bytes.index_select(0, staged)
        pixels = self._pixels_of_byte.index_select(0, packed.flatten().int())
        return pixels.view(len(staged), height, width, channels).permute(0, 3, 1, 2)


_placed: dict[tuple[str, str], Pixels] = {}  # one data set a process: runs in company share its pixels


def place(dataset: FactorDataset, device: torch.device) -> Pixels:
    """Put the pixels of a data set where a device reaches them fastest.

    Args:
        dataset: Any data set.
        device: Where models train.

    Returns:
        Its pixels; on a GPU the same object for every run of a process that trains on the same pixels.
    """
    if device.type == "cpu":
        return Sent(dataset)
    dataset = whole(dataset)  # a rule chooses among the rows and leaves their numbers and pixels as they are
    key = dataset.fingerprint(), str(device)
    if key not in _placed:
        _placed.clear()
        _placed[key] = put(dataset, device, free_bytes=devices.free_memory_bytes(device))
        devices.synchronize(device)  # other streams may read them from now on
    return _placed[key]


def put(dataset: FactorDataset, device: torch.device, *, free_bytes: int) -> Pixels:
    """Upload all pixels if they fit into ``SHARE`` of the free memory, as bits where the data set is binary."""
    pixels = getattr(whole(dataset), "pixels", None)  # other people's data sets may keep theirs elsewhere
    if isinstance(pixels, PackedPixels):
        n_bytes = pixels.words.nbytes
        if n_bytes <= SHARE * free_bytes:
            return ResidentBits(pixels, device)
    else:
        n_bytes = len(dataset) * int(np.prod(dataset.image_shape))
        if n_bytes <= SHARE * free_bytes:
            return ResidentBytes(dataset, device)
    small = f"{_megabytes(n_bytes)} are more than half of the {_megabytes(free_bytes)} that are free on {device}"
    return Sent(dataset, f"host memory, sent batch by batch: {small}")


def as_floats(pixels: Tensor) -> Tensor:
    """Bytes to what a model takes: float32 in [0, 1], channels last in memory."""
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)


def staged(array: np.ndarray, device: torch.device) -> Tensor:
    """A host array that a copy to the device need not wait for: in pinned memory for a GPU."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory() if device.type == "cuda" else tensor


def _megabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e6:,.0f} MB"
