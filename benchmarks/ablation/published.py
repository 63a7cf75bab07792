"""Does a published order hold? Its arms, run here, pair by pair.

Rank correlation says how alike two orders of means are, and nothing of chance; so beside it every pair of the published
order is tested on runs of common seeds.

References:
    Kendall (1938), A New Measure of Rank Correlation. Biometrika 30(1-2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from scipy import stats

from minebench.benchmarks.ablation.arms import Reported
from minebench.benchmarks.ablation.outcome import ArmRuns, compared, parts
from minebench.leaderboard.cells import Cell, Codes, Column, cell_of, columns_of
from minebench.leaderboard.paired import corrected


@dataclass(frozen=True)
class Agreement:
    """One metric of the published table beside the runs.

    Attributes:
        column: The metric as it is scored here.
        codes: Whether blocks or single codes are scored.
        arms: Those with a published figure and a mean here.
        ours: Their means here, in the order of ``arms``.
        theirs: Their published figures.
        tau: Kendall's tau-b between the two; None below three arms, or where one side is all ties.
        confirmed: Published pairs (better, worse) whose order holds here at 5 % by Holm over all pairs.
        contradicted: Those whose order is the reverse.
        undecided: The rest; pairs that were published as equal are in none.
    """

    column: Column
    codes: Codes
    arms: tuple[str, ...]
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    tau: float | None
    confirmed: tuple[tuple[str, str], ...]
    contradicted: tuple[tuple[str, str], ...]
    undecided: tuple[tuple[str, str], ...]


def agreements(reported: Reported, arms: Mapping[str, ArmRuns], codes: Codes) -> tuple[Agreement, ...]:
    """The published metrics for which at least two published arms have runs on every data set.

    Args:
        reported: The published figures.
        arms: The runs, by arm.
        codes: Which scores.
    """
    there = [arm for arm in reported.arms if arm in arms]
    view = range(len(next(iter(arms.values())).datasets))
    runs = [run for arm in there for part in parts(arms[arm], view) for run in part]
    found = []
    for place, metric in enumerate(reported.metrics):
        for column in columns_of(runs, codes):
            if column.metric != metric:
                continue
            cells = {arm: cell for arm in there if (cell := cell_of(column, codes, parts(arms[arm], view))) is not None}
            kept = {arm: cell for arm, cell in cells.items() if cell.estimate is not None}
            if len(kept) > 1:
                found.append(_agreement(column, codes, kept, {arm: reported.arms[arm][place] for arm in kept}))
    return tuple(found)


def _agreement(column: Column, codes: Codes, cells: Mapping[str, Cell], theirs: Mapping[str, float]) -> Agreement:
    sign = 1 if column.direction == "up" else -1
    ours = {arm: cell.estimate.mean for arm, cell in cells.items() if cell.estimate is not None}
    ordered = sorted(theirs, key=lambda arm: -sign * theirs[arm])  # the published best first
    pairs = [(a, b) for a, b in combinations(ordered, 2) if theirs[a] != theirs[b]]
    family = corrected([compared(cells[a], cells[b]) for a, b in pairs])
    verdicts: dict[str, list[tuple[str, str]]] = {"holds": [], "reversed": [], "open": []}
    for pair, difference in zip(pairs, family, strict=True):
        if difference is None or not difference.separable:
            verdicts["open"].append(pair)
        else:
            verdicts["holds" if sign * difference.estimate.mean > 0 else "reversed"].append(pair)
    tau = float(stats.kendalltau(list(ours.values()), list(theirs.values())).statistic) if len(ours) > 2 else None
    return Agreement(
        column,
        codes,
        tuple(ours),
        tuple(ours.values()),
        tuple(theirs.values()),
        None if tau is None or tau != tau else tau,
        tuple(verdicts["holds"]),
        tuple(verdicts["reversed"]),
        tuple(verdicts["open"]),
    )
