"""A small world for objective tests: eight random binary images and fixed noise."""

from collections.abc import Callable

import pytest
import torch

from minebench.baselines.contract import Batch, DataSpec, Noise

N_BATCH = 8
N_IMAGES = 1000


@pytest.fixture
def data() -> DataSpec:
    torch.manual_seed(0)  # of the weights of models built in the test
    return DataSpec(image_shape=(1, 64, 64), n_images=N_IMAGES, factor_sizes=(3, 6))


@pytest.fixture
def make_batch() -> Callable[[], Batch]:
    """The same batch with the same noise at every call."""

    def make() -> Batch:
        generator = torch.Generator().manual_seed(5)
        images = (torch.rand(2, N_BATCH, 1, 64, 64, generator=generator) > 0.7).float()
        noise = Noise(torch.Generator().manual_seed(6))
        return Batch(images[0], noise, torch.tensor(0), second_images=images[1])

    return make
