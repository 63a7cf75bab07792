"""Batches and noise as functions of (seed, step, phase, repeat).

Images are drawn independently and with replacement from the training rows, as in the reference study (Locatello et al.
2019), so a batch needs no memory of earlier ones. Players share the images of a step; noise is keyed by the player's
name, so models whose main player is called ``vae`` meet the same noise at one seed.
"""

import numpy as np
import torch
from torch import Tensor

from minebench.baselines.contract import Batch, Noise, Phase
from minebench.benchmarks.streams import numpy_stream, stream_key
from minebench.datasets.factor_dataset import FactorDataset


class Batches:
    """Draws the batch of a phase.

    Args:
        dataset: Where images come from.
        rows: The training rows, int64 ``(n,)``.
        seed: The run's seed.
        batch_size: Images in a batch.
        device: Where batches are made.
    """

    def __init__(
        self, dataset: FactorDataset, rows: np.ndarray, *, seed: int, batch_size: int, device: torch.device
    ) -> None:
        self._dataset = dataset
        self._rows = rows
        self._seed = seed
        self._batch_size = batch_size
        self._device = device

    def draw(self, step: int, phase: Phase, repeat: int) -> Batch:
        """The batch of one update; the same arguments give the same batch.

        Args:
            step: Updates done before this one.
            phase: The phase that asks.
            repeat: Which update of the phase's player in this step.
        """
        # what a model draws from torch's own generator (dropout) is a function of seed and step, too
        torch.manual_seed(stream_key(self._seed, "global", phase.player, step, repeat))
        return Batch(
            images=self._images("batch", step, repeat),
            noise=noise(self._device, self._seed, "noise", phase.player, step, repeat),
            step=torch.tensor(step, device=self._device),
            second_images=self._images("second batch", step, repeat) if phase.second_batch else None,
        )

    def _images(self, purpose: str, step: int, repeat: int) -> Tensor:
        rows = self._rows[
            numpy_stream(self._seed, purpose, step, repeat).integers(len(self._rows), size=self._batch_size)
        ]
        return to_images(self._dataset.images(rows), self._device)


def to_images(pixels: np.ndarray, device: torch.device) -> Tensor:
    """Pixels as a model takes them.

    Args:
        pixels: uint8, shape (n, channels, height, width).
        device: Where the result lives; the conversion happens there.

    Returns:
        Float32 in [0, 1], channels last in memory.
    """
    on_device = torch.from_numpy(pixels).to(device, non_blocking=True)
    return on_device.to(torch.float32, memory_format=torch.channels_last).div_(255)


def noise(device: torch.device, seed: int, *purpose: str | int) -> Noise:
    """Random numbers on a device for a seed and a purpose."""
    return Noise(torch.Generator(device).manual_seed(stream_key(seed, *purpose)))
