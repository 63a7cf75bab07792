"""One run, from its job to its result: train, encode once, score, record.

``run_cell`` is what the process of a run carries out (``process.py``). It is idempotent: a run that was interrupted
goes on from its checkpoint.
"""

import os
import shutil
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path

from minebench.benchmarks import checkpoint, devices, provenance, registry, rows
from minebench.benchmarks.evaluation import evaluate
from minebench.benchmarks.identity import moved_parts, train_identity
from minebench.benchmarks.job import Job
from minebench.benchmarks.progress import Meter, Progress
from minebench.benchmarks.record import failed_result, job_fields
from minebench.benchmarks.representation import CODES_FILE
from minebench.benchmarks.scoring import score_run
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.term_log import DivergedError
from minebench.benchmarks.training import CHECKPOINTS, LOG_FILE, StoppedError, train_run
from minebench.benchmarks.workbench import LoadDataset, Workbench, for_job, load_dataset
from minebench.leaderboard.results import Failure, ResultStore, RunResult


class LostDeviceError(RuntimeError):
    """The device answers no more; in company nobody can tell which run it was."""


def run_cell(
    job: Job,
    store: ResultStore,
    stop: threading.Event | None = None,
    *,
    load: LoadDataset = load_dataset,
    in_company: bool = False,
) -> Iterator[Progress]:
    """Carry out one run and save its result; a failure becomes a result, too.

    Args:
        job: What to run.
        store: Where its folder and its result lie.
        stop: When set, the run writes a checkpoint at the next step and stops.
        load: How its data is loaded.
        in_company: Whether other runs take turns with it in this process.

    Yields:
        Its progress, after every step and stage.

    Raises:
        filelock.Timeout: If another process is at this run.
        StoppedError: If it was stopped.
        LostDeviceError: If something went wrong after which the device answers no more, in company.
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
            run = _run(job, folder, stop or threading.Event(), started, load)
            result = yield from devices.on_own_stream(run, job.settings.device)
        except StoppedError:
            raise
        except Exception as error:  # the one broad except: whatever goes wrong in a run is data
            if in_company and not devices.answers(job.settings.device):
                raise LostDeviceError(f"{job.settings.device} answers no more, first to {job.spec.name}") from error
            result = failed_result(job, _failure(error, folder), started)
        store.save(result)
        if result.status == "done":
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # the final weights are kept beside it
        yield Progress(stage="done", step=result.steps, steps=result.steps, pid=os.getpid(), time=time.time())


def _run(
    job: Job, folder: Path, stop: threading.Event, started: str, load: LoadDataset
) -> Generator[Progress, None, RunResult]:
    trained = registry.model(job.spec.model).trained
    steps = job.spec.train.steps if trained else 0
    meter = Meter(steps, os.getpid())
    yield meter.at("load", 0)
    bench = for_job(job, load)
    _check_identity(job, bench)
    seconds = (yield from train_run(job, folder, bench, stop, meter)) if trained else 0.0
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


def _failure(error: Exception, folder: Path) -> Failure:
    text = "".join(traceback.format_exception(error))
    log = str(folder / LOG_FILE)
    if isinstance(error, DivergedError):
        return Failure(kind="diverged", message=str(error), step=error.step, term=error.term, log=log)
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    message = f"{type(error).__name__}: {error}"
    return Failure(kind="oom" if out_of_memory else "error", message=message, traceback=text, log=log)
