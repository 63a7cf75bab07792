"""What the harness costs beside the runs: it must grow with their number and no faster.

``pytest tests/bench/test_bench_harness.py -m slow -s`` prints the seconds a run; the ratios are of one session.
"""

import os
import time

import pytest

from minebench.benchmarks import harness, provenance, registry
from minebench.benchmarks.backends import local
from minebench.benchmarks.backends.starts import ForkServer
from minebench.benchmarks.identity import score_id
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.profile import complete_config
from minebench.benchmarks.record import job_fields
from minebench.benchmarks.spec import RunSpec, TrainConfig
from minebench.leaderboard.results import ResultStore, RunResult, Score

pytestmark = pytest.mark.slow


def specs(n):
    config = complete_config("beta_vae", {})
    train = TrainConfig(steps=4, batch_size=4)
    return [
        RunSpec(model="beta_vae", config=config, dataset="shapes_mini", seed=seed, train=train, profile="bench")
        for seed in range(n)
    ]


def finished(job):
    """A complete result of a job, as a run would have left it."""
    scores = tuple(
        Score(
            score_id=score_id(job.train_id, name, entry), metric=name, title=entry.title, version=entry.version(),
            direction=entry.direction, lower=entry.lower, upper=entry.upper, value=0.5, protocol=entry.full_protocol(),
            seconds=0.0,
        )
        for name, entry in registry.METRICS.items()
        if entry.in_runs
    )  # fmt: skip
    return RunResult(
        **job_fields(job), status="done", steps=4, scores=scores, provenance=provenance.collect("cpu", provenance.now())
    )


def filled_store(root, n):
    store = ResultStore(root)
    for entry in harness.plan(specs(n), store, RunSettings()):
        entry.job.write(store.folder(entry.job.train_id))
        store.save(finished(entry.job))
    return store


def test_planning_over_finished_runs_grows_linearly(benchmark, tmp_path):
    """Eight times the runs may take at most twelve times the time."""
    small, large = 250, 2000
    stores = {n: filled_store(tmp_path / str(n), n) for n in (small, large)}

    def seconds(n):
        start = time.perf_counter()
        assert harness.count_states(harness.plan(specs(n), stores[n], RunSettings()))["done"] == n
        return time.perf_counter() - start

    pairs = [(seconds(small), seconds(large)) for _ in range(3)]
    few, many = (min(times) for times in zip(*pairs, strict=True))
    print(f"\nplan of {large} finished runs: {many:.2f} s; 8 times the runs take {many / few:.1f} times as long")
    benchmark.pedantic(seconds, args=(small,), rounds=3)
    assert many / few < 12


class StubProcess:
    """A process that is over at once; its run left a result."""

    def __init__(self, *_, **__):
        self.returncode = 0

    def poll(self):
        return 0

    def wait(self):
        return 0


def test_the_parents_time_a_run_is_small_and_linear(benchmark, tmp_path, monkeypatch):
    """Starts and ends of stub runs: under 50 ms of the parent's time each, at 1,000 runs as at 100."""
    monkeypatch.setattr(local, "start_afresh", StubProcess)
    monkeypatch.setattr(ForkServer, "suits", staticmethod(lambda _: False))
    monkeypatch.setattr(local, "_settle", lambda run, job, store: True)

    def seconds(n):
        store = ResultStore(tmp_path / f"stub{n}-{time.monotonic_ns()}")
        jobs = [entry.job for entry in harness.plan(specs(n), store, RunSettings())]
        start = time.process_time()
        ended = sum(event.kind == "ended" for event in local.submit(jobs, store, slots=2))
        assert ended == n
        return (time.process_time() - start) / n

    few, many = seconds(100), seconds(1000)
    print(f"\nparent's time a run: {1e3 * few:.2f} ms at 100 runs, {1e3 * many:.2f} ms at 1,000")
    benchmark.pedantic(seconds, args=(100,), rounds=3)
    assert many < 0.05
    assert many / few < 2


def test_forks_of_one_process_start_sooner_than_new_ones(benchmark, tmp_path, monkeypatch):
    """Six untrained runs one after another: CPU seconds and wall seconds, forked and started afresh, in alternation."""
    made = iter(range(100))

    def measure(forked):
        monkeypatch.setattr(ForkServer, "suits", staticmethod(lambda _: forked))
        store = ResultStore(tmp_path / f"starts{next(made)}")
        untrained = [
            RunSpec(
                model="untrained",
                config=complete_config("untrained", {}),
                dataset="shapes_mini",
                seed=seed,
                train=TrainConfig(steps=1),
                profile="mini",
            )
            for seed in range(6)
        ]
        planned = harness.plan(untrained, store, RunSettings())
        before, start = os.times(), time.perf_counter()
        ended = sum(event.kind == "ended" for event in harness.run(planned, store, slots=1))
        wall, after = time.perf_counter() - start, os.times()
        assert ended == len(planned)
        # a server that is killed at the end is waited for by its parent, so that its children's time counts, too
        return wall, sum(after[:4]) - sum(before[:4])

    pairs = [(measure(True), measure(False)) for _ in range(3)]
    forked, afresh = (min(wall for wall, _ in times) for times in zip(*pairs, strict=True))
    cpu = [min(seconds for _, seconds in times) for times in zip(*pairs, strict=True)]
    print(f"\nsix starts: {forked:.1f} s forked, {afresh:.1f} s afresh; CPU {cpu[0]:.1f} and {cpu[1]:.1f} s")
    benchmark.pedantic(measure, args=(True,), rounds=1)
    assert afresh > 2 * forked
