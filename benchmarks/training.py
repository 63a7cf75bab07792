"""The training of a run: from its last checkpoint to its last step, with log, curves and checkpoints."""

import json
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from minebench.benchmarks import checkpoint
from minebench.benchmarks.audits import auditor
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.curves import curves
from minebench.benchmarks.graphs import GraphSteps
from minebench.benchmarks.job import Job
from minebench.benchmarks.progress import Meter, Progress
from minebench.benchmarks.residency import place
from minebench.benchmarks.trainer import TrainerState, train
from minebench.benchmarks.workbench import Workbench

LOG_FILE = "log.jsonl"
CHECKPOINTS = "checkpoints"


class StoppedError(Exception):
    """The run was asked to stop; it has left a checkpoint."""


def train_run(
    job: Job, folder: Path, bench: Workbench, stop: threading.Event, meter: Meter
) -> Generator[Progress, None, float]:
    """Train the model of a workbench to the end of its run.

    Args:
        job: The run.
        folder: Its folder; a checkpoint there is gone on from.
        bench: Its model, as initialised, and its data.
        stop: When set, the run writes a checkpoint at the next step and stops.
        meter: Turns steps into progress.

    Yields:
        Progress after every step.

    Returns:
        The seconds spent, those before the checkpoint included.

    Raises:
        DivergedError: If a term was not finite.
        StoppedError: If it was stopped.
    """
    settings, config = job.settings, job.spec.train
    state = _restored(job, folder, bench)
    batches, graphs = _steps(job, folder, bench, state)
    audit = auditor(job, bench)
    with curves(folder, state.step, asked=settings.tensorboard) as draw:
        yield meter.at("train", state.step)
        turn = saved = time.perf_counter()
        advance = graphs.advance if graphs else None
        for means in train(state, batches, config, log_every=settings.log_every, advance=advance):
            state.seconds += time.perf_counter() - turn  # its own turns: those of its company are not its cost
            while graphs and graphs.news:
                _log(folder, graphs.news.pop(0) | {"step": state.step})
            if means is not None:
                _log(folder, {"step": state.step, "seconds": round(state.seconds, 3)} | means)
                draw(state.step, means)
            if (found := audit(state.step)) is not None:
                _log(folder, {"step": state.step} | found)
                draw(state.step, found)
            stopping = stop.is_set() and state.step < config.steps
            due = time.perf_counter() - saved >= settings.checkpoint_seconds
            if stopping or due or state.step == config.steps:
                state.check()  # weights that are no longer finite never become a checkpoint
                checkpoint.save(folder / CHECKPOINTS, state, bench.header)
                saved = time.perf_counter()
            if stopping:
                _log(folder, {"event": "stopped", "step": state.step})
                raise StoppedError(f"{job.spec.name} stopped at step {state.step}; the same command goes on from there")
            yield meter.at("train", state.step)
            turn = time.perf_counter()
    return state.seconds


def _restored(job: Job, folder: Path, bench: Workbench) -> TrainerState:
    """The state that the last checkpoint holds, or the start if there is none that can be read."""
    state = TrainerState(bench.model)
    if (found := checkpoint.latest(folder / CHECKPOINTS)) is not None:
        try:
            checkpoint.restore(found, state, job.train_id)
            _log(folder, {"event": "resume", "step": state.step})
        except checkpoint.DamagedError as error:
            _log(folder, {"event": "damaged checkpoint", "step": found.step, "message": str(error)})
    return state


def _steps(job: Job, folder: Path, bench: Workbench, state: TrainerState) -> tuple[Batches, GraphSteps | None]:
    """Where batches come from, and what carries out steps as graphs, if that is asked for and there is a GPU."""
    pixels = place(bench.dataset, bench.device)
    batches = Batches(
        bench.dataset,
        bench.split.train,
        seed=job.spec.seed,
        batch_size=job.spec.train.batch_size,
        device=bench.device,
        use=bench.model.data_use(),
        pixels=pixels,
    )
    graphs, execution = None, "eager: a CPU has no graphs"
    if bench.device.type == "cuda":
        execution = job.settings.execution
        graphs = GraphSteps(state, batches, job.spec.train.precision) if execution == "graph" else None
    _log(folder, {"event": "start", "step": state.step, "pixels": pixels.place, "execution": execution})
    return batches, graphs


def _log(folder: Path, record: dict[str, Any]) -> None:
    with (folder / LOG_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
