"""A run as the file that its own process is started with.

``RunSettings`` says how a run is carried out (how often to log, where data lies, what it runs on); with the
``RunSpec``, which decides the numbers, and the identity it makes up the ``Job``.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from minebench.benchmarks.spec import Frozen, RunSpec
from minebench.leaderboard.results import write_atomically

JOB_FILE = "job.json"


Execution = Literal["graph", "eager"]


class RunSettings(Frozen):
    """How a run is carried out; changes no number on one class of device.

    What may change the last bits, the execution on a GPU, is told apart as another class (``devices.device_class``).
    """

    device: str = "cpu"  # "cpu", "cuda", "cuda:1"
    execution: Execution = "graph"  # of a step on a GPU: as one graph, or operation by operation as on a CPU
    threads: PositiveInt = 1
    data_root: Path | None = None
    plugins: tuple[Path, ...] = ()
    log_every: PositiveInt = 50
    checkpoint_seconds: NonNegativeFloat = 20.0  # a kill loses at most so much of training
    seeds_per_process: int | None = Field(None, ge=1, le=16)  # of one model and data set; None: as the device likes
    audit_every: NonNegativeInt = 0  # steps between audits of a model that can be audited; 0: never
    audit_images: PositiveInt = 10_000  # training images of an audit's population, at most
    tensorboard: bool = False  # whether terms are drawn as curves, too


class Job(Frozen):
    """All that a run's process needs, written to its folder before it starts."""

    train_id: str
    identity: dict[str, str]  # the named parts that train_id is a hash of
    source: Literal["real", "procedural"]  # where the images come from
    spec: RunSpec
    settings: RunSettings
    replaces: str | None = None  # when the record that this job makes anew was finished; None: there is none

    def write(self, folder: Path) -> None:
        """Write the job into a run's folder, atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / JOB_FILE, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """The job in a run's folder.

        Raises:
            FileNotFoundError: If there is none.
            pydantic.ValidationError: If it is damaged.
        """
        return cls.model_validate_json((folder / JOB_FILE).read_bytes())
