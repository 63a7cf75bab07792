"""From specs to a board: plan what is missing, run it, score it, render it.

The plan compares each spec's identity with what the store holds. A run that is there is reused; one whose metrics
changed is scored again from its stored codes; a run that was interrupted goes on; a failed one stays failed until a
retry is asked for. ``killed`` counts as interrupted: it came from outside and says nothing of the run.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from minebench.benchmarks import devices, registry, rows
from minebench.benchmarks.backends import local
from minebench.benchmarks.backends.starts import ForkServer
from minebench.benchmarks.checkpoint import latest
from minebench.benchmarks.codes_file import load_codes
from minebench.benchmarks.identity import moved_parts, score_libraries, train_id, train_identity
from minebench.benchmarks.job import JOB_FILE, Job, RunSettings
from minebench.benchmarks.representation import CODES_FILE
from minebench.benchmarks.scoring import expected_scores, score_run
from minebench.benchmarks.spec import RunSpec
from minebench.benchmarks.training import CHECKPOINTS
from minebench.leaderboard.results import ResultStore, RunResult

State = Literal["done", "rescore", "failed", "resume", "new"]
TO_RUN: tuple[State, ...] = ("resume", "new")


class Planned(NamedTuple):
    """A run and what is to be done about it.

    Attributes:
        job: The run.
        state: ``done``: reused; ``rescore``: stored codes get new scores; ``failed``: left alone; ``resume`` and
            ``new``: run.
        why: The reason in words.
        seconds: What training will cost by the store's history, or None where it knows nothing comparable.
    """

    job: Job
    state: State
    why: str
    seconds: float | None = None


def plan(
    specs: Iterable[RunSpec], store: ResultStore, settings: RunSettings, *, retry_failed: bool = False
) -> list[Planned]:
    """Find out what has to be done for each spec.

    Args:
        specs: The runs that are wanted.
        store: What exists.
        settings: How new runs are carried out.
        retry_failed: Run again what failed.

    Returns:
        One entry a run, in the same order. Loads each data set once, for its fingerprint. A data set whose real files
        are missing goes by the name of its procedural source; specs that come to the same run make one entry.
    """
    return plan_jobs(jobs(specs, settings), store, retry_failed=retry_failed)


def jobs(specs: Iterable[RunSpec], settings: RunSettings) -> list[Job]:
    """The run that each spec comes to, one entry a spec, in the same order; see ``plan``."""
    data: dict[str, tuple[str, str, str, Literal["real", "procedural"]]] = {}
    device_class = devices.device_class(settings.device, settings.threads, settings.execution)
    found = list[Job]()
    for spec in specs:
        if spec.dataset not in data:
            dataset = registry.dataset(spec.dataset).load(settings.data_root)
            data[spec.dataset] = dataset.name, dataset.fingerprint(), rows.rows_identity(dataset), dataset.source
        name, fingerprint, row_hash, source = data[spec.dataset]
        named = spec.model_copy(update={"dataset": name})
        identity = train_identity(named, fingerprint=fingerprint, rows=row_hash, device_class=device_class)
        found.append(
            Job(train_id=train_id(named, identity), identity=identity, source=source, spec=named, settings=settings)
        )
    return found


def plan_jobs(wanted: Iterable[Job], store: ResultStore, *, retry_failed: bool = False) -> list[Planned]:
    """Find out what has to be done for each run, one entry a run; see ``plan``."""
    found = dict[str, Job]()
    for job in wanted:
        found.setdefault(job.train_id, job)
    history = History(store, needed=any(not store.exists(train_id) for train_id in found))
    return [_planned(job, store, history, retry_failed) for job in found.values()]


def refresh(planned: Sequence[Planned], store: ResultStore) -> None:
    """Bring the results that a plan reuses up to date; nothing is trained.

    Scores that moved are made again from the stored codes, and a result that was made under another label joins the
    plan's, so that its table has all its rows.
    """
    for entry in planned:
        if entry.state not in ("done", "rescore"):
            continue
        job = entry.job
        result, update = store.load(job.train_id), dict[str, Any]()
        if entry.state == "rescore":
            representation = load_codes(store.folder(job.train_id) / CODES_FILE)
            made_with = result.provenance.versions | score_libraries()
            update["scores"] = score_run(job.train_id, representation, job.spec.seed)
            update["provenance"] = result.provenance.model_copy(update={"versions": made_with})
        if job.spec.profile not in (result.profile, *result.also_profiles):
            update["also_profiles"] = tuple(sorted({*result.also_profiles, job.spec.profile}))
        if update:
            store.save(result.model_copy(update=update))


def run(
    planned: Sequence[Planned],
    store: ResultStore,
    *,
    slots: int,
    time_limit: float | None = None,
    server: ForkServer | None = None,
) -> Iterator[local.Event]:
    """Run what a plan says is missing; see ``backends.local.submit``."""
    jobs = [entry.job for entry in planned if entry.state in TO_RUN]
    yield from local.submit(jobs, store, slots=slots, time_limit=time_limit, server=server)


def count_states(planned: Iterable[Planned]) -> Counter[State]:
    """How many runs of a plan are in each state."""
    return Counter(entry.state for entry in planned)


class History:
    """What the store knows of earlier runs: their identities, and what they cost.

    Args:
        store: Where to look.
        needed: False leaves it empty, which spares reading the store.
    """

    def __init__(self, store: ResultStore, *, needed: bool = True) -> None:
        self._identities: dict[tuple[str, str, int, str, str], list[dict[str, str]]] = {}
        self._seconds: dict[tuple[str, str, str], list[float]] = {}
        if not needed:
            return
        for file in sorted((store.root / "runs").glob(f"*/{JOB_FILE}"), key=lambda path: path.stat().st_mtime):
            try:
                job = Job.model_validate_json(file.read_bytes())
            except ValidationError:
                continue  # of another version, or cut: it can tell nothing, and is in nobody's way
            self._identities.setdefault(_place(job.spec), []).append(job.identity)
        for result in store.iterate():
            if result.train_seconds and result.steps:
                key = result.model, result.dataset, result.device
                self._seconds.setdefault(key, []).append(result.train_seconds / result.steps)

    def why_new(self, job: Job) -> str:
        """Why a run is not there: it never was, or a part of its identity moved."""
        earlier = self._identities.get(_place(job.spec))
        if not earlier or earlier[-1] == job.identity:
            return "not run yet"
        return "changed: " + ", ".join(moved_parts(earlier[-1], job.identity))

    def seconds(self, job: Job) -> float | None:
        """The training time of a job at the median speed of its model, data set and device; None if never seen."""
        per_step = self._seconds.get((job.spec.model, job.spec.dataset, job.identity["device"]))
        return statistics.median(per_step) * job.spec.train.steps if per_step else None


def _place(spec: RunSpec) -> tuple[str, str, int, str, str]:
    """Where a run stands in the tables: what its earlier versions share with it."""
    return spec.model, spec.dataset, spec.seed, spec.profile, spec.setting


def _planned(job: Job, store: ResultStore, history: History, retry_failed: bool) -> Planned:
    folder = store.folder(job.train_id)
    if store.exists(job.train_id):
        result = store.load(job.train_id)
        if result.status == "done":
            return _reused(job, result, folder)
        job = job.model_copy(update={"replaces": result.provenance.finished})
        failure = result.failure
        kind, text = (failure.kind, failure.message) if failure else ("error", "")
        if not retry_failed and kind != "killed":
            return Planned(job, "failed", f"{kind}: {text}; --retry-failed runs it again")
        return Planned(job, "resume", f"was {kind}" + _from_checkpoint(folder), history.seconds(job))
    if found := _from_checkpoint(folder):
        return Planned(job, "resume", f"interrupted{found}", history.seconds(job))
    return Planned(job, "new", history.why_new(job), history.seconds(job))


def _reused(job: Job, result: RunResult, folder: Path) -> Planned:
    on_blocks = [score for score in result.scores if score.codes == "blocks"]
    named = any(score.protocol.get("named") for score in on_blocks)
    expected = expected_scores(job.train_id, blocks=bool(on_blocks), named=named)
    stale = expected - {score.score_id for score in result.scores}
    if not stale:
        return Planned(job, "done", "reused")
    if (folder / CODES_FILE).is_file():
        return Planned(job, "rescore", f"{len(stale)} metrics moved; scored again from stored codes")
    job = job.model_copy(update={"replaces": result.provenance.finished})
    return Planned(job, "new", "metrics moved and the codes are gone")


def _from_checkpoint(folder: Path) -> str:
    found = latest(folder / CHECKPOINTS)
    return f", goes on from step {found.step}" if found else ""
