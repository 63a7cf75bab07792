"""What the runs of an ablation say: every arm against the reference, paired by seed; no torch.

A column holds one metric of one version and protocol, and a table one level of supervision, as on the board. Arms that
see other labels than the reference stand in tables of their own; what is printed of them is the difference to the
reference, which is what these arms are for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minebench.benchmarks.ablation.arms import Ablation
from minebench.leaderboard.cells import MAIN_METRICS, Cell, Codes, Column, cell_of, columns_of
from minebench.leaderboard.paired import Difference, corrected, paired_difference
from minebench.leaderboard.results import RunResult

SHOWN = (*MAIN_METRICS, "named_gap")  # further metrics stand in the CSV file alone


@dataclass(frozen=True)
class ArmRuns:
    """The runs of an arm.

    Attributes:
        arm: Its key in the spec.
        title: Its name.
        supervision: What labels it sees.
        datasets: Of each data set its finished and failed runs, by seed.
        n_wanted: Runs that the spec asks for.
    """

    arm: str
    title: str
    supervision: str
    datasets: tuple[tuple[RunResult, ...], ...]
    n_wanted: int

    @property
    def runs(self) -> tuple[RunResult, ...]:
        """All runs."""
        return tuple(run for part in self.datasets for run in part)

    @property
    def done(self) -> tuple[RunResult, ...]:
        """Those with scores."""
        return tuple(run for run in self.runs if run.scores)

    @property
    def failed(self) -> tuple[RunResult, ...]:
        """Those without, for a reason."""
        return tuple(run for run in self.runs if run.failure is not None)


@dataclass(frozen=True)
class Line:
    """An arm in a table: a cell for each column, and how it differs from the reference."""

    arm: ArmRuns
    cells: tuple[Cell | None, ...]
    differences: tuple[Difference | None, ...]  # arm less reference; None for the reference, and without common seeds


@dataclass(frozen=True)
class Table:
    """Arms of one supervision on one data set, or on the mean over several."""

    datasets: tuple[str, ...]
    codes: Codes
    supervision: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def n_tests(self) -> tuple[int, ...]:
        """Size of the family of each column."""
        found = [[line.differences[i] for line in self.lines] for i in range(len(self.columns))]
        return tuple(sum(one is not None and one.p is not None for one in column) for column in found)


def tables(ablation: Ablation, arms: Mapping[str, ArmRuns]) -> tuple[Table, ...]:
    """Every table: of each data set and of their mean; the reference's labels first, blocks before single codes.

    Args:
        ablation: Which arm is the reference.
        arms: By key, in the order of the spec.
    """
    reference = arms[ablation.reference]
    n_datasets = len(reference.datasets)
    views = [(i,) for i in range(n_datasets)] + ([tuple(range(n_datasets))] if n_datasets > 1 else [])
    levels = dict.fromkeys([reference.supervision, *(arm.supervision for arm in arms.values())])
    kinds: tuple[Codes, ...] = ("blocks", "dims")
    found = [
        _table(reference, [arm for arm in arms.values() if arm.supervision == level], view, kind)
        for view in views
        for level in levels
        for kind in kinds
    ]
    return tuple(table for table in found if table.columns)


def parts(arm: ArmRuns, view: Sequence[int]) -> list[list[RunResult]]:
    """The scored runs of an arm on some of its data sets."""
    return [[run for run in arm.datasets[i] if run.scores] for i in view]


def seeds_of(cell: Cell) -> list[dict[int, float]]:
    """The values of a cell by seed, for each data set."""
    return [dict(values) for values in cell.values]


def compared(first: Cell | None, second: Cell | None) -> Difference | None:
    """``first`` less ``second`` over their common seeds; None without any."""
    return None if first is None or second is None else paired_difference(seeds_of(first), seeds_of(second))


def _table(reference: ArmRuns, arms: Sequence[ArmRuns], view: Sequence[int], codes: Codes) -> Table:
    runs = [run for arm in arms for part in parts(arm, view) for run in part]
    columns = sorted(columns_of(runs, codes), key=_place)
    at_reference = _cells(reference, columns, view, codes)
    cells = {arm.arm: _cells(arm, columns, view, codes) for arm in arms}
    families = [
        corrected([None if arm is reference else compared(cells[arm.arm][i], at_reference[i]) for arm in arms])
        for i in range(len(columns))
    ]
    lines = [Line(arm, cells[arm.arm], tuple(family[place] for family in families)) for place, arm in enumerate(arms)]
    names = tuple(_named(reference, i) for i in view)
    return Table(names, codes, arms[0].supervision if arms else "", tuple(columns), tuple(lines))


def _cells(arm: ArmRuns, columns: Sequence[Column], view: Sequence[int], codes: Codes) -> tuple[Cell | None, ...]:
    return tuple(cell_of(column, codes, parts(arm, view)) for column in columns)


def _named(arm: ArmRuns, dataset: int) -> str:
    runs = arm.datasets[dataset]
    return runs[0].dataset if runs else f"data set {dataset + 1}"


def _place(column: Column) -> int:
    return SHOWN.index(column.metric) if column.metric in SHOWN else len(SHOWN)
