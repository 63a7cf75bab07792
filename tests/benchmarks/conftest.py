"""Small runs: a handful of steps on shapes_mini."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minebench.benchmarks import harness, registry
from minebench.benchmarks.backends.starts import ForkServer
from minebench.benchmarks.job import Job, RunSettings
from minebench.benchmarks.profile import complete_config
from minebench.benchmarks.spec import Precision, RunSpec, TrainConfig
from minebench.leaderboard.results import ResultStore

MINI_PROFILE = """\
name: mini
about: for tests
models: [beta_vae]
datasets: [shapes_mini]
seeds: [0]
train: {steps: 4, batch_size: 4}
"""


@pytest.fixture(autouse=True)
def _registry_is_restored():
    before = dict(registry.MODELS)
    yield
    registry.MODELS.clear()
    registry.MODELS.update(before)


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """What forks the processes of runs: torch is imported once for all of them."""
    with ForkServer() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "runs")


@pytest.fixture
def write(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Callable[..., Path]:
    """Write the test's own ``arrays`` to an ``.npz`` file, with others beside them or in their place."""

    def write(**more: Any) -> Path:
        np.savez(tmp_path / "a.npz", **arrays | more)
        return tmp_path / "a.npz"

    return write


@pytest.fixture
def mini_profile(tmp_path: Path) -> Path:
    path = tmp_path / "mini.yaml"
    path.write_text(MINI_PROFILE)
    return path


@pytest.fixture
def spec() -> Callable[..., RunSpec]:
    def make(
        model: str = "beta_vae", seed: int = 0, steps: int = 4, precision: Precision = "fp32", **config: Any
    ) -> RunSpec:
        train = TrainConfig(steps=steps, batch_size=4, precision=precision)
        values = complete_config(model, config)
        return RunSpec(model=model, config=values, dataset="shapes_mini", seed=seed, train=train, profile="mini")

    return make


@pytest.fixture
def job(spec: Callable[..., RunSpec], store: ResultStore) -> Callable[..., Job]:
    def make(*args: Any, settings: RunSettings | None = None, **kwargs: Any) -> Job:
        return harness.plan([spec(*args, **kwargs)], store, settings or RunSettings(log_every=2))[0].job

    return make
