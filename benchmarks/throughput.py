"""How many steps a second this machine trains at: step by step, as graphs, and with several seeds in one process.

The figure to compare with is that of the reference study (Locatello et al. 2019, section 5): 12,600 models took 2.52
years of a P100, or 1.75 GPU hours a model of 300,000 steps.
"""

import time
from collections.abc import Generator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from minebench.baselines.contract import DataSpec
from minebench.benchmarks import devices, registry
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.build import build
from minebench.benchmarks.graphs import GraphSteps, Replay
from minebench.benchmarks.profile import complete_config
from minebench.benchmarks.residency import place
from minebench.benchmarks.rows import training_rows
from minebench.benchmarks.spec import Precision
from minebench.benchmarks.static_step import StaticStep
from minebench.benchmarks.trainer import TrainerState, eager_step
from minebench.benchmarks.workbench import load_dataset
from minebench.datasets.factor_dataset import FactorDataset

REFERENCE_STEPS = 300_000
REFERENCE_HOURS = 2.52 * 365.25 * 24 / 12_600
_LOG_EVERY = 50  # steps between two readings of the log, as in a run

Mode = Literal["eager", "static", "graph"]


class Setting(NamedTuple):
    """What is measured.

    Attributes:
        model: A registered model, with its default configuration.
        mode: ``eager``: operation by operation; ``static``: the same on buffers that stay, as a graph has them;
            ``graph``: as a CUDA graph.
        seeds: Runs that take turns in this process.
    """

    model: str
    mode: Mode
    seeds: int


class Measurement(NamedTuple):
    """What a setting gave.

    Attributes:
        setting: What was measured.
        steps: Timed steps, of all seeds together.
        seconds: What they took.
        host_seconds: What the host had to do for them; in the rest it waited.
        memory_bytes: The most that was reserved on a GPU; on a CPU the most that this process has held so far.
        note: Why a graph was none; else empty.
    """

    setting: Setting
    steps: int
    seconds: float
    host_seconds: float
    memory_bytes: int
    note: str

    @property
    def rate(self) -> float:
        """Steps per second, of all seeds together."""
        return self.steps / self.seconds

    @property
    def hours(self) -> float:
        """Hours of the device for one model of the reference study's 300,000 steps."""
        return REFERENCE_STEPS / self.rate / 3600


def settings(models: Sequence[str], device: str) -> list[Setting]:
    """What is worth measuring on a device: graphs on a GPU, their halves that need none on a CPU."""
    modes: list[tuple[Mode, int]] = [("eager", 1), ("static", 1)]
    if device.startswith("cuda"):
        modes = [("eager", 1), *(("graph", seeds) for seeds in (1, 4, 8, 16))]
    return [Setting(model, mode, seeds) for model in models for mode, seeds in modes]


def measure(
    setting: Setting,
    dataset_name: str,
    *,
    device: str,
    seconds: float,
    batch_size: int = 64,
    precision: Precision = "fp32",
    data_root: Path | None = None,
) -> Measurement:
    """Time one setting.

    Args:
        setting: From ``settings``.
        dataset_name: What to train on.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        seconds: How long it is timed, after three steps of each seed that are not.
        batch_size: Images in a batch.
        precision: Of the networks.
        data_root: Where data lies.
    """
    found = devices.configure(device, threads=1)
    dataset = _load(dataset_name, data_root)
    runs, notes = list[Generator[float, None, None]](), list[str]()
    for seed in range(setting.seeds):
        run = _run(setting, seed, dataset, found, batch_size, precision, notes)
        runs.append(devices.on_own_stream(run, device))
    for run in runs * 3:
        next(run)
    devices.forget_peak_memory(found)
    return _timed(setting, runs, found, seconds, notes)


@cache
def _load(name: str, data_root: Path | None) -> FactorDataset:
    return load_dataset(name, data_root)


def _timed(
    setting: Setting,
    runs: list[Generator[float, None, None]],
    device: torch.device,
    seconds: float,
    notes: list[str],
) -> Measurement:
    devices.synchronize(device)
    host, steps, start = 0.0, 0, time.perf_counter()
    while steps == 0 or time.perf_counter() - start < seconds:
        for run in runs:
            host += next(run)
            steps += 1
    devices.synchronize(device)
    passed = time.perf_counter() - start
    for run in runs:
        run.close()
    return Measurement(setting, steps, passed, host, devices.reserved_memory_bytes(device), "; ".join(sorted({*notes})))


def _run(
    setting: Setting,
    seed: int,
    dataset: FactorDataset,
    device: torch.device,
    batch_size: int,
    precision: Precision,
    notes: list[str],
) -> Generator[float, None, None]:
    """One run without end; yields what each step took the host."""
    entry, rows = registry.model(setting.model), training_rows(dataset)
    config = entry.config_class().model_validate(complete_config(setting.model, {}))
    data = DataSpec(dataset.image_shape, len(rows), dataset.factor_sizes)
    model = build(entry.model_class(), config, data, seed=seed, device=device)
    state = TrainerState(model)
    batches = Batches(
        dataset,
        rows,
        seed=seed,
        batch_size=batch_size,
        device=device,
        use=model.data_use(),
        pixels=place(dataset, device),
    )
    capture = None if setting.mode == "graph" else _uncaptured
    graphs = None if setting.mode == "eager" else GraphSteps(state, batches, precision, capture)
    while True:
        start = time.perf_counter()
        if graphs is None:
            eager_step(state, batches, precision)
        else:
            graphs.advance()
        state.step += 1
        taken = time.perf_counter() - start
        if graphs is not None:
            notes += [news["why"] for news in graphs.news if "why" in news]
            graphs.news.clear()
        if state.step % _LOG_EVERY == 0:
            state.log.read()
        yield taken


def _uncaptured(step: StaticStep) -> Replay:
    return step.run


def table(measurements: Sequence[Measurement], about: str) -> str:
    """Measurements as Markdown.

    Args:
        measurements: In the order of the rows.
        about: What they were made on, from ``conditions``.
    """
    head = ("model", "steps", "seeds", "steps/s, all seeds", "host busy", "memory", "hours a model", "of the anchor's")
    rows = [head, ("---", "---", *["---:"] * 6), *map(_cells, measurements)]
    lines = [about, "", *("| " + " | ".join(row) + " |" for row in rows), ""]
    lines.append(
        f"Hours are for {REFERENCE_STEPS:,} steps; the anchor is {REFERENCE_HOURS:.2f} hours of a P100 a model "
        "(2.52 years for 12,600 models, Locatello et al. 2019). Host busy: the share of the time in which the host had "
        "work to do."
    )
    lines += [f"{m.setting.model}, {m.setting.mode}: no graph: {m.note}" for m in measurements if m.note]
    return "\n".join(lines)


def conditions(dataset_name: str, *, device: str, batch_size: int, precision: Precision) -> str:
    """What measurements were made on, in one line."""
    name = devices.device_class(device, 1).removesuffix(", graph")
    return f"{name}; torch {torch.__version__}; {dataset_name}, batches of {batch_size}, {precision}."


def _cells(found: Measurement) -> tuple[str, ...]:
    return (
        found.setting.model,
        found.setting.mode,
        str(found.setting.seeds),
        f"{found.rate:,.1f}",
        f"{found.host_seconds / found.seconds:.0%}",
        f"{found.memory_bytes / 1e6:,.0f} MB",
        f"{found.hours:.2f}",
        f"{found.hours / REFERENCE_HOURS:.0%}",
    )
