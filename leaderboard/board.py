"""From results to tables, before any of them is written down.

A table holds only what may be compared: one profile, one data set (the same pixels and the
same scored rows), real or procedural images, one level of supervision, one precision; a
column holds one metric of one version and protocol. A procedural source that equals the real
one in every pixel counts as real. Several runs of one seed are one seed: the newest counts.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from minebench.leaderboard.cells import Cell, Codes, Column, Judgement, cell_of, columns_of, judge
from minebench.leaderboard.results import Rows, RunResult, published
from minebench.leaderboard.rows import Row, costs_of, failed_runs, row_key, variants

PROFILES = ("paper", "paper-grid", "standard", "quick")  # their order on the board; others follow
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")  # whose versions decide numbers

_Item = TypeVar("_Item")
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Setting:
    """What is the same for all runs of a table."""

    profile: str
    images: Literal["real", "procedural"]  # real: the real files, or equal to them in every pixel
    supervision: str
    precision: str


@dataclass(frozen=True)
class Origin:
    """Where the runs of a table were made; each sorted, without repetition."""

    sources: tuple[str, ...]
    devices: tuple[str, ...]
    versions: tuple[str, ...]  # e.g. "torch 2.9.0"
    commits: tuple[str, ...]  # abbreviated; "+" where the working tree was dirty


@dataclass(frozen=True)
class Table:
    """One data set, or the mean over several, under one setting."""

    setting: Setting
    datasets: tuple[str, ...]
    dataset_titles: tuple[str, ...]
    fingerprints: tuple[str, ...]
    codes: Codes
    scored: tuple[Rows | None, ...]  # for each data set; None where no run was scored
    columns: tuple[Column, ...]
    judgements: tuple[Judgement, ...]  # one for each column
    rows: tuple[Row, ...]  # best first, models without scores after them, ``untrained`` last
    origin: Origin

    @property
    def overall(self) -> bool:
        """Whether it is the mean over several data sets."""
        return len(self.datasets) > 1


@dataclass(frozen=True)
class Board:
    """All tables, in the order in which they are shown."""

    tables: tuple[Table, ...]
    superseded: int = 0  # runs left out because a newer one has their seed


@dataclass(frozen=True)
class _View:
    """The runs of one data set that belong in one table, the newest last."""

    codes: Codes
    scored: Rows | None
    runs: list[RunResult]


def build(results: Iterable[RunResult]) -> Board:
    """Sort results into tables and judge them.

    Args:
        results: Finished and failed runs, in any order, of any number of settings.

    Returns:
        The board, which depends on the set of results only, as they are published: for every
        setting the tables of the data sets and, where there are several, one over all of them.
    """
    unique = {run.train_id: published(run) for run in results}.values()
    runs = _by_age(labelled for run in unique for labelled in _under_each_label(run))
    newest = {(_setting(run), run.dataset, run.data_fingerprint, row_key(run), run.seed): run for run in runs}
    tables: list[Table] = []
    for setting, members in _grouped(newest.values(), _setting).items():
        datasets = _grouped(members, lambda run: (run.dataset, run.data_fingerprint))
        views = [view for _, part in sorted(datasets.items()) for view in _views(part)]
        for codes, shown in _grouped(views, lambda view: view.codes).items():
            tables += [_table(setting, codes, [view]) for view in shown]
            names = [view.runs[0].dataset for view in shown]
            if len(names) > 1 and len(set(names)) == len(names):
                tables.append(_table(setting, codes, shown))
    return Board(tuple(sorted(tables, key=_table_order)), len(runs) - len(newest))


def _under_each_label(run: RunResult) -> Iterable[RunResult]:
    return (run.model_copy(update={"profile": label}) for label in (run.profile, *run.also_profiles))


def _by_age(runs: Iterable[RunResult]) -> list[RunResult]:
    return sorted(runs, key=lambda run: (run.provenance.finished, run.train_id))


def _grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    groups: dict[_Key, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _setting(run: RunResult) -> Setting:
    images: Literal["real", "procedural"] = "real" if run.source == "real" or run.pixel_exact else "procedural"
    return Setting(run.profile, images, run.supervision, run.precision)


def _views(runs: list[RunResult]) -> list[_View]:
    """The tables that the runs of one data set need; a run without scores stands in each of single codes."""
    keys = {(score.codes, run.rows) for run in runs for score in run.scores}
    if not any(codes == "dims" for codes, _ in keys):
        keys.add(("dims", None))
    return [
        _View(codes, scored, [run for run in runs if _belongs(run, codes, scored)])
        for codes, scored in sorted(keys, key=str)
    ]


def _belongs(run: RunResult, codes: Codes, scored: Rows | None) -> bool:
    if not run.scores:
        return codes == "dims"
    return run.rows == scored and any(score.codes == codes for score in run.scores)


def _table(setting: Setting, codes: Codes, views: Sequence[_View]) -> Table:
    runs = _by_age(run for view in views for run in view.runs)
    groups = _grouped(runs, row_key)
    scored = {key: [_scored(group, view) for view in views] for key, group in groups.items()}
    trained = {key for key, group in groups.items() if group[0].trained}
    columns = columns_of(runs, codes)
    cells, judgements = [], []
    for column in columns:
        ranked, judgement = judge(
            column, {key: cell_of(column, codes, parts) for key, parts in scored.items()}, trained=trained
        )
        cells.append(ranked)
        judgements.append(judgement)
    labels = dict(zip(groups, variants([group[0] for group in groups.values()]), strict=True))
    order = sorted(groups, key=lambda key: (key not in trained, *_standing(key, columns, cells), key))
    rows = [
        Row(
            key,
            groups[key][0].model,
            groups[key][-1].model_title,
            labels[key],
            key in trained,
            tuple(sorted({run.seed for part in scored[key] for run in part})),
            failed_runs(groups[key]),
            tuple(ranked[key] for ranked in cells),
            costs_of(scored[key]),
        )
        for key in order
    ]
    return Table(
        setting,
        tuple(view.runs[0].dataset for view in views),
        tuple(view.runs[-1].dataset_title for view in views),
        tuple(view.runs[0].data_fingerprint for view in views),
        codes,
        tuple(view.scored for view in views),
        columns,
        tuple(judgements),
        tuple(rows),
        _origin(runs),
    )


def _scored(group: Sequence[RunResult], view: _View) -> list[RunResult]:
    """A row's scored runs on one data set, by seed."""
    members = {run.train_id for run in view.runs}
    return sorted((run for run in group if run.scores and run.train_id in members), key=lambda run: run.seed)


