"""One run, from its job to its result: train, encode once, score, record.

``run_cell`` is what ``minebench train`` and every back end call; started as a module on a run's folder it is the
process of one run. It is idempotent: a run that was interrupted goes on from its checkpoint.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from filelock import Timeout

from minebench.benchmarks import checkpoint, devices, provenance, registry, rows
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.evaluation import evaluate
from minebench.benchmarks.graphs import GraphSteps
from minebench.benchmarks.identity import moved_parts, train_identity
from minebench.benchmarks.job import Job
from minebench.benchmarks.progress import Meter, Progress
from minebench.benchmarks.record import failed_result, job_fields
from minebench.benchmarks.representation import CODES_FILE
from minebench.benchmarks.residency import place
from minebench.benchmarks.scoring import score_run
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.term_log import DivergedError
from minebench.benchmarks.trainer import TrainerState, train
from minebench.benchmarks.workbench import Workbench, for_job
from minebench.leaderboard.results import Failure, ResultStore, RunResult

LOG_FILE = "log.jsonl"
CHECKPOINTS = "checkpoints"
EXIT_DONE, EXIT_FAILED, EXIT_BUSY, EXIT_STOPPED = 0, 74, 75, 130  # 1 is Python's own, where it cannot even start


class StoppedError(Exception):
    """The run was asked to stop; it has left a checkpoint."""


def run_cell(job: Job, store: ResultStore, stop: threading.Event | None = None) -> Iterator[Progress]:
    """Carry out one run and save its result; a failure becomes a result, too.

    Args:
        job: What to run.
        store: Where its folder and its result lie.
        stop: When set, the run writes a checkpoint at the next step and stops.

    Yields:
        Its progress, after every step and stage.

    Raises:
        filelock.Timeout: If another process is at this run.
        StoppedError: If it was stopped.
    """
    with store.lock(job.train_id).acquire(timeout=0):
        folder = store.folder(job.train_id)
        if store.exists(job.train_id):
            if store.load(job.train_id).provenance.finished != job.replaces:
                return  # another harness has made it since this job was planned
            store.set_aside(job.train_id)
        job.write(folder)
        started = provenance.now()
        try:
            run = _run(job, folder, stop or threading.Event(), started)
            result = yield from devices.on_own_stream(run, job.settings.device)
        except StoppedError:
            raise
        except Exception as error:  # the one broad except: whatever goes wrong in a run is data
            result = failed_result(job, _failure(error, folder), started)
        store.save(result)
        if result.status == "done":
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # the final weights are kept beside it
        yield Progress(stage="done", step=result.steps, steps=result.steps, pid=os.getpid(), time=time.time())


def _run(job: Job, folder: Path, stop: threading.Event, started: str) -> Generator[Progress, None, RunResult]:
    trained = registry.model(job.spec.model).trained
    steps = job.spec.train.steps if trained else 0
    meter = Meter(steps, os.getpid())
    yield meter.at("load", 0)
    bench = for_job(job)
    _check_identity(job, bench)
    seconds = (yield from _train(job, folder, bench, stop, meter)) if trained else 0.0
    yield meter.at("evaluate", steps)
    scored = rows.scored_rows(bench.dataset)
    evaluation = evaluate(bench.model, bench.dataset, scored, seed=job.spec.seed, device=bench.device)
    codes_sha256 = evaluation.representation.save(folder / CODES_FILE)
    checkpoint.write_weights(
        folder / checkpoint.FINAL_WEIGHTS, bench.model, bench.header.model_copy(update={"step": steps})
    )
    yield meter.at("score", steps)
    return RunResult(
        **job_fields(job),
        status="done",
        steps=steps,
        scores=score_run(job.train_id, evaluation.representation, job.spec.seed),
        rows=rows.describe(scored),
        reconstruction=evaluation.reconstruction,
        kl=evaluation.kl,
        active_codes=evaluation.active_codes,
        n_codes=evaluation.representation.codes.shape[1],
        parameters=sum(parameter.numel() for parameter in bench.model.parameters()),
        train_seconds=round(seconds, 2),
        peak_memory_bytes=devices.peak_memory_bytes(job.settings.device),
        weights_sha256=checkpoint.weights_sha256(bench.model),
        codes_sha256=codes_sha256,
        provenance=provenance.collect(job.settings.device, started),
    )


def _check_identity(job: Job, bench: Workbench) -> None:
    """See that code, data and device are still those that the run was planned with."""
    found = train_identity(
        job.spec,
        fingerprint=bench.header.data_fingerprint,
        rows=rows.rows_identity(bench.dataset),
        device_class=devices.device_class(job.settings.device, job.settings.threads, job.settings.execution),
    )
    if moved := moved_parts(job.identity, found):
        raise UsageError(f"changed since the run was planned: {', '.join(moved)}; the same command plans it anew")


def _train(
    job: Job, folder: Path, bench: Workbench, stop: threading.Event, meter: Meter
) -> Generator[Progress, None, float]:
    """Train from the last checkpoint to the end; returns the seconds spent, those before it included."""
    spec, settings = job.spec, job.settings
    state = TrainerState(bench.model)
    if (found := checkpoint.latest(folder / CHECKPOINTS)) is not None:
        try:
            checkpoint.restore(found, state, job.train_id)
            _log(folder, {"event": "resume", "step": state.step})
        except checkpoint.DamagedError as error:
            _log(folder, {"event": "damaged checkpoint", "step": found.step, "message": str(error)})
    pixels = place(bench.dataset, bench.device)
    batches = Batches(
        bench.dataset,
        bench.split.train,
        seed=spec.seed,
        batch_size=spec.train.batch_size,
        device=bench.device,
        use=bench.model.data_use(),
        pixels=pixels,
    )
    graphs, execution = None, "eager: a CPU has no graphs"
    if bench.device.type == "cuda":
        execution = settings.execution
        graphs = GraphSteps(state, batches, spec.train.precision) if execution == "graph" else None
    _log(folder, {"event": "start", "step": state.step, "pixels": pixels.place, "execution": execution})
    advance = graphs.advance if graphs else None
    begin, saved = time.perf_counter() - state.seconds, state.seconds
    yield meter.at("train", state.step)
    for means in train(state, batches, spec.train, log_every=settings.log_every, advance=advance):
        state.seconds = time.perf_counter() - begin
        while graphs and graphs.news:
            _log(folder, graphs.news.pop(0) | {"step": state.step})
        if means is not None:
            _log(folder, {"step": state.step, "seconds": round(state.seconds, 3)} | means)
        stopping = stop.is_set() and state.step < spec.train.steps
        if stopping or state.step == spec.train.steps or state.seconds - saved >= settings.checkpoint_seconds:
            state.check()  # weights that are no longer finite never become a checkpoint
            checkpoint.save(folder / CHECKPOINTS, state, bench.header)
            saved = state.seconds
        if stopping:
            _log(folder, {"event": "stopped", "step": state.step})
            raise StoppedError(f"{spec.name} stopped at step {state.step}; the same command goes on from there")
        yield meter.at("train", state.step)
    return state.seconds


def _failure(error: Exception, folder: Path) -> Failure:
    text = "".join(traceback.format_exception(error))
    log = str(folder / LOG_FILE)
    if isinstance(error, DivergedError):
        return Failure(kind="diverged", message=str(error), step=error.step, term=error.term, log=log)
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    message = f"{type(error).__name__}: {error}"
    return Failure(kind="oom" if out_of_memory else "error", message=message, traceback=text, log=log)


def _log(folder: Path, record: dict[str, Any]) -> None:
    with (folder / LOG_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def main(folder: Path, parent: int) -> int:
    """The process of one run: ``python -m minebench.benchmarks.cell FOLDER PARENT``, with the job in the folder.

    It tells its progress in a file, stops with a checkpoint on SIGTERM or SIGINT or when its parent (a process number)
    is gone, and its exit status says how it ended.
    """
    job = Job.read(folder)
    store = ResultStore(folder.parent.parent)
    registry.load_installed()
    registry.load_plugins(job.settings.plugins)
    stop, told = threading.Event(), 0.0
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        for progress in run_cell(job, store, stop):
            if progress.stage != "train" or progress.time - told > 0.5 or progress.step == progress.steps:
                progress.write(folder)
                told = progress.time
            if os.getppid() != parent:
                stop.set()
    except StoppedError:
        return EXIT_STOPPED
    except Timeout:
        return EXIT_BUSY
    return EXIT_DONE if store.load(job.train_id).status == "done" else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
