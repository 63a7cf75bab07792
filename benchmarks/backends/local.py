"""Runs on this machine: one process a run, as many at once as there are slots; on a GPU seeds share a process.

A process of its own per run, so that one that is killed takes no other with it; seeds that share one go on from their
own checkpoints. Jobs and results are files in the store; what is yielded is only news of them.
"""

import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from filelock import Timeout

from minebench.benchmarks import devices, provenance
from minebench.benchmarks.backends.starts import ForkServer, RunProcess, start_afresh
from minebench.benchmarks.exit_status import EXIT_ALONE, EXIT_BUSY, EXIT_STOPPED
from minebench.benchmarks.job import Job
from minebench.benchmarks.progress import PROGRESS_FILE, Progress, read_progress
from minebench.benchmarks.record import failed_result
from minebench.benchmarks.training import LOG_FILE
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
    jobs: list[Job]  # those that have not ended
    process: RunProcess
    stderr: Path
    started: str
    deadline: float
    oom_kills: int


def submit(
    jobs: Sequence[Job],
    store: ResultStore,
    *,
    slots: int,
    time_limit: float | None = None,
    server: ForkServer | None = None,
) -> Iterator[Event]:
    """Run jobs in processes of their own, seeds of one model together where their settings say so.

    Closing the iterator, or an exception at the consumer's side (Ctrl-C), asks the running processes to write
    checkpoints and stop, and waits for them; a second Ctrl-C kills them.

    Args:
        jobs: What to run, in order.
        store: Where results go.
        slots: Processes at a time.
        time_limit: Seconds after which a process is killed and its runs are recorded as ``timeout``.
        server: What forks the processes of runs on a CPU; None starts one for these jobs.

    Yields:
        Events as they happen; between them at most a twentieth of a second passes unlooked at.
    """
    waiting, held = deque(companies(jobs)), deque[tuple[float, Job]]()
    running: list[_Running] = []
    own_server = ExitStack()
    if server is None and jobs and ForkServer.suits(jobs[0].settings.device):
        server = own_server.enter_context(ForkServer(jobs[0].settings.threads))
    try:
        while waiting or held or running:
            while held and held[0][0] < time.monotonic():
                waiting.append([held.popleft()[1]])
            while waiting and len(running) < slots:
                company = waiting.popleft()
                busy = [job for job in company if _is_held(store, job)]
                held.extend((time.monotonic() + _BUSY_SECONDS, job) for job in busy)
                yield from (Event(job, "busy") for job in busy)
                if free := [job for job in company if job not in busy]:
                    running.append(_start(free, store, time_limit, server))
                    yield from (Event(job, "started") for job in free)
            ended = [run for run in running if _has_ended(run)]
            for run in ended:
                running.remove(run)
                for job in run.jobs:
                    if _settle(run, job, store):
                        yield Event(job, "ended")
                    else:
                        held.append((time.monotonic() + _BUSY_SECONDS, job))
                        yield Event(job, "busy")
            for run in running:
                yield from _news(run, store)
            if not ended:
                time.sleep(_POLL_SECONDS)
    finally:
        with own_server:
            _stop(running)


def companies(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that share a process: alike in all but the seed, as many as their settings (or the device) say.

    Returns:
        Every job once, in the order of the first of each company; companies of one kind differ by one job at most.
    """
    alike: dict[str, list[Job]] = {}
    for job in jobs:
        if _most(job) == 1:
            alike[job.train_id] = [job]
        else:
            spec = job.spec.model_copy(update={"seed": 0})
            alike.setdefault(spec.model_dump_json() + job.settings.model_dump_json(), []).append(job)
    formed = []
    for group in alike.values():
        n = -(-len(group) // _most(group[0]))
        formed += [group[len(group) * i // n : len(group) * (i + 1) // n] for i in range(n)]
    return formed


def _most(job: Job) -> int:
    return job.settings.seeds_per_process or devices.runs_per_process(job.settings.device)


def _news(run: _Running, store: ResultStore) -> Iterator[Event]:
    """How far each run of a process is; one that is over need not wait for its company."""
    in_company = len(run.jobs) > 1
    for job in list(run.jobs):
        progress = read_progress(store.folder(job.train_id))
        if in_company and progress is not None and progress.stage == "done":
            run.jobs.remove(job)
            yield Event(job, "ended")
        else:
            yield Event(job, "progress", progress)


def _is_held(store: ResultStore, job: Job) -> bool:
    try:
        with store.lock(job.train_id).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _start(jobs: list[Job], store: ResultStore, time_limit: float | None, server: ForkServer | None) -> _Running:
    folders = [store.folder(job.train_id).resolve() for job in jobs]
    for job, folder in zip(jobs, folders, strict=True):
        job.write(folder)
        (folder / PROGRESS_FILE).unlink(missing_ok=True)  # of an earlier try
    stderr = folders[0] / STDERR_FILE
    stderr.write_bytes(b"")
    settings = jobs[0].settings
    if server is not None and server.serves(settings.device, settings.threads):
        process = server.start(folders, stderr)
    else:
        process = start_afresh(folders, stderr, settings.threads)
    deadline = time.monotonic() + time_limit if time_limit else float("inf")
    return _Running(jobs, process, stderr, provenance.now(), deadline, _oom_kills())


def _has_ended(run: _Running) -> bool:
    if run.process.poll() is not None:
        return True
    if time.monotonic() > run.deadline:
        run.process.kill()
        run.process.wait()
        return True
    return False


def _settle(run: _Running, job: Job, store: ResultStore) -> bool:
    """See that a run whose process ended has a result; False if it is to be tried again."""
    try:
        with store.lock(job.train_id).acquire(timeout=0):
            # killed after it saved its record, or made by another harness meanwhile: the record stands
            if not store.exists(job.train_id) or store.load(job.train_id).provenance.finished == job.replaces:
                if run.process.returncode in (EXIT_BUSY, EXIT_ALONE):
                    return False
                store.save(failed_result(job, _failure(run, store.folder(job.train_id)), run.started))
    except Timeout:
        return False
    return True


def _failure(run: _Running, folder: Path) -> Failure:
    progress = read_progress(folder)
    step, log = progress.step if progress else None, str(folder / LOG_FILE)
    status = run.process.wait()
    if time.monotonic() > run.deadline:
        return Failure(kind="timeout", message="the run was killed at its time limit", step=step, log=log)
    if status == -signal.SIGKILL and _oom_kills() > run.oom_kills:
        return Failure(kind="oom", message="the kernel killed the run for memory", step=step, log=log)
    if status < 0 or status == EXIT_STOPPED:
        name = signal.Signals(-status).name if status < 0 else "a stop signal"
        return Failure(kind="killed", message=f"the process ended by {name} from outside", step=step, log=log)
    text = run.stderr.read_text(encoding="utf-8", errors="replace")  # of the whole process
    return Failure(
        kind="error",
        message=f"the process ended with status {status}",
        step=step,
        traceback=text[-4000:],
        log=str(run.stderr),
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


def _oom_kills() -> int:
    """How often the kernel has killed for memory in this control group; 0 where it does not tell."""
    with suppress(OSError):
        for line in Path("/sys/fs/cgroup/memory.events").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
