"""What a step of the MINE Disentangle VAE costs beside one of the beta-VAE of the same width.

``pytest tests/bench/test_bench_mine_vae.py -m slow -s`` prints the shares; the ratio is of one session, steps of both
taken in turn.
"""

import time
from collections import defaultdict

import numpy as np
import pytest
import torch

from minebench.baselines.contract import DataSpec
from minebench.benchmarks import registry
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.build import build
from minebench.benchmarks.trainer import TrainerState, eager_step, updates
from minebench.datasets.shapes_mini import load_shapes_mini

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
ROUNDS, ROUND = 6, 5  # a round of the MINE VAE is five steps, the last with its inner updates


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def training(name, **config):
    dataset, entry = load_shapes_mini(), registry.model(name)
    data = DataSpec(dataset.image_shape, len(dataset), dataset.factor_sizes, n_steps=100)
    model = build(entry.model_class(), entry.config_class()(**config), data, seed=0, device=CPU)
    batches = Batches(dataset, np.arange(len(dataset)), seed=0, batch_size=64, device=CPU, use=model.data_use())
    state = TrainerState(model)
    state.step = 40  # past the warm-up
    return state, batches


def seconds(state, batches, by_player=None):
    """CPU seconds of a round: other processes count for little."""
    start = time.process_time()
    for _ in range(ROUND):
        if by_player is None:
            eager_step(state, batches, "fp32")
        else:
            for phase, repeat in updates(state.model.phases(state.step)):
                began = time.process_time()
                state.update(phase.player, batches.draw(state.step, phase, repeat), "fp32")
                by_player[phase.player] += time.process_time() - began
        state.step += 1
    return time.process_time() - start


def test_a_step_costs_at_most_four_of_the_beta_vae(benchmark):
    mine, beta = training("mine_vae"), training("beta_vae", latent_dim=128)
    shares = defaultdict(float)
    seconds(*mine), seconds(*beta)  # the first steps allocate
    pairs = [(seconds(*mine, shares), seconds(*beta)) for _ in range(ROUNDS)]
    ratio = float(np.median([a / b for a, b in pairs]))
    a, b = (1e3 * float(np.median(column)) / ROUND for column in zip(*pairs, strict=True))
    parts = ", ".join(f"{player} {1e3 * spent / ROUND / ROUNDS:.0f}" for player, spent in shares.items())
    print(f"\nmine_vae {a:.0f} ms of CPU a step ({parts}), beta_vae {b:.0f} ms: {ratio:.2f} times")
    benchmark.pedantic(seconds, args=mine, rounds=1)
    assert ratio <= 4
