"""One record a cell: what was asked, what it cost and what the truth is, as JSON, beside every raw value, as CSV.

Moments, intervals and verdicts are derived from the raw values when a table is made (``tables``), never stored.
"""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from minebench.benchmarks.spec import Frozen
from minebench.benchmarks.study.cells import Cell
from minebench.leaderboard.results import write_atomically

FOLDER = "variance"


class TruthRecord(Frozen):
    """What the total correlation of a distribution is.

    Attributes:
        value: Nats, and its standard error (0 for a closed form).
        error: Its standard error.
        second: By the second route.
        second_error: Its standard error.
        aggregated: TC(q_N) of the N posteriors, by full-data Monte Carlo; None where there are none.
        aggregated_error: Its standard error.
        largest_eigenvalue: See ``distribution.Distribution``.
        normaliser: See ``distribution.Distribution``.
    """

    value: float
    error: float
    second: float
    second_error: float
    aggregated: float | None
    aggregated_error: float | None
    largest_eigenvalue: float | None
    normaliser: str

    @property
    def agrees(self) -> bool:
        """Whether the two routes lie within three standard errors of one another (1e-6 where neither has one)."""
        return abs(self.value - self.second) <= 3 * float(np.hypot(self.error, self.second_error)) + 1e-6


class CostRecord(Frozen):
    """What a value costs.

    Attributes:
        flops: Of one value.
        seconds: Of one value, of one thread.
        update_flops: Of one update of its critics; 0 without.
        n_updates: Updates before it was read.
        training_seconds: Of those, of one thread, for one set of critics.
        n_skipped: Updates of each set of critics whose gradient was not finite.
    """

    flops: float
    seconds: float
    update_flops: float = 0.0
    n_updates: int = 0
    training_seconds: float = 0.0
    n_skipped: tuple[int, ...] = ()


class GradientRecord(Frozen):
    """See ``gradients.GradientError``; None where a number is not finite."""

    bias: float | None
    bias_error: float | None
    noise: float | None
    noise_error: float | None
    cosine: float | None
    cosine_error: float | None
    n: int


class CellRecord(Frozen):
    """A finished cell, without its raw values."""

    cell: Cell
    truth: TruthRecord
    costs: dict[str, CostRecord]
    gradients: dict[str, GradientRecord]
    torch: str
    processor: str
    seconds: float


class Records:
    """The records of a folder.

    Args:
        root: ``<store>/variance``; made when something is saved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, cell: Cell) -> bool:
        """Whether a cell is finished."""
        return self._json(cell).is_file()

    def save(self, record: CellRecord, values: dict[str, np.ndarray]) -> None:
        """Write a finished cell: the values first, so that a record without them cannot be.

        Args:
            record: What is known beside them.
            values: By reading, shape (S, R).
        """
        self.root.mkdir(parents=True, exist_ok=True)
        table = pd.concat(
            [
                pd.DataFrame(
                    {
                        "reading": reading,
                        "critic": np.repeat(np.arange(array.shape[0]), array.shape[1]),
                        "batch": np.tile(np.arange(array.shape[1]), array.shape[0]),
                        "value": array.ravel(),
                    }
                )
                for reading, array in values.items()
            ]
        )
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:  # the same values are the same bytes
            file.write(table.to_csv(index=False, float_format="%.9g", na_rep="nan").encode())
        write_atomically(self._csv(record.cell), buffer.getvalue())
        write_atomically(self._json(record.cell), record.model_dump_json(indent=1))

    def load(self, cell: Cell) -> CellRecord:
        """The record of a finished cell."""
        return CellRecord.model_validate_json(self._json(cell).read_bytes())

    def values(self, cell: Cell) -> dict[str, np.ndarray]:
        """Raw values by reading, float64, shape (S, R)."""
        table = pd.read_csv(self._csv(cell), keep_default_na=False, na_values=["nan"])
        return {
            str(reading): part.pivot(index="critic", columns="batch", values="value").to_numpy(np.float64)
            for reading, part in table.groupby("reading", sort=False)
        }

    def finished(self, cells: tuple[Cell, ...]) -> Iterator[CellRecord]:
        """Those of some cells that are finished, in order."""
        return (self.load(cell) for cell in cells if self.exists(cell))

    def _json(self, cell: Cell) -> Path:
        return self.root / f"{cell.cell_id}.json"

    def _csv(self, cell: Cell) -> Path:
        return self.root / f"{cell.cell_id}.csv.gz"
