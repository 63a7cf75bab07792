"""A process that has imported all that a run needs, and forks itself for each run: ``python -m ...fork_server``.

Imports are most of a short run's start (6 of 7 CPU seconds), and forked runs share the memory that they take. A run
is a process of its own all the same. Not ``multiprocessing``'s server: its children import the main module of the
harness again, so that an unguarded script of a user would start itself once more.

Requests come on standard input, answers go to the descriptor that its argument names, JSON on a line each: the number
of a child's process, later its exit status. The server computes nothing and has no threads, so a fork of it is safe;
on CUDA, which cannot be forked once it is in use, processes start afresh.
"""

import gc
import json
import os
import select
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo  # optimisers import it at their first step

from minebench.benchmarks import process
from minebench.benchmarks.scoring import expected_scores

_LOOK_SECONDS = 0.02  # at children, while there are some


def main(answers: int) -> None:
    """Serve until standard input ends; then children find that their parent is gone, and stop with checkpoints."""

    def answer(**fields: int) -> None:
        os.write(answers, json.dumps(fields).encode() + b"\n")

    _import_all()
    gc.freeze()  # a collection would touch, and so copy, what is shared
    children, rest = dict[int, int](), b""  # the run of each process
    while True:
        ready, _, _ = select.select([0], [], [], _LOOK_SECONDS if children else None)
        if ready:
            if not (read := os.read(0, 1 << 16)):
                os._exit(0)  # at once: children wait for it
            *lines, rest = (rest + read).split(b"\n")
            for request in map(json.loads, lines):
                pid = _fork(request, answers)
                children[pid] = request["run"]
                answer(run=request["run"], pid=pid)
        for pid, run in list(children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del children[pid]
                answer(run=run, status=os.waitstatus_to_exitcode(status))


def _import_all() -> None:
    """What a run imports only when it comes to it, beside what ``process`` does."""
    expected_scores("")  # resolves the metrics of every run


def _fork(request: dict[str, Any], answers: int) -> int:
    server = os.getpid()
    if pid := os.fork():
        return pid
    status = 1
    try:
        np.random.seed()  # noqa: NPY002 -- as a new process has it: forks would all draw the same
        torch.seed()
        os.setpgid(0, 0)  # as the other way of starting does: a terminal's Ctrl-C reaches the harness alone
        os.close(answers)
        _redirect(os.devnull, os.O_RDONLY, 0)
        _redirect(request["stderr"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 1, 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        status = process.main([Path(folder) for folder in request["folders"]], server)
    except BaseException:  # as Python ends: with the words, and status 1
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _redirect(path: str, flags: int, *numbers: int) -> None:
    opened = os.open(path, flags)
    for number in numbers:
        os.dup2(opened, number)
    os.close(opened)


if __name__ == "__main__":
    main(int(sys.argv[1]))
