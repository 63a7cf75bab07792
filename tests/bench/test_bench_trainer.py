"""Speed of the trainer against hand-written loops of the same network, batches and optimiser, measured in one run.

``OMP_NUM_THREADS=1 pytest tests/bench/test_bench_trainer.py -m slow -s`` prints every ratio. The work is that of the
benchmark: beta-VAE, dSprites, batches of 64, Adam. Ours is a whole run (``run_cell``): batches, log, checkpoints and
progress included. The hand-written loops are what one writes first, with torch's settings as they come: no
deterministic algorithms, no log. All keep the memory that they free, as processes of runs do: without, a
hundred thousand pages are cleared a second, and by luck more of them for one loop than for another. All take turns,
a step each, so that a busy machine slows all of them. Times are of the CPU, because another process's turns are
nobody's cost here; a thread that waits would show beside them, in seconds of the clock.
"""

import ctypes
import os
import time
from collections import defaultdict
from itertools import islice
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minebench.baselines.beta_vae import BetaVAE
from minebench.baselines.contract import Phase
from minebench.baselines.networks import conv_decoder, conv_encoder
from minebench.benchmarks import devices, harness
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.profile import complete_config
from minebench.benchmarks.rows import training_rows
from minebench.benchmarks.spec import RunSpec, TrainConfig
from minebench.benchmarks.workbench import for_job, load_dataset
from minebench.leaderboard.results import ResultStore

pytestmark = pytest.mark.slow

BATCH, LATENTS, BETA = 64, 10, 4.0
ROUNDS, STEPS = 60, 1  # turns of each contender, and steps in a turn
CHANNELS_LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format


def job(store, *, precision="fp32"):
    """A run that does not end while it is timed, with the settings of ``minebench run``."""
    train = TrainConfig(steps=10**9, batch_size=BATCH, precision=precision)
    config = complete_config("beta_vae", {"latent_dim": LATENTS, "beta": BETA})
    spec = RunSpec(model="beta_vae", config=config, dataset="dsprites", seed=0, train=train, profile="bench")
    return harness.plan([spec], store, RunSettings())[0].job


def started(run):
    """A run that has done its first steps, which allocate."""
    for progress in run:
        if progress.step == 3:
            return run
    raise RuntimeError("the run ended before its third step")


class Loop:
    """Training as one writes it by hand."""

    def __init__(self, memory_format):
        self.encoder = conv_encoder(1, 2 * LATENTS).to(memory_format=memory_format)
        self.decoder = conv_decoder(1, LATENTS).to(memory_format=memory_format)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=1e-4, eps=1e-8, fused=True)
        self.memory_format = memory_format

    def images(self, dataset, index):
        pixels = torch.from_numpy(dataset.images(index))
        return pixels.to(torch.float32, memory_format=self.memory_format) / 255

    def loss(self, images, noise):
        mean, logvar = self.encoder(images).chunk(2, 1)
        logits = self.decoder(mean + torch.exp(0.5 * logvar) * noise)
        reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mean**2 - torch.exp(logvar))
        return (reconstruction + BETA * kl) / len(images)

    def update(self, images, noise):
        loss = self.loss(images, noise)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def steps(self, dataset, rows):
        """Steps on batches drawn as the trainer's are."""
        rng = np.random.default_rng(0)
        while True:
            index = rows[rng.integers(len(rows), size=BATCH)]
            yield self.update(self.images(dataset, index), torch.randn(BATCH, LATENTS))


class Times(NamedTuple):
    """Seconds of the turns of one contender."""

    cpu: np.ndarray
    clock: np.ndarray


def keep_freed_memory():
    """What ``starts`` tells glibc in the environment of a run's process; elsewhere there is nothing to tell."""
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_threshold = -1, -3
        libc.mallopt(mmap_threshold, 1 << 25)
        libc.mallopt(trim_threshold, (1 << 31) - 1)


def take_turns(contenders, *, plain):
    """Time steps of all contenders in turn, each round in another order; ``plain`` ones with torch as it comes."""
    cpu, clock, names = defaultdict(list), defaultdict(list), list(contenders)
    for round_ in range(ROUNDS + 1):
        for name in np.roll(names, round_):
            torch.use_deterministic_algorithms(name not in plain)
            before = time.process_time(), time.perf_counter()
            for _ in islice(contenders[name], STEPS):
                pass
            if round_:  # the first warms up
                cpu[name].append(time.process_time() - before[0])
                clock[name].append(time.perf_counter() - before[1])
    return {name: Times(np.array(cpu[name]), np.array(clock[name])) for name in names}


