"""Runs on this machine: one process a run, as many at once as there are slots.

A process of its own per run, so that one that is killed takes no other with it. Jobs and results are files in the
store; what is yielded is only news of them.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, NamedTuple

from filelock import Timeout

from minebench.benchmarks import provenance
from minebench.benchmarks.cell import EXIT_BUSY, EXIT_STOPPED, LOG_FILE
from minebench.benchmarks.job import Job
from minebench.benchmarks.progress import PROGRESS_FILE, Progress, read_progress
from minebench.benchmarks.record import failed_result
from minebench.leaderboard.results import Failure, ResultStore

STDERR_FILE = "stderr.log"
_POLL_SECONDS = 0.05
_BUSY_SECONDS = 2.0  # until a run that another harness holds is tried again
_GRACE_SECONDS = 60.0  # for a checkpoint, before a process that was asked to stop is killed


class Event(NamedTuple):
    """News of a run: it started, moved, ended (its result is in the store), or is held by another harness."""

    job: Job
    kind: Literal["started", "progress", "ended", "busy"]
    progress: Progress | None = None


class _Running(NamedTuple):
    job: Job
    process: subprocess.Popen[bytes]
    stderr: IO[bytes]
    started: str
    deadline: float
    oom_kills: int


def submit(jobs: Sequence[Job], store: ResultStore, *, slots: int, time_limit: float | None = None) -> Iterator[Event]:
    """Run jobs, each in a process of its own.

    Closing the iterator, or an exception at the consumer's side (Ctrl-C), asks the running processes to write a
    checkpoint and stop, and waits for them; a second Ctrl-C kills them.

    Args:
        jobs: What to run, in order.
        store: Where results go.
        slots: Processes at a time.
        time_limit: Seconds after which a run is killed and recorded as ``timeout``.

    Yields:
        Events as they happen; between them at most a twentieth of a second passes unlooked at.
    """
    waiting, held = deque(jobs), deque[tuple[float, Job]]()
    running: list[_Running] = []
    try:
        while waiting or held or running:
            while held and held[0][0] < time.monotonic():
                waiting.append(held.popleft()[1])
            while waiting and len(running) < slots:
                job = waiting.popleft()
                if _is_held(store, job):
                    held.append((time.monotonic() + _BUSY_SECONDS, job))
                    yield Event(job, "busy")
                else:
                    running.append(_start(job, store, time_limit))
                    yield Event(job, "started")
            ended = [run for run in running if _has_ended(run)]
            for run in ended:
                running.remove(run)
                if _settle(run, store):
                    yield Event(run.job, "ended")
                else:
                    held.append((time.monotonic() + _BUSY_SECONDS, run.job))
                    yield Event(run.job, "busy")
            for run in running:
                yield Event(run.job, "progress", read_progress(store.folder(run.job.train_id)))
            if not ended:
                time.sleep(_POLL_SECONDS)
    finally:
        _stop(running)


def _is_held(store: ResultStore, job: Job) -> bool:
    try:
        with store.lock(job.train_id).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _start(job: Job, store: ResultStore, time_limit: float | None) -> _Running:
    folder = store.folder(job.train_id)
    job.write(folder)
    (folder / PROGRESS_FILE).unlink(missing_ok=True)  # of an earlier try
    stderr = (folder / STDERR_FILE).open("wb")
    process = subprocess.Popen(  # noqa: S603 -- our own module on our own folder
        [sys.executable, "-P", "-m", "minebench.benchmarks.cell", str(folder.resolve()), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=stderr,
        stderr=stderr,
        env=_environment(job),
        process_group=0,  # a terminal's Ctrl-C reaches the harness alone, which asks the runs to stop
    )
    deadline = time.monotonic() + time_limit if time_limit else float("inf")
    return _Running(job, process, stderr, provenance.now(), deadline, _oom_kills())


def _environment(job: Job) -> dict[str, str]:
    threads = str(job.settings.threads)
    # glibc gives large blocks back to the kernel at every free and clears them at every malloc: a sixth of a step
    kept = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
    asked = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    return kept | dict(os.environ) | asked


def _has_ended(run: _Running) -> bool:
    if run.process.poll() is not None:
        return True
    if time.monotonic() > run.deadline:
        run.process.kill()
        run.process.wait()
        return True
    return False


def _settle(run: _Running, store: ResultStore) -> bool:
    """See that a run which ended has a result; False if another process holds it."""
    run.stderr.close()
    status = run.process.returncode
    if status == EXIT_BUSY:
        return False
    train_id = run.job.train_id
    try:
        with store.lock(train_id).acquire(timeout=0):
            # killed after it saved its record, or made by another harness meanwhile: the record stands
            if not store.exists(train_id) or store.load(train_id).provenance.finished == run.job.replaces:
                store.save(failed_result(run.job, _failure(run, store.folder(train_id)), run.started))
    except Timeout:
        return False
    return True


def _failure(run: _Running, folder: Path) -> Failure:
    progress = read_progress(folder)
    step, log = progress.step if progress else None, str(folder / LOG_FILE)
    status = run.process.returncode
    if time.monotonic() > run.deadline:
        return Failure(kind="timeout", message="the run was killed at its time limit", step=step, log=log)
    if status == -signal.SIGKILL and _oom_kills() > run.oom_kills:
        return Failure(kind="oom", message="the kernel killed the run for memory", step=step, log=log)
    if status < 0 or status == EXIT_STOPPED:
        name = signal.Signals(-status).name if status < 0 else "a stop signal"
        return Failure(kind="killed", message=f"the process ended by {name} from outside", step=step, log=log)
    text = (folder / STDERR_FILE).read_text(encoding="utf-8", errors="replace")
    return Failure(
        kind="error",
        message=f"the process ended with status {status}",
        step=step,
        traceback=text[-4000:],
        log=str(folder / STDERR_FILE),
    )


def _stop(running: Sequence[_Running]) -> None:
    for run in running:
        run.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    try:
        for run in running:
            with suppress(subprocess.TimeoutExpired):
                run.process.wait(max(0.0, deadline - time.monotonic()))
    finally:
        for run in running:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
            run.stderr.close()


def _oom_kills() -> int:
    """How often the kernel has killed for memory in this control group; 0 where it does not tell."""
    with suppress(OSError):
        for line in Path("/sys/fs/cgroup/memory.events").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
