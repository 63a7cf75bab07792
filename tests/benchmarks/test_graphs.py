"""Steps in memory that stays: they give the bits of the eager step, and preparing a graph leaves no trace.

A real graph needs a GPU (``test_gpu.py``). Here a replay is the captured function run once more without seeding torch's
own generators, which is all that a graph can do, too.
"""

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from minebench.baselines.contract import DataSpec, Phase, Player
from minebench.baselines.factor_vae import FactorVAE, FactorVAEConfig
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import graphs, registry
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.build import build
from minebench.benchmarks.checkpoint import weights_sha256
from minebench.benchmarks.graphs import GraphSteps, undone
from minebench.benchmarks.residency import ResidentBits
from minebench.benchmarks.spec import TrainConfig
from minebench.benchmarks.trainer import TrainerState, eager_step, train
from minebench.datasets.shapes_mini import load_shapes_mini

CPU = torch.device("cpu")
TRAINED = [name for name, entry in registry.MODELS.items() if entry.trained]


@pytest.fixture(scope="module")
def dataset():
    return load_shapes_mini()


def made(dataset, model_class=VAE, config=None, pixels=None):
    data = DataSpec(dataset.image_shape, len(dataset), dataset.factor_sizes)
    model = build(model_class, config or VAEConfig(), data, seed=0, device=CPU)
    batches = Batches(
        dataset, np.arange(len(dataset)), seed=0, batch_size=4, device=CPU, use=model.data_use(), pixels=pixels
    )
    return TrainerState(model), batches


def unseeded(step):
    return partial(step.run, seeded=False)


def advanced(parts, steps, capture=None):
    """The state, and what it logged, after steps carried out eagerly or, with ``capture``, by graphs."""
    state, batches = parts
    steps_by_graphs = capture and GraphSteps(state, batches, "fp32", capture)
    advance = steps_by_graphs and steps_by_graphs.advance
    logs = list(train(state, batches, TrainConfig(steps=steps), log_every=2, advance=advance))
    return state, logs, steps_by_graphs


def assert_same(one, other):
    assert weights_sha256(one[0].model) == weights_sha256(other[0].model)
    assert one[1] == other[1]


@pytest.mark.parametrize("name", TRAINED)
def test_every_model_gives_the_bits_of_the_eager_step(name, dataset):
    entry = registry.model(name)
    config = entry.config_class()()
    eager = advanced(made(dataset, entry.model_class(), config), 3)
    pixels = ResidentBits(dataset.pixels, CPU)
    graphed = advanced(made(dataset, entry.model_class(), config, pixels), 3, unseeded)
    assert [line["event"] for line in graphed[2].news] == ["graph"]
    assert_same(eager, graphed)


class Changing(VAE):
    """Its phases change on the way, it has two players, repeats, and a schedule."""

    def players(self):
        return (
            Player("vae", tuple(self.encoder.parameters()), 1e-3),
            Player("decoder", tuple(self.decoder.parameters()), 1e-3),
        )

    def phases(self, step):
        first = Phase("vae", repeats=2)
        return (first,) if step % 3 == 0 else (first, Phase("decoder"), Phase("vae"))

    def loss(self, player, batch):
        terms, _, _ = self.elbo_terms(batch)
        return type(super().loss(player, batch))(terms, {"kl": torch.clamp(batch.step / 4, max=1.0)})


def test_each_tuple_of_phases_is_captured_once_when_it_is_first_met(dataset):
    captured = []

    def capture(step):
        captured.append(step)
        return unseeded(step)

    eager, graphed = advanced(made(dataset, Changing), 5), advanced(made(dataset, Changing), 5, capture)
    assert_same(eager, graphed)
    assert [line["phases"] for line in graphed[2].news] == ["vae", "vae, decoder, vae"]
    assert [len(step.generators) for step in captured] == [2, 4]


def test_a_step_whose_number_or_batch_stood_still_would_be_seen(dataset):
    """The wrong variants: a host that fills nothing in, or forgets the step's number."""
    eager = advanced(made(dataset, Changing), 5)

    def stuck(step, forgotten):
        setattr(step, forgotten, lambda *_: None)
        return unseeded(step)

    still = advanced(made(dataset, Changing), 5, lambda step: stuck(step, "fill"))
    assert weights_sha256(still[0].model) != weights_sha256(eager[0].model)

    def numberless(step):
        step._step = torch.zeros_like(step._step)
        run = unseeded(step)
        return lambda: (step._step.zero_(), run())

    assert weights_sha256(advanced(made(dataset, Changing), 5, numberless)[0].model) != weights_sha256(eager[0].model)


def test_what_is_undone_leaves_no_trace_at_the_start_and_on_the_way(dataset):
    config = FactorVAEConfig()
    state, batches = made(dataset, FactorVAE, config)
    for step in (0, 1):
        state.step = step
        with undone(state):
            eager_step(state, batches, "fp32")
            eager_step(state, batches, "fp32")
        eager_step(state, batches, "fp32")
    straight, _, _ = advanced(made(dataset, FactorVAE, config), 2)
    assert weights_sha256(state.model) == weights_sha256(straight.model)
    assert state.log.read()["vae/kl"] > 0
    for name, player in state.players.items():
        moments = player.optimizer.state_dict()["state"], straight.players[name].optimizer.state_dict()["state"]
        for one, other in zip(*(list(entries.values()) for entries in moments), strict=True):
            assert all(torch.equal(one[key], other[key]) for key in ("step", "exp_avg", "exp_avg_sq"))


