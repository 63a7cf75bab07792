"""What the runs of a store are doing, told from its files alone."""

import os
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pydantic import ValidationError

from minebench.benchmarks.job import JOB_FILE, Job
from minebench.benchmarks.progress import Progress, read_progress
from minebench.leaderboard.results import ResultStore


class RunStatus(NamedTuple):
    """One run of a store.

    Attributes:
        train_id: Its name.
        profile: Under which label it runs.
        state: ``done``, ``failed``, ``running``, ``interrupted`` (begun, and no process is at it), or ``unreadable``.
        progress: What its process last told, if it is running.
        message: Why it failed.
    """

    train_id: str
    profile: str
    state: Literal["done", "failed", "running", "interrupted", "unreadable"]
    progress: Progress | None = None
    message: str = ""


def statuses(store: ResultStore) -> Iterator[RunStatus]:
    """The state of every run that was ever begun, by train_id; reads files, holds no lock."""
    for file in sorted((store.root / "runs").glob(f"*/{JOB_FILE}")):
        try:
            job = Job.model_validate_json(file.read_bytes())
        except ValidationError:
            yield RunStatus(file.parent.name, "", "unreadable", message=f"{file} is cut, or of another version")
            continue
        progress = read_progress(file.parent)
        if store.exists(job.train_id):  # a record that is being replaced has been set aside
            result = store.load(job.train_id)
            message = f"{result.failure.kind}: {result.failure.message}" if result.failure else ""
            yield RunStatus(job.train_id, job.spec.profile, result.status, message=message)
        elif progress is not None and progress.stage != "done" and _is_alive(progress.pid):
            yield RunStatus(job.train_id, job.spec.profile, "running", progress)
        else:
            yield RunStatus(job.train_id, job.spec.profile, "interrupted", progress)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
