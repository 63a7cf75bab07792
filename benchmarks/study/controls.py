"""What has to hold if the study is sound, read off the cells that show it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from minebench.benchmarks.study.cells import Cell, CriticSpec
from minebench.benchmarks.study.records import CellRecord, Records
from minebench.benchmarks.study.statistics import Interval, interval

NARROW = 8  # hidden units of the critic that must do worse


class Control(NamedTuple):
    """One control.

    Attributes:
        name: What is controlled.
        where: Distribution, batch size, estimator.
        expected: In words.
        found: The number, in nats, with its interval.
    """

    name: str
    where: str
    expected: str
    found: Interval


def controls(found: Sequence[CellRecord], records: Records) -> list[Control]:
    """All controls that the finished cells allow."""
    values = {record.cell.cell_id: records.values(record.cell) for record in found}
    made: list[Control] = []
    for record in found:
        cell, truth = record.cell, record.truth.value
        of_cell = values[cell.cell_id]
        if cell.distribution.permuted or cell.distribution.kind == "independent":
            for reading, array in of_cell.items():
                if reading not in ("constant", "mws") and not reading.startswith("oracle"):
                    made.append(Control("no correlation", _where(cell, reading), "0", interval(np.mean, array)))
        if "constant" in of_cell:
            spread = interval(np.var, of_cell["constant"])
            made.append(Control("constant", _where(cell, "constant"), "spread 0, and an error", spread))
        for reading, array in of_cell.items():
            if reading.endswith("@own"):
                fresh = of_cell[reading.removesuffix("@own")]
                gain = interval(np.mean, array.mean(1, keepdims=True) - fresh)
                made.append(Control("own codes", _where(cell, reading), "above 0: learned by heart", gain))
        for other, name, expected in _partners(record, found):
            for reading in (name for name in of_cell if name in values[other.cell.cell_id] and name != "constant"):
                gap = _gap(of_cell[reading] - truth, values[other.cell.cell_id][reading] - other.truth.value)
                made.append(Control(name, _where(cell, reading), expected, gap))
    return made


def _partners(record: CellRecord, found: Sequence[CellRecord]) -> Iterator[tuple[CellRecord, str, str]]:
    """The cells that differ in the warp, or in the width of the critics, alone."""
    cell = record.cell
    for other in found:
        if cell.distribution.warp != "none" and _plain(cell) == _plain(other.cell) and _is_plain(other.cell):
            yield other, f"warp {cell.distribution.warp}", "0 for what is invariant"
        narrow, wide = cell.critics, other.cell.critics
        if not (narrow and wide and narrow.hidden_dim == NARROW < wide.hidden_dim and _same_place(cell, other.cell)):
            continue
        if _narrowed(narrow) == _narrowed(wide):
            yield other, f"width {NARROW}", "below 0: a narrow critic learns less"


def _plain(cell: Cell) -> tuple[object, ...]:
    spec = cell.distribution.model_copy(update={"warp": "none", "n_images": None})
    return spec, cell.batch_size, cell.critics and cell.critics.model_copy(update={"n_critics": 1})


def _is_plain(cell: Cell) -> bool:
    return cell.distribution.warp == "none"


def _narrowed(critics: CriticSpec) -> CriticSpec:
    return critics.model_copy(update={"hidden_dim": NARROW, "n_critics": 1})


def _same_place(cell: Cell, other: Cell) -> bool:
    return (cell.distribution, cell.batch_size) == (other.distribution, other.batch_size)


def _gap(first: np.ndarray, second: np.ndarray) -> Interval:
    """Difference of two means; the errors are added as if the batches were others."""
    one, two = interval(np.mean, first), interval(np.mean, second)
    reach = float(np.hypot(one.value - one.low, two.value - two.low))
    value = one.value - two.value
    return Interval(value, value - reach, value + reach)


def _where(cell: Cell, reading: str) -> str:
    return f"{cell.distribution.label}, M {cell.batch_size}, {reading}"
