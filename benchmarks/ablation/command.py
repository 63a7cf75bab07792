"""What ``minebench ablate`` does: a spec and a store to runs and tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from minebench.benchmarks import harness, registry
from minebench.benchmarks.ablation.arms import Ablation, arm_specs, folder_name, load_ablation
from minebench.benchmarks.ablation.longform import csv_text
from minebench.benchmarks.ablation.outcome import ArmRuns
from minebench.benchmarks.ablation.page import page
from minebench.benchmarks.backends.local import Event
from minebench.benchmarks.harness import Planned
from minebench.benchmarks.job import Job, RunSettings
from minebench.leaderboard.results import ResultStore, RunResult, write_atomically
from minebench.leaderboard.styles import Markdown

FOLDER = "ablation"
PAGE, CSV = "README.md", "ablation.csv"


class Study(NamedTuple):
    """An ablation with its runs: those of each arm, and what is to be done about each."""

    ablation: Ablation
    jobs: dict[str, list[Job]]
    planned: list[Planned]


def prepare(
    spec: str,
    store: ResultStore,
    settings: RunSettings,
    *,
    sets: Sequence[str] = (),
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
    retry_failed: bool = False,
) -> Study:
    """Read a spec and find out what exists.

    Args:
        spec: Name or file.
        store: Where runs are.
        settings: How new runs are carried out.
        sets: Changes of the spec.
        arms: Names or globs of arms; all if left out.
        seeds: In place of the spec's.
        retry_failed: Run again what failed.

    Raises:
        UsageError: If the spec cannot be read or holds an arm that is none.
    """
    ablation = load_ablation(spec, sets, arms)
    specs = arm_specs(ablation, seeds)
    found = iter(harness.jobs([one for some in specs.values() for one in some], settings))
    jobs = {arm: [next(found) for _ in some] for arm, some in specs.items()}
    every = [job for some in jobs.values() for job in some]
    return Study(ablation, jobs, harness.plan_jobs(every, store, retry_failed=retry_failed))


def run(study: Study, store: ResultStore, *, slots: int, time_limit: float | None = None) -> Iterator[Event]:
    """Run what is missing; scores that moved are made again first."""
    harness.refresh(study.planned, store)
    yield from harness.run(study.planned, store, slots=slots, time_limit=time_limit)


def outcome(study: Study, store: ResultStore) -> dict[str, ArmRuns]:
    """The runs that are there, by arm; a run that two arms or data sets come to stands in each."""
    entries = {arm: registry.model(study.ablation.model_of(arm)) for arm in study.jobs}
    n_datasets = len(study.ablation.datasets)
    return {
        arm: ArmRuns(
            arm,
            study.ablation.arms[arm].title,
            entries[arm].supervision_of(study.ablation.config_of(arm)),
            tuple(_results(some, store) for some in _split(jobs, n_datasets)),
            len(jobs),
        )
        for arm, jobs in study.jobs.items()
    }


def write(study: Study, arms: dict[str, ArmRuns], store: ResultStore) -> Path:
    """Write the tables to the store's folder of this ablation, and return it."""
    folder = store.root / FOLDER / folder_name(study.ablation)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / PAGE, page(study.ablation, arms, Markdown()))
    write_atomically(folder / CSV, csv_text(study.ablation, arms))
    return folder


def _split(jobs: Sequence[Job], n_datasets: int) -> list[Sequence[Job]]:
    """Jobs by data set: the seeds of one stand together."""
    width = len(jobs) // n_datasets
    return [jobs[start : start + width] for start in range(0, len(jobs), width)]


def _results(jobs: Sequence[Job], store: ResultStore) -> tuple[RunResult, ...]:
    return tuple(store.load(job.train_id) for job in jobs if store.exists(job.train_id))
