"""What an estimate of total correlation costs, how the cost grows, and what the study's critics cost.

``pytest tests/bench/test_bench_estimators.py -m slow -s`` prints seconds of CPU of one thread; the growth is between
sizes four-fold apart in one session.
"""

import math
import time

import pytest
import torch

from minebench.baselines.contract import Gaussian, Noise
from minebench.benchmarks.study.cells import Cell, CriticSpec, DistributionSpec
from minebench.benchmarks.study.trained import Trained
from minebench.minevae.code_batch import CodeBatch
from minebench.minevae.estimators import total_correlation_estimator
from minebench.minevae.groups import permute_groups

pytestmark = pytest.mark.slow

NAMES = ("mss_loo", "full_mc", "gauss_sample_debiased", "dv", "tree_dv")
# At most this exponent of M, N and D: what the formula says and 0.5 more, for a machine is no formula; the arrays of
# mss_loo, M x M x D, leave the cache, so that each number costs more.
GROWTH = {
    "mss_loo": {"M": 3.0, "N": 0.5, "D": 2.0},
    "full_mc": {"M": 1.5, "N": 1.5, "D": 1.5},
    "gauss_sample_debiased": {"M": 1.5, "N": 0.5, "D": 2.5},
    "dv": {"M": 1.5, "N": 0.5, "D": 1.5},
    "tree_dv": {"M": 1.5, "N": 0.5, "D": 2.0},
}
BASE = {"M": 512, "N": 2048, "D": 16}  # arrays of M x M x D that no cache holds, as the larger ones


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def batch(M: int, N: int, D: int) -> CodeBatch:
    noise = Noise(torch.Generator().manual_seed(0))
    population = Gaussian(noise.normal((N, D)), torch.full((N, D), math.log(0.25)))
    rows = (noise.uniform((M,)) * N).long()
    posterior = Gaussian(population.mean[rows], population.logvar[rows])
    z = posterior.sample(noise)
    return CodeBatch(z, permute_groups(z, noise), posterior, N, population, rows, noise)


def seconds(name: str, sizes: dict[str, int], repeats: int = 5) -> float:
    estimator, met = total_correlation_estimator(name, sizes["D"]), batch(**sizes)
    best = math.inf
    for _ in range(repeats):
        start = time.thread_time()
        estimator.value(met)
        best = min(best, time.thread_time() - start)
    return best


@pytest.mark.parametrize("name", NAMES)
def test_the_cost_of_an_estimate_grows_as_its_formula_says(benchmark, name):
    base = seconds(name, BASE)
    exponents = {axis: math.log(seconds(name, BASE | {axis: 4 * size}) / base, 4) for axis, size in BASE.items()}
    shown = ", ".join(f"{axis} {exponent:.2f}" for axis, exponent in exponents.items())
    print(f"\n{name}: {1e3 * base:.2f} ms at M 512, N 2,048, D 16; exponents: {shown}")
    met, estimator = batch(**BASE), total_correlation_estimator(name, BASE["D"])
    benchmark.pedantic(estimator.value, args=(met,), rounds=5)
    for axis, exponent in exponents.items():
        assert exponent < GROWTH[name][axis], axis


def test_fifty_critics_take_less_than_four_minutes_for_two_thousand_updates(benchmark):
    """200 updates are timed, and weigh ten-fold."""
    cell = Cell(
        distribution=DistributionSpec(kind="equicorrelated", total_correlation=0.5),
        critics=CriticSpec(objective="mine", n_critics=50, n_steps=200),
    )
    trained = benchmark.pedantic(Trained, args=(cell,), rounds=1)
    whole = 10 * trained.seconds * 50
    print(f"\n50 critics x 2,000 updates, width 128, M 256, d 10: {whole:.0f} s of CPU")
    assert whole < 240


def test_many_critics_at_once_are_cheaper_than_one_by_one(benchmark):
    """Twenty small critics in one batched product against twenty trainings: at most half the time."""

    def cost(n_critics):
        spec = CriticSpec(objective="js", n_critics=n_critics, hidden_dim=16, n_steps=50)
        cell = Cell(
            distribution=DistributionSpec(kind="equicorrelated", total_correlation=0.5), batch_size=32, critics=spec
        )
        return Trained(cell).seconds * n_critics

    pairs = [(cost(20), 20 * cost(1)) for _ in range(3)]
    together, apart = (min(times) for times in zip(*pairs, strict=True))
    print(f"\n20 small critics: {together:.2f} s together, {apart:.2f} s one by one")
    benchmark.pedantic(cost, args=(20,), rounds=1)
    assert together < 0.5 * apart
