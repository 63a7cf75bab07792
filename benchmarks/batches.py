"""Batches and noise as functions of (seed, step, phase, repeat).

Images are drawn independently and with replacement from the training rows, as in the reference study (Locatello et al.
2019), so a batch needs no memory of earlier ones. Players share the images of a step; noise is keyed by the player's
name, so models whose main player is called ``vae`` meet the same noise at one seed. Labels come with the images they
belong to (``minebench.benchmarks.pools``).

A batch is made in two halves: the host chooses rows and keys (``Batches.choose``), the device makes images of them
(``Batches.batch``), so that the second half can be captured in a graph.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from minebench.baselines.contract import Batch, DataUse, Labelled, Noise, Phase
from minebench.benchmarks.pools import draw_pools
from minebench.benchmarks.residency import Pixels, Sent, as_floats, staged
from minebench.benchmarks.streams import numpy_stream, stream_key
from minebench.datasets.factor_dataset import FactorDataset

_NO_LABELS = DataUse()


class Choice(NamedTuple):
    """The host's half of a batch.

    Attributes:
        arrays: What has to reach the device, by name; shapes and dtypes are the same at every step.
        noise_key: Seed of the phase's own random numbers.
        global_key: Seed of torch's own generators, for what a model draws from them (dropout).
    """

    arrays: dict[str, np.ndarray]
    noise_key: int
    global_key: int


class Batches:
    """Draws the batch of a phase.

    Args:
        dataset: Where images come from.
        rows: The training rows, int64 ``(n,)``.
        seed: The run's seed.
        batch_size: Images in a batch.
        device: Where batches are made.
        use: The shares of the rows that are labelled and held out.
        pixels: The images of ``dataset`` where the device reaches them; by default taken from it batch by batch.

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
        pixels: Pixels | None = None,
    ) -> None:
        self.device = device
        self._dataset = dataset
        self._pixels = pixels or Sent(dataset)
        self._pools = draw_pools(rows, use, seed=seed)
        self._labelled_rows = [pool.labelled_rows for pool in self._pools]
        self._seed = seed
        self._batch_size = batch_size

    def draw(self, step: int, phase: Phase, repeat: int) -> Batch:
        """The batch of one update; the same arguments give the same batch.

        Args:
            step: Updates done before this one.
            phase: The phase that asks.
            repeat: Which update of the phase's player in this step.

        Raises:
            ValueError: If there are no images of the kind that the phase asks for.
        """
        choice = self.choose(step, phase, repeat)
        seed_global(choice.global_key, self.device)
        arrays = {
            name: staged(array, self.device).to(self.device, non_blocking=True) for name, array in choice.arrays.items()
        }
        generator = torch.Generator(self.device).manual_seed(choice.noise_key)
        # full, not tensor: a number reaches a GPU with the launch, an array by a copy that the host waits for
        return self.batch(arrays, Noise(generator), torch.full((), step, dtype=torch.int64, device=self.device))

    def choose(self, step: int, phase: Phase, repeat: int) -> Choice:
        """The host's half of ``draw``: which rows, which labels, which random numbers."""
        held_out = phase.images == "held_out"
        pool, kind = self._pools[held_out], "held-out " if held_out else ""
        drawn = self._draw(pool.rows, f"{kind}batch", step, repeat)
        arrays = {"images": self._pixels.stage(pool.rows[drawn])}
        if phase.second_batch:
            second = self._draw(pool.rows, f"second {kind}batch", step, repeat)
            arrays["second_images"] = self._pixels.stage(pool.rows[second])
        if pool.labelled is not None:
            known = pool.labelled[drawn, None]
            arrays["labels"] = np.where(known, self._dataset.factors(pool.rows[drawn]), -1)
        if phase.labelled_batch:
            rows = self._labelled_rows[held_out]
            labelled = rows[self._draw(rows, f"labelled {kind}batch", step, repeat)]
            arrays["labelled_images"] = self._pixels.stage(labelled)
            arrays["labelled_labels"] = self._dataset.factors(labelled)
        return Choice(
            arrays,
            # what one model draws shifts nothing for another: each player of each step has random numbers of its own
            noise_key=stream_key(self._seed, "noise", phase.player, step, repeat),
            global_key=stream_key(self._seed, "global", phase.player, step, repeat),
        )

    def batch(self, arrays: Mapping[str, Tensor], noise: Noise, step: Tensor) -> Batch:
        """The device's half of ``draw``.

        Args:
            arrays: Those of a ``Choice``, on the device.
            noise: The phase's random numbers, on the device.
            step: Updates done before this one, int64 ``()`` on the device.
        """
        second, labelled = arrays.get("second_images"), arrays.get("labelled_images")
        return Batch(
            images=self._pixels.images(arrays["images"]),
            noise=noise,
            step=step,
            second_images=None if second is None else self._pixels.images(second),
            labels=arrays.get("labels"),
            labelled=None if labelled is None else Labelled(self._pixels.images(labelled), arrays["labelled_labels"]),
        )

    def _draw(self, rows: np.ndarray, kind: str, step: int, repeat: int) -> np.ndarray:
        """Positions in ``rows``."""
        if not len(rows):
            raise ValueError(f"a phase asks for a {kind}, but the model's data_use() leaves no images for it")
        return numpy_stream(self._seed, kind, step, repeat).integers(len(rows), size=self._batch_size)


def seed_global(key: int, device: torch.device) -> None:
    """Seed torch's own generators, as far as a model on a device draws from them: the CPU's, and its GPU's.

    To the bits of ``torch.manual_seed``, which at every call writes down the whole stack for GPUs that are never used:
    0.4 ms, more than making the batch.
    """
    torch.default_generator.manual_seed(key)
    if device.type == "cuda":
        torch.cuda.manual_seed(key)


def to_images(pixels: np.ndarray, device: torch.device) -> Tensor:
    """Pixels as a model takes them.

    Args:
        pixels: uint8, shape (n, channels, height, width).
        device: Where the result lives; the conversion happens there.

    Returns:
        Float32 in [0, 1], channels last in memory.
    """
    return as_floats(torch.from_numpy(pixels).to(device, non_blocking=True))


def noise(device: torch.device, seed: int, *purpose: str | int) -> Noise:
    """Random numbers on a device for a seed and a purpose."""
    return Noise(torch.Generator(device).manual_seed(stream_key(seed, *purpose)))
