"""What ``minebench variance`` does: a grid and a store to tables and pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from minebench.benchmarks import devices
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.study import figures, tables
from minebench.benchmarks.study.archive import SUFFIX, unpack
from minebench.benchmarks.study.codes import with_codes
from minebench.benchmarks.study.grid import Grid, load_grid
from minebench.benchmarks.study.records import FOLDER, Records
from minebench.benchmarks.study.run import run as run_cells
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.training import LOG_FILE
from minebench.leaderboard.results import ResultStore


class Study(NamedTuple):
    """Cells, the records of them, and the logs of the runs whose codes they are."""

    grid: Grid
    records: Records
    logs: tuple[Path, ...]


def prepare(
    grid: str,
    store: ResultStore,
    settings: RunSettings,
    *,
    codes: bool = False,
    run_ids: Sequence[str] = (),
    n_images: int | None = None,
) -> Study:
    """Read a grid; with ``codes`` also encode the images of runs. One thread is used from now on.

    Args:
        grid: Name or file; of a packed one the finished cells are taken over.
        store: Records go to its folder ``variance``; runs are looked up in it.
        settings: Device and data folder.
        codes: Whether cells of kind ``codes`` are wanted, of ``run_ids``.
        run_ids: Finished runs, or the starts of their names.
        n_images: Images of a run, of training and of held-out ones each.

    Raises:
        UsageError: If the grid cannot be read, or there is no one such run.
    """
    devices.configure(settings.device, threads=1)
    records = Records(store.root / FOLDER)
    if codes == (not run_ids):
        finished = ", ".join(_finished(store)) or "none"
        raise UsageError(
            f"--truth codes needs --run; finished runs: {finished}"
            if codes
            else "--run names the run for --truth codes; add that, or leave --run out"
        )
    if grid.endswith(SUFFIX):
        return Study(unpack(Path(grid), records), records, ())
    read = load_grid("codes" if codes and grid == "smoke" else grid)
    if not codes:
        return Study(read, records, ())
    folders = [_find_run(store, run_id) for run_id in run_ids]
    cells = [cell for folder in folders for cell in with_codes(read, folder, settings, n_images=n_images).cells]
    logs = tuple(log for folder in folders if (log := folder / LOG_FILE).is_file())
    return Study(read.model_copy(update={"cells": tuple(cells)}), records, logs)


def plan_text(study: Study) -> str:
    """The cells, and which of them are recorded."""
    lines = [f"{'done' if study.records.exists(cell) else 'new':<5}{cell.cell_id}" for cell in study.grid.cells]
    n_new = sum(not study.records.exists(cell) for cell in study.grid.cells)
    return "\n".join([*lines, f"{n_new} of {len(lines)} cells to run"])


def run(study: Study) -> Iterator[str]:
    """Run what is missing, a line a cell."""
    for event in run_cells(study.grid.cells, study.records):
        if not event.reused:
            yield f"[{event.number}/{event.n_cells}] {event.cell.cell_id} {event.seconds:.1f} s"


def report(study: Study, folder: Path | None = None) -> str:
    """The tables, and the pictures' names if a folder for them is given."""
    text = tables.report(study.grid, study.records)
    if folder is None:
        return text
    drawn = figures.draw(study.grid, study.records, folder, logs=study.logs)
    return "\n\n".join([text, *(f"drew {path}" for path in drawn)])


def _finished(store: ResultStore) -> list[str]:
    return sorted(path.parent.name for path in (store.root / "runs").glob("*/result.json"))


def _find_run(store: ResultStore, run_id: str) -> Path:
    names = _finished(store)
    found = [name for name in names if name == run_id] or [name for name in names if name.startswith(run_id)]
    if len(found) != 1:
        what = f"{len(found)} runs start with {run_id!r}" if found else f"no finished run {run_id!r}"
        raise UsageError(f"{what} in {store.root}: {', '.join(found or names) or 'none'}")
    return store.folder(found[0])
