"""One run from job to result, and what becomes of it when it is killed."""

import json
import os
import signal
import threading

import numpy as np
import pytest
import torch
from filelock import Timeout

from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import evaluation, registry
from minebench.benchmarks.cell import StoppedError, run_cell
from minebench.benchmarks.codes_file import load_codes
from minebench.benchmarks.exit_status import EXIT_BUSY, EXIT_DONE, EXIT_FAILED, EXIT_STOPPED
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.process import main
from minebench.benchmarks.rows import scored_rows
from minebench.benchmarks.scoring import expected_scores
from minebench.benchmarks.workbench import for_checkpoint
from minebench.datasets.shapes_mini import load_shapes_mini


def finish(job, store):
    list(run_cell(job, store))
    return store.load(job.train_id)


def log(job, store):
    lines = (store.folder(job.train_id) / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_leaves_a_complete_result_weights_and_codes(job, store):
    made = job("beta_vae")
    result = finish(made, store)
    assert (result.status, result.steps, result.n_codes, result.parameters) == ("done", 4, 10, 690_517)
    assert {score.score_id for score in result.scores} == expected_scores(made.train_id)
    assert [score.metric for score in result.scores] == ["z_diff", "z_min_var", "irs", "mig", "jemmig"]
    assert (result.source, result.profile, result.supervision) == ("procedural", "mini", "none")
    assert result.rows.n == len(load_shapes_mini()) // 10
    assert result.peak_memory_bytes > 50e6
    assert result.train_seconds > 0
    assert sorted(path.name for path in store.folder(made.train_id).iterdir()) == [
        "codes.npz", "job.json", "log.jsonl", "model.safetensors", "result.json", "run.lock",
    ]  # fmt: skip
    start, *readings = log(made, store)
    how = {"pixels": "host memory", "execution": "eager: a CPU has no graphs"}
    assert start == {"event": "start", "step": 0} | how
    assert [line["step"] for line in readings] == [2, 4]


def test_codes_are_the_posterior_means_of_the_scored_rows_with_their_factors(job, store):
    made = job("beta_vae")
    finish(made, store)
    folder = store.folder(made.train_id)
    stored, bench = load_codes(folder / "codes.npz"), for_checkpoint(folder)
    dataset = load_shapes_mini()
    rows = scored_rows(dataset)
    with torch.no_grad():
        mean = bench.model.encode(torch.from_numpy(dataset.images(rows) / np.float32(255))).mean.numpy()
    np.testing.assert_allclose(stored.codes, mean, atol=1e-6)
    np.testing.assert_array_equal(stored.factors, dataset.factors(rows))
    assert stored.blocks is None


def test_the_untrained_row_is_the_model_as_initialised(job, store):
    untrained, trained = job("untrained"), job("vae", steps=2)
    result = finish(untrained, store)
    assert (result.steps, result.trained, result.train_seconds) == (0, False, 0.0)
    assert not (store.folder(untrained.train_id) / "log.jsonl").exists()
    assert finish(trained, store).weights_sha256 != result.weights_sha256


def test_measures_are_means_over_all_rows_not_over_the_first_batch(job, store):
    """Public mistake 9: an evaluation that returns inside its loop reports its first batch as the test loss."""
    made = job("beta_vae")
    finish(made, store)
    bench = for_checkpoint(store.folder(made.train_id))
    rows = scored_rows(bench.dataset)
    whole = evaluation.evaluate(bench.model, bench.dataset, rows, seed=0, device=bench.device, batch_size=100)
    with torch.no_grad():
        images = torch.from_numpy(bench.dataset.images(rows) / np.float32(255))
        kl = bench.model.encode(images).kl()
    assert whole.kl == pytest.approx(kl.double().mean().item(), rel=1e-6)
    assert kl[:100].double().mean().item() != pytest.approx(whole.kl, rel=1e-6)
    assert len(whole.representation.codes) == len(rows)


def test_active_codes_are_those_whose_mean_varies(job, store):
    """Burda et al. 2016: Var over images of the posterior mean above 0.01."""

    class ThreeActive(VAE):
        def encode(self, images):
            posterior = super().encode(images)
            pixels = images.flatten(1).std(1, keepdim=True) * 100
            return posterior._replace(mean=torch.cat([pixels, -pixels, pixels, posterior.mean[:, 3:] * 0], 1))

    registry.register_model("three_active", ThreeActive, VAEConfig)
    assert finish(job("three_active", steps=1), store).active_codes == 3


def test_same_seed_same_bits_and_another_seed_others(job, store, tmp_path):
    one, two = finish(job("factor_vae", steps=2), store), None
    store.root = tmp_path / "elsewhere"
    two = finish(job("factor_vae", steps=2), store)
    assert one.weights_sha256 == two.weights_sha256
    assert one.codes_sha256 == two.codes_sha256
    assert [score.value for score in one.scores] == [score.value for score in two.scores]
    assert finish(job("factor_vae", seed=1, steps=2), store).weights_sha256 != one.weights_sha256


class Exploding(VAE):
    """Its KL is infinite from step 2 on."""

    def loss(self, player, batch):
        terms, _, _ = self.elbo_terms(batch)
        terms["kl"] = terms["kl"] + torch.where(batch.step >= 2, torch.inf, 0.0)
        return type(super().loss(player, batch))(terms)


class Broken(VAE):
    def loss(self, player, batch):
        raise RuntimeError("this model is broken")


def test_a_run_that_diverges_is_recorded_with_step_and_term(job, store):
    registry.register_model("exploding", Exploding, VAEConfig)
    result = finish(job("exploding", settings=RunSettings(log_every=100, checkpoint_seconds=0.0)), store)
    assert (result.status, result.failure.kind) == ("failed", "diverged")
    assert (result.failure.step, result.failure.term) == (2, "vae/kl")
    assert result.scores == ()


def test_an_error_is_recorded_with_its_traceback(job, store):
    registry.register_model("broken", Broken, VAEConfig)
    failure = finish(job("broken"), store).failure
    assert (failure.kind, failure.message) == ("error", "RuntimeError: this model is broken")
    assert "in loss" in failure.traceback


def test_a_run_whose_code_changed_after_it_was_planned_is_refused(job, store):
    made = job("beta_vae")
    stale = made.model_copy(update={"identity": made.identity | {"source of minebench.benchmarks.trainer": "old"}})
    failure = finish(stale, store).failure
    assert failure.message.startswith(
        "UsageError: changed since the run was planned: source of minebench.benchmarks.trainer;"
    )


def test_a_run_that_is_asked_to_stop_leaves_a_checkpoint_and_goes_on_to_the_same_bits(job, store, tmp_path):
    made, stop = job("beta_vae", steps=6), threading.Event()

    def stop_after_three():
        for progress in run_cell(made, store, stop):
            if progress.step == 3:
                stop.set()

    with pytest.raises(StoppedError, match="stopped at step 4"):
        stop_after_three()
    assert not store.exists(made.train_id)
    resumed = finish(made, store)
    assert {"event": "resume", "step": 4} in log(made, store)
    store.root = tmp_path / "straight"
    assert finish(made, store).weights_sha256 == resumed.weights_sha256


def test_two_processes_never_make_one_run(job, store, start):
    made = job("beta_vae")
    with store.lock(made.train_id), pytest.raises(Timeout):
        list(run_cell(made, store))
    with store.lock(made.train_id):
        assert start(made) == EXIT_BUSY
    first = finish(made, store)
    assert list(run_cell(made, store)) == []  # it is there already
    assert store.load(made.train_id).provenance == first.provenance


def test_a_failure_that_another_harness_recorded_is_not_repeated_and_a_retry_sets_it_aside(job, store):
    registry.register_model("broken", Broken, VAEConfig)
    made = job("broken")
    first = finish(made, store)
    assert list(run_cell(made, store)) == []  # planned before the other one failed
    retry = made.model_copy(update={"replaces": first.provenance.finished})
    progress = run_cell(retry, store)
    next(progress)  # a retry has begun: the old record counts no longer, whatever happens to it now
    assert not store.exists(made.train_id)
    assert (store.folder(made.train_id) / "replaced-1.json").is_file()
    list(progress)
    assert store.load(made.train_id).status == "failed"


def test_a_damaged_checkpoint_is_told_and_the_run_starts_anew(job, store, tmp_path):
    made, stop = job("beta_vae", steps=3), threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        list(run_cell(made, store, stop))
    [state] = (store.folder(made.train_id) / "checkpoints").glob("*.pt")
    state.write_bytes(state.read_bytes()[:100])
    result = finish(made, store)
    assert "damaged checkpoint" in {line.get("event") for line in log(made, store)}
    store.root = tmp_path / "straight"
    assert finish(made, store).weights_sha256 == result.weights_sha256


class Dropping(VAE):
    """It draws from torch's global generator."""

    def __init__(self, config, data):
        super().__init__(config, data)
        self.encoder.insert(8, torch.nn.Dropout(0.5))


def test_a_model_that_draws_from_the_global_generator_is_reproducible_too(job, store, tmp_path):
    registry.register_model("dropping", Dropping, VAEConfig)
    made, stop = job("dropping", steps=4), threading.Event()
    torch.manual_seed(1)
    straight = finish(made, store).weights_sha256
    store.root = tmp_path / "resumed"
    torch.manual_seed(2)

    def stop_after_one():
        for progress in run_cell(made, store, stop):
            if progress.step == 1:
                stop.set()

    with pytest.raises(StoppedError):
        stop_after_one()
    assert finish(made, store).weights_sha256 == straight


KILLER = """\
import os, signal
from minebench.benchmarks import batches, checkpoint

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

save, draw, write_weights, saves = checkpoint.save, batches.Batches.draw, checkpoint.write_weights, []

def save_then_die(folder, state, header):
    saves.append(save(folder, state, header))
    if len(saves) == 2:
        die()

def draw_or_die(self, step, phase, repeat):
    return die() if step == 3 else draw(self, step, phase, repeat)

def write_or_die(path, model, header):
    return die() if header.step == 3 else write_weights(path, model, header)

"""
KILLS = {
    "between steps": "batches.Batches.draw = draw_or_die",
    "between the two files": "checkpoint.write_weights = write_or_die",
    "after the second checkpoint": "checkpoint.save = save_then_die",
}


@pytest.fixture
def start(forks, store):
    def start(job):
        """The run in a process of its own; returns its exit status."""
        folder = store.folder(job.train_id)
        job.write(folder)
        (folder / "stderr.log").touch()
        return forks.start([folder], folder / "stderr.log").wait(timeout=120)

    return start


@pytest.mark.parametrize("how", KILLS)
def test_a_killed_run_goes_on_and_ends_in_the_same_bits(how, job, store, start, tmp_path):
    killer = tmp_path / "killer.py"  # a plug-in: it is executed in the run's process before the run begins
    killer.write_text(KILLER + KILLS[how])
    model = "factor_vae" if how == "between the two files" else "beta_vae"  # two optimisers, and one
    made = job(model, steps=5, settings=RunSettings(log_every=1, checkpoint_seconds=0.0))
    settings = made.settings.model_copy(update={"plugins": (killer,)})
    assert start(made.model_copy(update={"settings": settings})) == -signal.SIGKILL
    assert not store.exists(made.train_id)
    if how == "between steps":
        assert start(made) == EXIT_DONE
    resumed = finish(made, store)
    [resume] = [line for line in log(made, store) if line.get("event") == "resume"]
    assert resume["step"] == {"between steps": 3, "between the two files": 2, "after the second checkpoint": 2}[how]
    store.root = tmp_path / "straight"
    straight = finish(made, store)
    assert resumed.weights_sha256 == straight.weights_sha256
    assert [score.value for score in resumed.scores] == [score.value for score in straight.scores]


def test_exit_status_tells_how_a_run_ended(job, store):
    registry.register_model("broken", Broken, VAEConfig)
    broken, made = job("broken"), job("beta_vae", steps=500)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        broken.write(store.folder(broken.train_id))
        assert main([store.folder(broken.train_id)], os.getppid()) == EXIT_FAILED
        made.write(store.folder(made.train_id))
        assert main([store.folder(made.train_id)], parent=0) == EXIT_STOPPED  # its parent died before it could look
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
