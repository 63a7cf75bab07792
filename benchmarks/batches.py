"""Batches and noise as functions of (seed, step, phase, repeat).

Images are drawn independently and with replacement from the training rows, as in the reference study (Locatello et al.
2019), so a batch needs no memory of earlier ones. Players share the images of a step; noise is keyed by the player's
name, so models whose main player is called ``vae`` meet the same noise at one seed. Labels come with the images they
belong to (``minebench.benchmarks.pools``).
"""

import numpy as np
import torch
from torch import Tensor

from minebench.baselines.contract import Batch, DataUse, Labelled, Noise, Phase
from minebench.benchmarks.pools import Pool, draw_pools
from minebench.benchmarks.streams import numpy_stream, stream_key
from minebench.datasets.factor_dataset import FactorDataset

_NO_LABELS = DataUse()


class Batches:
    """Draws the batch of a phase.

    Args:
        dataset: Where images come from.
        rows: The training rows, int64 ``(n,)``.
        seed: The run's seed.
        batch_size: Images in a batch.
        device: Where batches are made.
        use: The shares of the rows that are labelled and held out.

    Raises:
        ValueError: If a share is none.
    """

    def __init__(
        self,
        dataset: FactorDataset,
        rows: np.ndarray,
        *,
        seed: int,
        batch_size: int,
        device: torch.device,
        use: DataUse = _NO_LABELS,
    ) -> None:
        self._dataset = dataset
        self._pools = draw_pools(rows, use, seed=seed)
        self._seed = seed
        self._batch_size = batch_size
        self._device = device

    def draw(self, step: int, phase: Phase, repeat: int) -> Batch:
        """The batch of one update; the same arguments give the same batch.

        Args:
            step: Updates done before this one.
            phase: The phase that asks.
            repeat: Which update of the phase's player in this step.

        Raises:
            ValueError: If there are no images of the kind that the phase asks for.
        """
        # what a model draws from torch's own generator (dropout) is a function of seed and step, too
        torch.manual_seed(stream_key(self._seed, "global", phase.player, step, repeat))
        pool, kind = self._pools.train, ""
        if phase.images == "held_out":
            pool, kind = self._pools.held_out, "held-out "
        rows = self._draw(pool.rows, f"{kind}batch", step, repeat)
        return Batch(
            images=self._images(pool.rows[rows]),
            noise=noise(self._device, self._seed, "noise", phase.player, step, repeat),
            step=torch.tensor(step, device=self._device),
            second_images=self._images(pool.rows[self._draw(pool.rows, f"second {kind}batch", step, repeat)])
            if phase.second_batch
            else None,
            labels=self._labels(pool, rows),
            labelled=self._labelled(pool, f"labelled {kind}batch", step, repeat) if phase.labelled_batch else None,
        )

    def _draw(self, rows: np.ndarray, kind: str, step: int, repeat: int) -> np.ndarray:
        """Positions in ``rows``."""
        if not len(rows):
            raise ValueError(f"a phase asks for a {kind}, but the model's data_use() leaves no images for it")
        return numpy_stream(self._seed, kind, step, repeat).integers(len(rows), size=self._batch_size)

    def _images(self, rows: np.ndarray) -> Tensor:
        return to_images(self._dataset.images(rows), self._device)

    def _labels(self, pool: Pool, drawn: np.ndarray) -> Tensor | None:
        if pool.labelled is None:
            return None
        factors = self._dataset.factors(pool.rows[drawn])
        known = np.where(pool.labelled[drawn, None], factors, -1)
        return torch.from_numpy(known).to(self._device)

    def _labelled(self, pool: Pool, kind: str, step: int, repeat: int) -> Labelled:
        rows = pool.labelled_rows
        drawn = rows[self._draw(rows, kind, step, repeat)]
        return Labelled(self._images(drawn), torch.from_numpy(self._dataset.factors(drawn)).to(self._device))


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
