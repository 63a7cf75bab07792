"""What only a GPU can show: real graphs, streams and copies. ``tox -e gpu``; everything else is tested on the CPU."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from minebench.baselines.contract import DataSpec, Phase, Terms
from minebench.baselines.factor_vae import FactorVAE, FactorVAEConfig
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import cell, devices, harness, registry
from minebench.benchmarks.batches import Batches, to_images
from minebench.benchmarks.build import build
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.checkpoint import weights_sha256
from minebench.benchmarks.graphs import GraphSteps
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.process import take_turns
from minebench.benchmarks.profile import complete_config
from minebench.benchmarks.residency import ResidentBits, ResidentBytes, Sent
from minebench.benchmarks.spec import RunSpec, TrainConfig
from minebench.benchmarks.trainer import TrainerState, eager_step, train
from minebench.datasets.shapes_mini import load_shapes_mini

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]
SETTINGS = RunSettings(device="cuda", seeds_per_process=8)


@pytest.fixture(autouse=True)
def _configured():
    devices.configure("cuda", threads=1)


@pytest.fixture(scope="module")
def dataset():
    return load_shapes_mini()


@pytest.fixture
def planned(store, monkeypatch):
    """Jobs of whole runs on the GPU; without scores, which are the CPU's."""
    monkeypatch.setattr(cell, "score_run", lambda *_: ())

    def make(model, seeds, steps, precision="fp32", settings=SETTINGS):
        train_config = TrainConfig(steps=steps, batch_size=64, precision=precision)
        specs = [
            RunSpec(
                model=model,
                config=complete_config(model, {}),
                dataset="shapes_mini",
                seed=seed,
                train=train_config,
                profile="gpu",
            )
            for seed in seeds
        ]
        return [entry.job for entry in harness.plan(specs, store, settings)]

    return make


def finish(jobs, store):
    for _ in take_turns(jobs, store, threading.Event()):
        pass
    results = [store.load(job.train_id) for job in jobs]
    assert all(result.status == "done" for result in results), [result.failure for result in results]
    return [result.weights_sha256 for result in results]


def made(dataset, model_class, config, pixels=None):
    device = torch.device("cuda", 0)
    data = DataSpec(dataset.image_shape, len(dataset), dataset.factor_sizes)
    model = build(model_class, config, data, seed=0, device=device)
    batches = Batches(
        dataset, np.arange(len(dataset)), seed=0, batch_size=64, device=device, use=model.data_use(), pixels=pixels
    )
    return TrainerState(model), batches


def trained(dataset, model_class, config, *, graph, steps=50, precision="fp32", pixels=None):
    """State, last means and news after some steps on a stream of their own."""

    def work():
        state, batches = made(dataset, model_class, config, pixels)
        graphs = GraphSteps(state, batches, precision) if graph else None
        settings = TrainConfig(steps=steps, batch_size=64, precision=precision)
        for means in train(state, batches, settings, log_every=steps, advance=graphs.advance if graphs else None):
            yield state, means, graphs.news if graphs else []

    *_, last = devices.on_own_stream(work(), "cuda")
    return last


@pytest.mark.parametrize(("model_class", "config"), [(VAE, VAEConfig()), (FactorVAE, FactorVAEConfig())])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_graph_trains_as_single_launches_do(model_class, config, precision, dataset):
    """Kernels may be others; 50 steps of Adam at 1e-4 keep rounding errors small."""
    eager, means, _ = trained(dataset, model_class, config, graph=False, precision=precision)
    graphed, graphed_means, news = trained(dataset, model_class, config, graph=True, precision=precision)
    assert [line["event"] for line in news] == ["graph"]
    loose = 1e-3 if precision == "fp32" else 2e-2
    for name, value in means.items():
        assert graphed_means[name] == pytest.approx(value, rel=loose, abs=loose), name
    for one, other in zip(eager.module.parameters(), graphed.module.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0.05, atol=1e-3)


class Recording(VAE):
    """It adds up what it is given, so that graph and single launches can be compared in every bit."""

    def __init__(self, config, data):
        super().__init__(config, data)
        self.register_buffer("noise", torch.zeros(3, 7))
        self.register_buffer("pixels", torch.zeros(data.image_shape))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def phases(self, step):
        return (Phase("vae", repeats=2),) if step % 4 else (Phase("vae", second_batch=True),)

    def loss(self, player, batch):
        self.noise.add_(batch.noise.normal((3, 7))).add_(batch.noise.uniform((3, 7)))
        self.pixels.add_(batch.images[0])
        if batch.second_images is not None:
            self.pixels.add_(batch.second_images[5])
        self.steps.add_(batch.step)
        return super().loss(player, batch)


def test_a_graph_is_given_the_same_images_noise_and_step_numbers(dataset):
    eager, _, _ = trained(dataset, Recording, VAEConfig(), graph=False, steps=13)
    graphed, _, news = trained(dataset, Recording, VAEConfig(), graph=True, steps=13)
    assert [line["event"] for line in news] == ["graph", "graph"]
    for name in ("noise", "pixels", "steps"):
        assert torch.equal(getattr(eager.model, name), getattr(graphed.model, name)), name