def _standing(
    key: str, columns: Sequence[Column], cells: Sequence[Mapping[str, Cell | None]]
) -> tuple[bool, float, float]:
    """Where a row stands: without scores or not, then its ranks and its places by mean, over the five metrics."""
    ranks, places, scored = 0.0, 0.0, False
    for column, below in zip(columns, cells, strict=True):
        worst, cell = len(below) + 1, below[key]
        scored |= cell is not None
        if not column.main and any(other.main for other in columns):
            continue
        ranks += cell.rank.place if cell is not None and cell.rank is not None else worst
        own = _loss(column, cell)
        places += sum(_loss(column, other) < own for other in below.values()) if own < math.inf else worst
    return not scored, ranks, places


def _loss(column: Column, cell: Cell | None) -> float:
    if cell is None or cell.estimate is None:
        return math.inf
    return -cell.estimate.mean if column.direction == "up" else cell.estimate.mean


def _origin(runs: Sequence[RunResult]) -> Origin:
    found = [run.provenance.versions for run in runs]
    commits = {(run.provenance.git_commit or "unknown")[:10] + "+" * bool(run.provenance.git_dirty) for run in runs}
    return Origin(
        tuple(sorted({run.source for run in runs})),
        tuple(sorted({run.device for run in runs})),
        tuple(f"{name} {v}" for name in LIBRARIES for v in sorted({x[name] for x in found if name in x})),
        tuple(sorted(commits)),
    )


def _table_order(table: Table) -> tuple[Any, ...]:
    setting = table.setting
    return (
        PROFILES.index(setting.profile) if setting.profile in PROFILES else len(PROFILES),
        setting.profile,
        setting.images != "real",
        setting.supervision != "none",
        setting.supervision,
        setting.precision,
        table.codes != "dims",
        not table.overall,
        table.datasets,
        table.fingerprints,
        str(table.scored),
    )
