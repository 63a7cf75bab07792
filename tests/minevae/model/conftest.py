"""A small MINE Disentangle VAE: sixteen pixels, two labelled factors, eight latents; and batches for its phases."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from minebench.baselines.contract import Batch, DataSpec, Labelled, Noise
from minebench.minevae.mine_vae import MINEDisentangleVAE
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig

N_BATCH, N_PIXELS = 12, 16
FACTOR_SIZES = (3, 5)
SMALL: dict[str, Any] = {
    "latent_dim": 8,
    "num_factors": None,
    "factor_dim": 4,
    "attention_dim": 8,
    "mine_hidden_dim": 8,
    "gaussian_fit_samples": 40,
    "bi_level_outer_steps": 2,
    "warm_up": 0.0,
    "ramp": 0.0,
}


@pytest.fixture
def data() -> DataSpec:
    return DataSpec(image_shape=(1, 64, 64), n_images=1000, factor_sizes=FACTOR_SIZES, n_steps=1000)


@pytest.fixture
def make_model(data: DataSpec) -> Callable[..., MINEDisentangleVAE]:
    """The same initial weights at every call, but for what a changed key changes."""

    def make(**config: Any) -> MINEDisentangleVAE:
        torch.manual_seed(0)
        model = MINEDisentangleVAE(MINEDisentangleVAEConfig(**(SMALL | config)), data)
        torch.manual_seed(1)
        width = model.config.latent_dim
        model.encoder = nn.Sequential(nn.Flatten(), nn.Linear(N_PIXELS, 16), nn.ReLU(), nn.Linear(16, 2 * width))
        model.decoder = nn.Sequential(nn.Linear(width, N_PIXELS), nn.Unflatten(1, (1, 1, N_PIXELS)))
        return model

    return make


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """A batch by its number; the labels show in the first pixels."""

    def make(number: int = 0, step: int = 500, n: int = N_BATCH) -> Batch:
        generator = torch.Generator().manual_seed(number)
        labels = torch.stack([torch.randint(size, (n,), generator=generator) for size in FACTOR_SIZES], 1)
        images = torch.rand(2, n, 1, 1, N_PIXELS, generator=generator)
        images[1, :, 0, 0, :2] = labels / torch.tensor(FACTOR_SIZES)
        noise = Noise(torch.Generator().manual_seed(1000 + number))
        return Batch(images[0], noise, torch.tensor(step), labelled=Labelled(images[1], labels))

    return make


@pytest.fixture
def advance(make_batch: Callable[..., Batch]) -> Callable[..., dict[str, list[dict[str, float]]]]:
    """Carry out steps by the contract, as the trainer does; returns the terms of every update by player."""

    def run(model: MINEDisentangleVAE, steps: int, first: int = 0) -> dict[str, list[dict[str, float]]]:
        players = {player.name: player for player in model.players()}
        history: dict[str, list[dict[str, float]]] = {name: [] for name in players}
        for step in range(first, first + steps):
            for phase in model.phases(step):
                for repeat in range(phase.repeats):
                    player = players[phase.player]
                    terms = model.loss(player.name, make_batch(10 * step + repeat, step))
                    gradients = torch.autograd.grad(terms.total, player.parameters)
                    with torch.no_grad():
                        for parameter, gradient in zip(player.parameters, gradients, strict=True):
                            parameter -= 0.05 * gradient
                    history[player.name].append({name: value.item() for name, value in terms.terms.items()})
        return history

    return run
