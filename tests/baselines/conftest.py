"""Small worlds: eight random images for objectives, and rings of sixteen pixels for learning."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from minebench.baselines.contract import Batch, DataSpec, Labelled, Noise
from minebench.baselines.vae import VAE

N_BATCH = 8
N_IMAGES = 1000
N_RING = 16  # pixels of a ring


@pytest.fixture
def data() -> DataSpec:
    torch.manual_seed(0)  # of the weights of models built in the test
    return DataSpec(image_shape=(1, 64, 64), n_images=N_IMAGES, factor_sizes=(3, 6))


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """The same batch with the same noise at every call."""

    def make(step: int = 0) -> Batch:
        generator = torch.Generator().manual_seed(5)
        images = (torch.rand(3, N_BATCH, 1, 64, 64, generator=generator) > 0.7).float()
        labels = torch.stack([torch.randint(n, (N_BATCH,), generator=generator) for n in (3, 6)], dim=1)
        noise = Noise(torch.Generator().manual_seed(6))
        return Batch(images[0], noise, torch.tensor(step), images[1], labelled=Labelled(images[2], labels))

    return make


@pytest.fixture
def rings() -> Callable[..., Tensor]:
    """Images of a light on a ring: pixel p is bright where the angle is near its own.

    A VAE lays the angles out as a circle in two codes, whose total correlation no rotation removes.
    """

    def draw(angles: np.ndarray, gain: float = 4.0) -> Tensor:
        places = 2 * np.pi * np.arange(N_RING) / N_RING
        light = 1 / (1 + np.exp(-gain * np.cos(angles[:, None] - places)))
        return torch.tensor(light, dtype=torch.float32).reshape(-1, 1, 1, N_RING)

    return draw


@pytest.fixture
def on_rings() -> Callable[[VAE], VAE]:
    """Put small networks for images of ``n_pixels`` in a row into a model."""

    def swap(model: VAE, n_pixels: int = N_RING) -> VAE:
        latent_dim = model.config.latent_dim
        model.encoder = nn.Sequential(nn.Flatten(), nn.Linear(n_pixels, 64), nn.ReLU(), nn.Linear(64, 2 * latent_dim))
        model.decoder = nn.Sequential(
            nn.Linear(latent_dim, 64), nn.ReLU(), nn.Linear(64, n_pixels), nn.Unflatten(1, (1, 1, n_pixels))
        )
        return model

    return swap


@pytest.fixture
def fit() -> Callable[..., list[dict[str, float]]]:
    """Train a model by its contract, without the trainer; returns the terms of its first player at each step."""

    def train(model: Any, batches: Iterator[Batch], steps: int, learning_rate: float = 3e-3) -> list[dict[str, float]]:
        players = {player.name: player for player in model.players()}
        adams = {
            name: torch.optim.Adam(player.parameters, lr=learning_rate, betas=player.betas, fused=True)
            for name, player in players.items()
        }
        history = []
        for step in range(steps):
            for phase in model.phases(step):
                player, adam = players[phase.player], adams[phase.player]
                terms = model.loss(phase.player, next(batches)._replace(step=torch.tensor(step)))
                gradients = torch.autograd.grad(terms.total, player.parameters, allow_unused=True)
                for parameter, gradient in zip(player.parameters, gradients, strict=True):
                    parameter.grad = gradient
                adam.step()
                if phase.player == next(iter(players)):
                    history.append({name: value.item() for name, value in terms.terms.items()})
        return history

    return train
