"""Two runs in two processes on two cores against one: they share memory's bandwidth and nothing else.

``pytest tests/bench/test_bench_processes.py -m slow -s`` prints the ratio. Times are by the clock: a machine whose
cores have other work to do, or are threads of one, shows less. The same ratio of steps a CPU second, which is printed
beside it, tells what the two cost each other.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from minebench.benchmarks import harness
from minebench.benchmarks.backends import starts
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.profile import complete_config
from minebench.benchmarks.spec import RunSpec, TrainConfig
from minebench.leaderboard.results import ResultStore

pytestmark = pytest.mark.slow

RUN = """\
import sys, time
from pathlib import Path
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import Job
from minebench.leaderboard.results import ResultStore

folder = Path(sys.argv[1])
run = run_cell(Job.read(folder), ResultStore(folder.parent.parent))
while next(run).step < 3:
    pass
print("trains", flush=True)
for line in sys.stdin:
    steps, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() < start + float(line):
        next(run)
        steps += 1
    print(steps / (time.perf_counter() - start), steps / (time.process_time() - cpu), flush=True)
"""


def process(store, seed):
    """A run in a process of its own: it trains for the seconds that it is told, and answers its rates."""
    spec = RunSpec(
        model="beta_vae",
        config=complete_config("beta_vae", {}),
        dataset="dsprites",
        seed=seed,
        train=TrainConfig(steps=10**9, batch_size=64),
        profile="bench",
    )
    made = harness.plan([spec], store, RunSettings())[0].job
    made.write(store.folder(made.train_id))
    found = subprocess.Popen(
        [sys.executable, "-P", "-c", RUN, store.folder(made.train_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=starts._environment(threads=1),
    )
    assert found.stdout.readline() == "trains\n"
    return found


def rates(*processes, seconds=5):
    """Of processes that train at the same time, in all: steps a second, and steps a CPU second of each."""
    for one in processes:
        one.stdin.write(f"{seconds}\n")
        one.stdin.flush()
    return np.array([[float(word) for word in one.stdout.readline().split()] for one in processes]).sum(axis=0)


def test_two_processes_train_almost_twice_as_much(benchmark, tmp_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    one, two = (process(ResultStore(tmp_path), seed) for seed in range(2))
    try:
        load = os.getloadavg()[0]
        alone, together = zip(*(((rates(one) + rates(two)) / 2, rates(one, two)) for _ in range(8)), strict=True)
        benchmark.pedantic(rates, args=(one,), kwargs={"seconds": 1}, rounds=1)
    finally:
        for run in (one, two):
            run.communicate()
    alone, together = np.array(alone), np.array(together)  # (rounds, 2): by the clock, and of CPU seconds
    ratio, of_cpu = np.median(together, axis=0) / np.median(alone, axis=0)
    low, high = np.quantile(together[:, 0] / alone[:, 0], [0.25, 0.75])
    print(
        f"\none process {np.median(alone[:, 0]):.1f} steps/s, two {np.median(together[:, 0]):.1f}: {ratio:.2f} times "
        f"({low:.2f} to {high:.2f}), at least 1.8 asked for; of CPU seconds {of_cpu:.2f}; load {load:.1f} at the start"
    )
    benchmark.extra_info["ratio"] = ratio
    assert ratio >= 1.8
