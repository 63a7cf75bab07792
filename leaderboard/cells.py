"""The columns of a table and what stands in them: estimates over seeds, ranks, warnings."""

import dataclasses
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from minebench.leaderboard.comparison import Pair, Rank, compare, ranks, resolvable_difference
from minebench.leaderboard.results import RunResult, Score
from minebench.leaderboard.statistics import Estimate, estimate, metric_noise, seeds_disagree

MAIN_METRICS = ("z_diff", "z_min_var", "irs", "mig", "jemmig")
MIN_ACTIVE_CODES = 2  # with fewer, a constant code is among the two that JEMMIG reads, and it rewards that

Codes = Literal["dims", "blocks"]
Flag = Literal["plain t", "collapsed", "seeds disagree", "partly constant"]


@dataclass(frozen=True)
class Column:
    """One metric of one version and protocol, the same for every cell below it."""

    metric: str
    version: int
    protocol: str  # canonical JSON
    direction: Literal["up", "down"]
    lower: float | None
    upper: float | None
    title: str = ""

    @property
    def main(self) -> bool:
        """Whether it is one of the five of the benchmark."""
        return self.metric in MAIN_METRICS


@dataclass(frozen=True)
class Cell:
    """A model on a metric.

    Attributes:
        estimate: None where a data set is missing, so that there is no overall value.
        values: For each data set (seed, value), by seed.
        rank: None with fewer than two seeds, for ``untrained``, and without anyone to compare with.
        flags: What a reader should know.
        noise: Standard deviation of the metric's repeats on the same codes; None without repeats.
        joint: JEMMIG's collapse-safe form, mean over seeds, where the records have it.
    """

    estimate: Estimate | None
    values: tuple[tuple[tuple[int, float], ...], ...]
    rank: Rank | None = None
    flags: tuple[Flag, ...] = ()
    noise: float | None = None
    joint: float | None = None

    @property
    def present(self) -> int:
        """Data sets with a value."""
        return sum(bool(seeds) for seeds in self.values)


@dataclass(frozen=True)
class Judgement:
    """What the tests say about a column.

    Attributes:
        pairs: Every pair of ranked rows, by their keys.
        resolvable: Smallest true difference found with 80 % power; None without pairs or spread.
        untrained_ahead: Whether an untrained model has a better mean than every trained one.
    """

    pairs: tuple[Pair, ...]
    resolvable: float | None
    untrained_ahead: bool


def columns_of(runs: Sequence[RunResult], codes: Codes) -> tuple[Column, ...]:
    """The columns that the scores of some runs need.

    Args:
        runs: Runs that may stand in one table, the newest last (it names the metrics).
        codes: Whether single codes or blocks of them were scored.

    Returns:
        The five of the benchmark in their order, then the others by key.
    """
    scores = [score for run in runs for score in run.scores if score.codes == codes]
    titles = {score.metric: score.title for score in scores}
    order = {metric: place for place, metric in enumerate(MAIN_METRICS)}
    columns = sorted(
        {_column(score) for score in scores},
        key=lambda c: (order.get(c.metric, len(order)), c.metric, c.version, c.protocol, str(c)),
    )
    return tuple(dataclasses.replace(column, title=titles[column.metric]) for column in columns)


def cell_of(column: Column, codes: Codes, datasets: Sequence[Sequence[RunResult]]) -> Cell | None:
    """One row's cell, not yet ranked.

    Args:
        column: Its column.
        codes: Whether single codes or blocks of them were scored.
        datasets: The row's finished runs on each data set of the table, by seed.

    Returns:
        The cell; None where no data set has a value.
    """
    found = [[pair for run in runs for pair in _scores(column, codes, run)] for runs in datasets]
    values = tuple(tuple((run.seed, score.value) for run, score in pairs) for pairs in found)
    if not all(found):
        return Cell(None, values) if any(found) else None
    result = estimate([_numbers(seeds) for seeds in values], lower=column.lower, upper=column.upper)
    pairs = [pair for part in found for pair in part]
    joint = [score.details.get("jemmig_joint") for _, score in pairs]
    return Cell(
        result,
        values,
        flags=tuple(_flags(column, result, values, pairs)),
        noise=metric_noise([score.repeats for _, score in pairs]),
        joint=math.fsum(map(_number, joint)) / len(joint) if None not in joint else None,
    )


def judge(
    column: Column, cells: Mapping[str, Cell | None], *, trained: Collection[str]
) -> tuple[dict[str, Cell | None], Judgement]:
    """Compare the cells of a column and rank them.

    Args:
        column: The column.
        cells: One for each row, by the row's key.
        trained: Keys of the rows of trained models; others are not in the family of tests.

    Returns:
        The cells with their ranks, and what the tests say.
    """
    samples = {
        key: [_numbers(seeds) for seeds in cell.values]
        for key, cell in cells.items()
        if cell is not None and key in trained and min(len(seeds) for seeds in cell.values) > 1
    }
    pairs = compare(samples, lower=column.lower, upper=column.upper)
    places = ranks(samples, pairs, direction=column.direction) if pairs else {}
    ranked = {key: cell and dataclasses.replace(cell, rank=places.get(key)) for key, cell in cells.items()}
    return ranked, Judgement(pairs, resolvable_difference(samples), _untrained_ahead(column, cells, trained))


def _column(score: Score) -> Column:
    protocol = json.dumps(score.protocol, sort_keys=True, ensure_ascii=False)
    return Column(score.metric, score.version, protocol, score.direction, score.lower, score.upper)


def _scores(column: Column, codes: Codes, run: RunResult) -> list[tuple[RunResult, Score]]:
    """The run's score for this column, if it has one; of several under other library versions, the last."""
    key = dataclasses.replace(column, title="")
    found = [(run, score) for score in run.scores if score.codes == codes and _column(score) == key]
    return found[-1:]


def _numbers(seeds: Sequence[tuple[int, float]]) -> list[float]:
    return [value for _, value in seeds]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _flags(
    column: Column,
    result: Estimate,
    values: Sequence[Sequence[tuple[int, float]]],
    pairs: Sequence[tuple[RunResult, Score]],
) -> list[Flag]:
    flags: list[Flag] = []
    if result.method == "t" and column.lower is not None and column.upper is not None:
        flags.append("plain t")  # the mean is outside the range
    if column.metric == "jemmig" and any(_collapsed(run, score) for run, score in pairs):
        flags.append("collapsed")
    if any(seeds_disagree(_numbers(seeds)) for seeds in values):
        flags.append("seeds disagree")
    if result.partly_constant and len(values) > 1:
        flags.append("partly constant")
    return flags


def _collapsed(run: RunResult, score: Score) -> bool:
    """Whether fewer codes than JEMMIG reads are alive, by the metric's own count or by that of the run."""
    dead, n_codes = score.details.get("dead_codes"), score.details.get("n_codes")
    if isinstance(dead, list) and isinstance(n_codes, int) and n_codes - len(dead) < MIN_ACTIVE_CODES:
        return True
    return run.trained and run.active_codes is not None and run.active_codes < MIN_ACTIVE_CODES


def _untrained_ahead(column: Column, cells: Mapping[str, Cell | None], trained: Collection[str]) -> bool:
    sign = 1 if column.direction == "up" else -1
    means: dict[bool, list[float]] = {True: [], False: []}
    for key, cell in cells.items():
        if cell is not None and cell.estimate is not None:
            means[key in trained].append(sign * cell.estimate.mean)
    return bool(means[True] and means[False]) and max(means[False]) > max(means[True])
