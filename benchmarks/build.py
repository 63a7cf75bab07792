"""Building a model with the weights that its seed gives; a file of its own, because it decides numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from minebench.baselines.contract import Config, DataSpec
from minebench.benchmarks.streams import stream_key


def build(model_class: Any, config: Config, data: DataSpec, *, seed: int, device: torch.device) -> Any:
    """A model on a device, channels last in memory.

    Args:
        model_class: Called as ``model_class(config, data)``.
        config: Its hyperparameters.
        data: What it may know of the data.
        seed: The run's seed.
        device: Where it is put.
    """
    with initialisation(seed):
        model = model_class(config, data)
    return model.to(device=device, memory_format=torch.channels_last)


@contextmanager
def initialisation(seed: int) -> Iterator[None]:
    """Inside, weights of modules are drawn from the seed's own stream; the global generator is left as it was.

    Modules, a plug-in model's included, draw their initial weights on the CPU from torch's global generator: it is
    seeded for the time of construction and restored.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_key(seed, "initialisation"))
        yield
