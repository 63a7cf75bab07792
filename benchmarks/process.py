"""The process of one run, or of several that take turns: ``python -m minebench.benchmarks.process FOLDER ... PARENT``.

Seeds of one model keep company on a GPU: each has its own model, stream and graph, and gives the bits that it gives
alone; steps of one fill the gaps of the others. What happens to one of them, happens to it alone.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from filelock import Timeout

from minebench.benchmarks import registry
from minebench.benchmarks.cell import LostDeviceError, run_cell
from minebench.benchmarks.exit_status import EXIT_ALONE, EXIT_BUSY, EXIT_DONE, EXIT_FAILED, EXIT_STOPPED
from minebench.benchmarks.job import Job
from minebench.benchmarks.progress import Progress
from minebench.benchmarks.training import StoppedError
from minebench.benchmarks.workbench import load_dataset
from minebench.leaderboard.results import ResultStore

_TELL_SECONDS = 0.5


class Turn(NamedTuple):
    """What became of one run when its turn came: progress, or how it ended.

    Attributes:
        job: The run.
        progress: Where it is; None if it has ended.
        status: ``EXIT_DONE`` while it goes on, and when it has left a result; else why it has none.
    """

    job: Job
    progress: Progress | None
    status: int = EXIT_DONE


def take_turns(jobs: Sequence[Job], store: ResultStore, stop: threading.Event) -> Iterator[Turn]:
    """Carry out runs in this process, a step of each in turn.

    Args:
        jobs: What to run.
        store: Where folders and results lie.
        stop: When set, each run writes a checkpoint at its next step and stops.

    Yields:
        What each run did, turn by turn.

    Raises:
        LostDeviceError: If a run of several took the device down; runs without a result must go on alone.
    """
    load = cache(load_dataset)  # pixels are read once
    company = len(jobs) > 1
    runs = [(job, run_cell(job, store, stop, load=load, in_company=company)) for job in jobs]
    while runs:
        going_on = []
        for job, run in runs:
            turn = Turn(job, None)
            try:
                turn = Turn(job, next(run))
                going_on.append((job, run))
            except StopIteration:
                pass
            except Timeout:
                turn = Turn(job, None, EXIT_BUSY)
            except StoppedError:
                turn = Turn(job, None, EXIT_STOPPED)
            except OSError:  # its folder cannot be written to: there is no place for a record
                traceback.print_exc()
                turn = Turn(job, None, 1)
            yield turn
        runs = going_on


def main(folders: Sequence[Path], parent: int) -> int:
    """Carry out the jobs in run folders.

    The process tells progress in a file of each folder, stops with checkpoints on SIGTERM or SIGINT or when its parent
    (a process number) is gone, and its exit status says how it ended.
    """
    jobs = [Job.read(folder) for folder in folders]
    store = ResultStore(folders[0].parent.parent)
    registry.load_installed()
    registry.load_plugins(jobs[0].settings.plugins)
    stop, told, statuses = threading.Event(), dict[str, float](), list[int]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        for job, progress, status in take_turns(jobs, store, stop):
            if progress is None:
                statuses.append(status)
            elif (
                progress.stage != "train"
                or progress.step == progress.steps
                or progress.time - told.get(job.train_id, 0.0) > _TELL_SECONDS
            ):
                progress.write(store.folder(job.train_id))
                told[job.train_id] = progress.time
            if os.getppid() != parent:
                stop.set()
    except LostDeviceError:
        traceback.print_exc()
        return EXIT_ALONE
    for status in (EXIT_STOPPED, 1, EXIT_BUSY):
        if status in statuses:
            return status
    return EXIT_FAILED if any(store.load(job.train_id).status == "failed" for job in jobs) else EXIT_DONE


if __name__ == "__main__":
    ended = main([Path(word) for word in sys.argv[1:-1]], int(sys.argv[-1]))
    if ended == EXIT_ALONE:
        os._exit(ended)  # without a device the interpreter's own clean-up can end in an abort
    sys.exit(ended)