def speed(times, ours, other, least=None):
    """How many times as fast ``ours`` is as ``other``: the ratio of medians, printed with the quartiles over rounds."""
    ratio, clock = (float(np.median(b) / np.median(a)) for a, b in zip(times[ours], times[other], strict=True))
    low, high = np.quantile(times[other].cpu / times[ours].cpu, [0.25, 0.75])
    asked = f", at least {least} asked for" if least else ""
    print(f"{ours} against {other}: {ratio:.3f} ({low:.3f} to {high:.3f}; by the clock {clock:.3f}){asked}")
    return ratio


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The times of all contenders, and our runs."""
    store, deterministic = ResultStore(tmp_path_factory.mktemp("store")), torch.are_deterministic_algorithms_enabled()
    fill, threads = torch.utils.deterministic.fill_uninitialized_memory, torch.get_num_threads()
    keep_freed_memory()
    dataset = load_dataset("dsprites", None)
    rows = training_rows(dataset)
    ours = {name: started(run_cell(job(store, precision=name), store)) for name in ("fp32", "bf16")}
    contenders = {
        "ours": ours["fp32"],
        "ours bf16": ours["bf16"],
        "loop, channels last": Loop(CHANNELS_LAST).steps(dataset, rows),
        "loop": Loop(CONTIGUOUS).steps(dataset, rows),
    }
    load = os.getloadavg()[0]
    found = take_turns(contenders, plain=[name for name in contenders if not name.startswith("ours")])
    processor = devices.hardware("cpu")["processor"]
    print(f"\n{processor}, {devices.device_class('cpu', 1)}, torch {torch.__version__}, load {load:.1f} at the start")
    for name, (cpu, clock) in found.items():
        cpu_ms, clock_ms = 1e3 * np.median(cpu) / STEPS, 1e3 * np.median(clock) / STEPS
        print(f"{name}: {cpu_ms:.1f} ms a step, {clock_ms:.1f} by the clock")
    torch.use_deterministic_algorithms(True)  # as in a run; what else is timed of it is
    yield found, ours
    for run in ours.values():
        run.close()
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = fill
    torch.set_num_threads(threads)


def test_the_loops_compute_the_loss_of_the_model(tmp_path):
    """Else there is nothing to compare: at the same weights, images and noise both losses and gradients agree."""
    bench = for_job(job(ResultStore(tmp_path)))
    batches = Batches(bench.dataset, bench.split.train, seed=0, batch_size=BATCH, device=bench.device)
    batch, again = (batches.draw(0, Phase("vae"), 0) for _ in range(2))
    ours = bench.model.loss("vae", batch).total
    noise = again.noise.normal((BATCH, LATENTS))
    gradients = torch.autograd.grad(ours, list(bench.model.parameters()))
    for memory_format in (CHANNELS_LAST, CONTIGUOUS):
        loop = Loop(memory_format)
        loop.encoder.load_state_dict(bench.model.encoder.state_dict())
        loop.decoder.load_state_dict(bench.model.decoder.state_dict())
        loss = loop.loss(batch.images, noise)
        loss.backward()
        assert loss.item() == pytest.approx(ours.item(), rel=1e-5)
        theirs = [parameter.grad for network in (loop.encoder, loop.decoder) for parameter in network.parameters()]
        norms = [(a - b).norm() / a.norm() for a, b in zip(gradients, theirs, strict=True)]
        assert max(norms) < 1e-3


def check(benchmark, ratio, run):
    """Leave a ratio, and the time of steps, in the record of pytest-benchmark."""
    benchmark.extra_info["ratio"] = ratio
    benchmark.pedantic(next, args=(run,), rounds=5)


def test_as_fast_as_the_same_loop_by_hand(benchmark, session):
    """The hand-written loop has the trainer's memory layout: what is left is the trainer's own work."""
    times, runs = session
    ratio = speed(times, "ours", "loop, channels last", 0.97)
    check(benchmark, ratio, runs["fp32"])
    assert ratio >= 0.97


def test_faster_than_the_loop_as_written_first(benchmark, session):
    """The hand-written loop leaves tensors as torch makes them, channels first; ours lie channels last."""
    times, runs = session
    ratio = speed(times, "ours", "loop", 1.04)
    check(benchmark, ratio, runs["fp32"])
    assert ratio >= 1.04


def test_bf16_is_faster_still(benchmark, session):
    times, runs = session
    speed(times, "ours bf16", "ours")
    ratio = speed(times, "ours bf16", "loop", 1.5)
    check(benchmark, ratio, runs["bf16"])
    assert ratio >= 1.5


def test_the_host_has_little_to_do_beside_the_network(benchmark, session, monkeypatch):
    """What a step costs beside the loss, its gradient and Adam: a batch, norms, sums of the log, progress."""
    _, runs = session
    spent = []

    def timed(owner, name):
        function = getattr(owner, name)

        def call(*args, **kwargs):
            before = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent.append(time.process_time() - before)

        monkeypatch.setattr(owner, name, call)

    timed(BetaVAE, "loss"), timed(torch.autograd, "grad"), timed(torch.optim.Adam, "step")
    shares, own = [], []
    for _ in range(2 * ROUNDS):
        spent.clear()
        before = time.process_time()
        next(runs["fp32"])
        step = time.process_time() - before
        assert len(spent) == 3
        own.append(step - sum(spent))
        shares.append(own[-1] / step)
    low, overhead, high = np.quantile(shares, [0.25, 0.5, 0.75])
    milliseconds = 1e3 * float(np.median(own))
    print(
        f"the trainer's own part of a step: {overhead:.1%} ({low:.1%} to {high:.1%}), {milliseconds:.2f} ms; "
        "less than 3% asked for"
    )
    check(benchmark, overhead, runs["fp32"])
    assert overhead < 0.03
