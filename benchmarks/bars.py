"""Progress on stderr: bars with rate and time left on a terminal, one line a finished run elsewhere."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from minebench.benchmarks.listing import clock
from minebench.benchmarks.progress import Progress
from minebench.leaderboard.results import ResultStore

if TYPE_CHECKING:  # scoring needs no torch, which the back end loads
    from minebench.benchmarks.backends.local import Event
    from minebench.benchmarks.foreign import Scored


def watch_runs(events: "Iterable[Event]", n_runs: int, store: ResultStore) -> None:
    """Consume the events of a back end, showing one bar for all runs and one for each that is under way."""
    ended, started = 0, dict[str, TaskID]()
    with _bars() as bars:
        total = bars.add_task("runs", total=n_runs, note="")
        for event in events:
            name, train_id = event.job.spec.name, event.job.train_id
            if event.kind == "started":
                started[train_id] = bars.add_task(name, total=None, note="starting")
            elif event.kind == "progress" and event.progress is not None:
                _show(bars, started[train_id], event.progress)
            elif event.kind == "busy" and train_id in started:
                bars.update(started[train_id], visible=False)
            elif event.kind == "ended":
                ended += 1
                bars.update(started[train_id], visible=False)
                bars.update(total, completed=ended)
                result = store.load(train_id)
                outcome = f"{result.failure.kind}: {result.failure.message}" if result.failure else "done"
                bars.console.print(f"[{ended}/{n_runs}] {name} {outcome}", highlight=False, markup=False)


def watch_scores(scores: "Iterable[Scored]") -> "list[Scored]":
    """Consume scores as they come, showing a bar with the last of them; returns them all."""
    found = []
    with _bars() as bars:
        task = bars.add_task("scores", total=None, note="")
        for one in scores:
            found.append(one)
            bars.update(task, completed=len(found), note=one.label)
    return found


def _bars() -> Bars:
    console = Console(stderr=True)
    return Bars(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not sys.stderr.isatty(),
        refresh_per_second=4,
    )


def _show(bars: Bars, task: TaskID, moment: Progress) -> None:
    left, note = moment.remaining, moment.stage
    if note == "train" and left is not None:
        bars.update(task, note=f"{moment.rate:.1f} steps/s, {clock(left)} left")
    else:
        bars.update(task, note=note)
    bars.update(task, completed=moment.step, total=moment.steps or None)