def test_pixels_are_the_same_wherever_they_lie(dataset):
    device, rows = torch.device("cuda", 0), np.array([0, 4607, 5, 5, 1234])
    expected = to_images(dataset.images(rows), device)
    for pixels in (ResidentBits(dataset.pixels, device), ResidentBytes(dataset, device), Sent(dataset)):
        staged = torch.from_numpy(pixels.stage(rows)).to(device)
        assert torch.equal(pixels.images(staged), expected)
    hashes = {
        weights_sha256(trained(dataset, VAE, VAEConfig(), graph=True, steps=20, pixels=pixels)[0].model)
        for pixels in (None, ResidentBits(dataset.pixels, device))
    }
    assert len(hashes) == 1


def test_single_launches_wait_for_nothing_either(dataset):
    state, batches = made(dataset, FactorVAE, FactorVAEConfig())
    eager_step(state, batches, "fp32")
    with devices.waiting_forbidden(batches.device):
        for _ in range(3):
            eager_step(state, batches, "fp32")


class Waiting(VAE):
    def loss(self, player, batch):
        terms, _, _ = self.elbo_terms(batch)
        return Terms(terms, {"kl": min(terms["kl"].item(), 1.0)})


class Dropping(VAE):
    def __init__(self, config, data):
        super().__init__(config, data)
        self.encoder.insert(8, nn.Dropout(0.5))


@pytest.mark.parametrize(("model_class", "why"), [(Waiting, "synchroniz"), (Dropping, "torch's own generator")])
def test_what_cannot_be_captured_is_said_and_gives_the_bits_of_single_launches(model_class, why, dataset):
    eager, _, _ = trained(dataset, model_class, VAEConfig(), graph=False, steps=5)
    graphed, _, news = trained(dataset, model_class, VAEConfig(), graph=True, steps=5)
    assert news[0]["event"] == "eager"
    assert why in news[0]["why"]
    assert weights_sha256(eager.model) == weights_sha256(graphed.model)


@pytest.mark.parametrize(("model", "precision"), [("beta_vae", "fp32"), ("factor_vae", "fp32"), ("beta_vae", "bf16")])
def test_a_seed_gives_the_same_bits_alone_and_in_company_after_a_thousand_steps(
    model, precision, planned, store, tmp_path
):
    jobs = planned(model, range(4), 1000, precision)
    together = finish(jobs, store)
    assert len(set(together)) == 4
    store.root = tmp_path / "alone"
    assert finish(jobs[2:3], store) == together[2:3]
    store.root = tmp_path / "again"
    assert finish(jobs, store) == together


def test_a_run_that_goes_on_in_graph_mode_ends_in_the_same_bits(planned, store, tmp_path):
    [job] = planned("factor_vae", [0], 300)
    stop = threading.Event()
    for turn in take_turns([job], store, stop):
        if turn.progress is not None and turn.progress.step == 120:
            stop.set()
    assert not store.exists(job.train_id)
    resumed = finish([job], store)
    store.root = tmp_path / "straight"
    assert finish([job], store) == resumed


def test_one_that_diverges_or_fails_stops_no_other(planned, store, tmp_path):
    class Exploding(VAE):
        def loss(self, player, batch):
            terms, _, _ = self.elbo_terms(batch)
            return Terms(terms | {"kl": terms["kl"] + torch.where(batch.step >= 70, torch.inf, 0.0)})

    registry.register_model("exploding", Exploding, VAEConfig)
    jobs = [*planned("exploding", [0], 200), *planned("beta_vae", [0, 1], 200)]
    for _ in take_turns(jobs, store, threading.Event()):
        pass
    exploded, *others = (store.load(job.train_id) for job in jobs)
    assert (exploded.failure.kind, exploded.failure.step, exploded.failure.term) == ("diverged", 70, "vae/kl")
    store.root = tmp_path / "alone"
    assert finish(jobs[1:], store) == [result.weights_sha256 for result in others]


def test_the_way_of_carrying_out_steps_is_part_of_the_identity(planned):
    [graph] = planned("beta_vae", [0], 10)
    [eager] = planned("beta_vae", [0], 10, settings=SETTINGS.model_copy(update={"execution": "eager"}))
    assert graph.identity["device"].endswith(", graph")
    assert eager.identity["device"].endswith(", eager")


def test_eight_seeds_of_factor_vae_fit_into_four_gigabytes(planned, store):
    """A model has 5.7 million parameters, with moments and gradients 91 MB; activations of a batch are tens of MB."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    finish(planned("factor_vae", range(8), 60), store)
    peak = torch.cuda.max_memory_reserved()
    print(f"\n8 seeds of factor_vae: {peak / 1e9:.2f} GB reserved at most")
    assert peak < 4e9


def test_a_run_leaves_its_stream_and_its_way_in_its_log(planned, store):
    [job] = planned("beta_vae", [0], 60)
    before = torch.cuda.current_stream()
    list(run_cell(job, store))
    assert torch.cuda.current_stream() == before
    log = (store.folder(job.train_id) / "log.jsonl").read_text()
    assert "as bits" in log
    assert '"event": "graph"' in log
