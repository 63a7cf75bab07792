"""How the benches take time on a machine that others use, too."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_tensor

CpuSeconds = Callable[..., list[float]]


@pytest.fixture
def cpu_seconds() -> CpuSeconds:
    """The fewest seconds of the processor that each of several functions takes over five rounds, in turn."""

    def cpu_seconds(*functions: Callable[[], object], rounds: int = 5) -> list[float]:
        taken: list[list[float]] = [[] for _ in functions]
        for _ in range(rounds):
            for function, of_one in zip(functions, taken, strict=True):
                start = time.process_time()
                function()
                of_one.append(time.process_time() - start)
        return [min(of_one) for of_one in taken]

    return cpu_seconds


class Pictures(Dataset[torch.Tensor]):
    """Images in an array as a data loader takes them: one at a time, converted by torchvision."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> torch.Tensor:
        return to_tensor(self.pixels[row])


@pytest.fixture
def loader_over() -> Callable[[np.ndarray, list[np.ndarray]], DataLoader[torch.Tensor]]:
    """PyTorch's loader of given batches of an array uint8 ``(n, H, W, C)``, in this process and one thread."""

    def loader_over(pixels: np.ndarray, batches: list[np.ndarray]) -> DataLoader[torch.Tensor]:
        torch.set_num_threads(1)
        return DataLoader(Pictures(pixels), batch_sampler=[batch.tolist() for batch in batches])

    return loader_over
