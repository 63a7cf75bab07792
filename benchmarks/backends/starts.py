"""How the process of a run starts: afresh, or as a fork of one that has done all imports (``fork_server``)."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from minebench.benchmarks.exit_status import EXIT_BUSY

_LOOK_SECONDS = 0.02


class RunProcess(Protocol):
    """What a process of a run does, as ``subprocess.Popen`` has it."""

    @property
    def returncode(self) -> int | None:
        """As ``poll`` last had it."""

    def poll(self) -> int | None:
        """Its exit status, the negative number of the signal that ended it, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit status.

        Raises:
            subprocess.TimeoutExpired: If it does not come.
        """

    def terminate(self) -> None:
        """Ask it to stop with a checkpoint."""

    def kill(self) -> None:
        """End it now."""


def start_afresh(folders: Sequence[Path], stderr: Path, threads: int) -> RunProcess:
    """A new interpreter for runs.

    Args:
        folders: Those of the runs, with their jobs.
        stderr: A file that takes what the process says.
        threads: CPU threads of one operation.
    """
    with stderr.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 -- our own module on our own folder
            [sys.executable, "-P", "-m", "minebench.benchmarks.process", *map(str, folders), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=_environment(threads),
            process_group=0,  # a terminal's Ctrl-C reaches the harness alone, which asks the runs to stop
        )


class ForkServer:
    """The parent's side of ``fork_server``; a context, which ends with it.

    When it is gone (killed, or unable to start), the runs that it forked are to be started again, and from then on
    processes start afresh.
    """

    def __init__(self, threads: int = 1) -> None:
        """Start it, for runs of so many CPU threads an operation: libraries are told the number as they load."""
        self._environment = _environment(threads)
        self._threads = threads
        self._lost, self._runs, self._unread = False, 0, b""
        self._statuses, self._handles = dict[int, int](), dict[int, int]()
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        self._server = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-P", "-m", "minebench.benchmarks.fork_server", str(answers)],
            stdin=requests,
            stdout=subprocess.DEVNULL,
            pass_fds=(answers,),
            stderr=subprocess.DEVNULL,  # a start afresh says the same to a file
            env=self._environment,
            process_group=0,
        )
        os.close(requests)
        os.close(answers)
        os.set_blocking(self._answers, False)

    def __enter__(self) -> "ForkServer":
        """The server itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the server go; runs that still go on stop with checkpoints."""
        self.end()
        for descriptor in (self._requests, self._answers, *self._handles.values()):
            os.close(descriptor)
        self._handles.clear()
        self._answers = -1

    def end(self) -> None:
        """End the server, which holds nothing; nothing is forked any more."""
        self._server.kill()
        self._server.wait()
        self._lost = True

    @staticmethod
    def suits(device: str) -> bool:
        """Whether runs on a device can be forked here."""
        return sys.platform == "linux" and device == "cpu"

    def serves(self, device: str, threads: int) -> bool:
        """Whether it is there, and for such runs."""
        return self.suits(device) and threads == self._threads and not self._lost

    def start(self, folders: Sequence[Path], stderr: Path) -> RunProcess:
        """A process for runs; arguments as in ``start_afresh``."""
        self._runs += 1
        request = {
            "run": self._runs,
            "folders": [str(folder) for folder in folders],
            "stderr": str(stderr),
            "folder": str(Path.cwd()),
            "environment": dict(os.environ) | self._environment,
        }
        line = json.dumps(request).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            self._lost = True
        return _Forked(self, self._runs)

    def status(self, run: int) -> int | None:
        """The exit status of a run, or None while it goes on; a run outlives its server until it has seen that."""
        self._listen()
        if run in self._statuses or not self._lost:
            return self._statuses.get(run)
        return EXIT_BUSY if self._has_ended(run) else None

    def signal(self, run: int, number: int) -> None:
        """Send a signal to a run that goes on; one that was not forked yet never is."""
        self._listen()
        if run in self._handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handles[run], number)
        elif run not in self._statuses and not self._lost:
            self.end()

    def _listen(self) -> None:
        if self._answers < 0:
            return
        with suppress(BlockingIOError):
            while read := os.read(self._answers, 1 << 16):
                *lines, self._unread = (self._unread + read).split(b"\n")
                for answer in map(json.loads, lines):
                    run = answer["run"]
                    if "status" in answer:
                        self._statuses[run] = answer["status"]
                        if run in self._handles:
                            os.close(self._handles.pop(run))
                    else:
                        with suppress(ProcessLookupError):  # reaped since
                            self._handles[run] = os.pidfd_open(answer["pid"])
            self._lost = True

    def _has_ended(self, run: int) -> bool:
        """By the handle of its process, which is readable from its end on."""
        return run not in self._handles or bool(select.select([self._handles[run]], [], [], 0)[0])


class _Forked:
    """A process that the server forked, or is about to."""

    def __init__(self, server: ForkServer, run: int) -> None:
        self._server, self._run = server, run

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._server.status(self._run)

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("run", timeout or 0.0)
            time.sleep(_LOOK_SECONDS)
        return status

    def terminate(self) -> None:
        self._server.signal(self._run, signal.SIGTERM)

    def kill(self) -> None:
        self._server.signal(self._run, signal.SIGKILL)


def _environment(threads: int) -> dict[str, str]:
    # glibc gives large blocks back to the kernel at every free and clears them at every malloc: a sixth of a step
    kept = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
    asked = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    return kept | dict(os.environ) | asked