class Dropping(VAE):
    def __init__(self, config, data):
        super().__init__(config, data)
        self.encoder.insert(8, nn.Dropout(0.5))


class Remembering(VAE):
    """It keeps a running mean of its KL, which it replaces or changes in place."""

    in_place = False

    def __init__(self, config, data):
        super().__init__(config, data)
        self.register_buffer("running", torch.ones(()))

    def loss(self, player, batch):
        terms, _, _ = self.elbo_terms(batch)
        new = 0.9 * self.running + 0.1 * terms["kl"].detach()
        if self.in_place:
            self.running.copy_(new)
        else:
            self.running = new
        terms["pull"] = terms["kl"] * self.running.clone()
        return type(super().loss(player, batch))(terms)


class RememberingInPlace(Remembering):
    in_place = True


@pytest.mark.parametrize(
    ("model_class", "why"),
    [
        (Dropping, "the model draws from torch's own generator (dropout does)"),
        (Remembering, "the model replaces running in a step; change buffers in place, with copy_"),
    ],
)
def test_what_a_graph_cannot_do_is_said_and_done_eagerly(model_class, why, dataset):
    def never(step):
        raise AssertionError("must not be captured")

    eager, graphed = advanced(made(dataset, model_class), 3), advanced(made(dataset, model_class), 3, never)
    [note] = graphed[2].news
    assert (note["event"], note["phases"]) == ("eager", "vae")
    assert note["why"].startswith(why)
    assert_same(eager, graphed)


def test_buffers_that_are_changed_in_place_are_captured(dataset):
    eager = advanced(made(dataset, RememberingInPlace), 3)
    graphed = advanced(made(dataset, RememberingInPlace), 3, unseeded)
    assert [line["event"] for line in graphed[2].news] == ["graph"]
    assert_same(eager, graphed)
    assert torch.equal(eager[0].model.running, graphed[0].model.running)


def test_a_capture_that_fails_is_said_and_the_run_goes_on_eagerly(dataset):
    def fail(step):
        try:
            raise RuntimeError("operation not permitted when stream is capturing\nmore words")
        finally:
            raise RuntimeError("invalid capture")  # as the end of torch's capture does

    eager, graphed = advanced(made(dataset), 3), advanced(made(dataset), 3, fail)
    assert graphed[2].news[0]["why"] == "operation not permitted when stream is capturing"
    assert_same(eager, graphed)


class FakeCuda:
    """What ``CudaGraphs`` asks of torch.cuda, in order; a failed capture leaves its stream current, as in torch."""

    def __init__(self, fails=False):
        self.calls, self.current, self.fails = [], "own", fails
        self.CUDAGraph = lambda: self
        self.replay = lambda: self.calls.append("replay")

    def register_generator_state(self, generator):
        self.calls.append(generator)

    def current_stream(self):
        return self.current

    @contextmanager
    def stream(self, chosen):
        before = self.current
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph, stream):
        self.calls.append(("capture", stream))
        self.current = "capturing"
        yield
        if self.fails:
            raise RuntimeError("capture invalidated")
        self.current = stream


class FakeStep:
    generators = ("one", "two")

    def __init__(self, calls):
        self.run = lambda seeded: calls.append(("run", seeded))


def test_a_capture_registers_all_generators_first_and_happens_on_the_runs_own_stream(monkeypatch):
    cuda = FakeCuda()
    monkeypatch.setattr(graphs.torch, "cuda", cuda)
    replay = graphs.CudaGraphs()(FakeStep(cuda.calls))
    assert cuda.calls == ["one", "two", ("capture", "own"), ("run", False)]
    replay()
    assert cuda.calls[-1] == "replay"


def test_after_a_failed_capture_the_stream_is_the_runs_own_again_and_the_graph_is_kept(monkeypatch):
    cuda = FakeCuda(fails=True)
    monkeypatch.setattr(graphs.torch, "cuda", cuda)
    captures = graphs.CudaGraphs()
    with pytest.raises(RuntimeError, match="capture invalidated"):
        captures(FakeStep(cuda.calls))
    assert cuda.current == "own"
    assert captures._graphs == [cuda]


def test_want_of_memory_and_errors_of_the_model_are_not_hidden(dataset):
    class Broken(VAE):
        def loss(self, player, batch):
            raise RuntimeError("this model is broken")

    def full(step):
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        advanced(made(dataset), 1, full)
    with pytest.raises(RuntimeError, match="this model is broken"):
        advanced(made(dataset, Broken), 1, unseeded)


def test_graphs_go_on_from_where_a_state_stands(dataset):
    """As after a checkpoint: moments and weights are there before the first capture."""
    straight, _, _ = advanced(made(dataset, Changing), 5)
    half, batches = made(dataset, Changing)
    advanced((half, batches), 2, unseeded)
    resumed = advanced((half, batches), 5, unseeded)
    assert weights_sha256(resumed[0].model) == weights_sha256(straight.model)
