"""How far a run is, as its own process tells it and others read it."""

import time
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from minebench.benchmarks.spec import Frozen

PROGRESS_FILE = "progress.json"
Stage = Literal["load", "train", "evaluate", "score", "done"]


class Progress(Frozen):
    """A moment of a run.

    Attributes:
        stage: What it is doing.
        step: Training steps done.
        steps: Training steps in all.
        rate: Steps per second since this process began to train; 0 before the first.
        pid: The process.
        time: Seconds since the epoch.
    """

    stage: Stage
    step: int
    steps: int
    rate: float = 0.0
    pid: int = 0
    time: float = 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds of training left at this rate, or None while it is unknown."""
        return (self.steps - self.step) / self.rate if self.rate > 0 else None

    def write(self, folder: Path) -> None:
        """Tell others; a file cut short by a kill is harmless, nothing depends on it."""
        temporary = folder / f".{PROGRESS_FILE}.tmp"
        temporary.write_text(self.model_dump_json(), encoding="utf-8")
        temporary.replace(folder / PROGRESS_FILE)


def read_progress(folder: Path) -> Progress | None:
    """What a run last told, or None."""
    try:
        return Progress.model_validate_json((folder / PROGRESS_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


class Meter:
    """Turns steps into ``Progress`` with a rate."""

    def __init__(self, steps: int, pid: int) -> None:
        self._steps = steps
        self._pid = pid
        self._first_step: int | None = None
        self._start = 0.0

    def at(self, stage: Stage, step: int) -> Progress:
        """The progress at a step."""
        now = time.time()
        if self._first_step is None and stage == "train":
            self._first_step, self._start = step, now
        done = step - self._first_step if self._first_step is not None else 0
        rate = done / (now - self._start) if done and now > self._start else 0.0
        return Progress(stage=stage, step=step, steps=self._steps, rate=rate, pid=self._pid, time=now)
