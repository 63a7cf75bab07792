"""Runs that take turns in one process: each gives the bits that it gives alone, whatever becomes of the others."""

import threading
from collections import Counter

import pytest
import torch
from torch import nn

from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import batches, cell, devices, harness, process, registry
from minebench.benchmarks.backends.local import companies
from minebench.benchmarks.cell import LostDeviceError, run_cell
from minebench.benchmarks.exit_status import EXIT_BUSY, EXIT_DONE, EXIT_STOPPED
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.process import take_turns

SETTINGS = RunSettings(log_every=1, seeds_per_process=2)


class Dropping(VAE):
    """It draws from torch's global generator, which all runs of a process share."""

    def __init__(self, config, data):
        super().__init__(config, data)
        self.encoder.insert(8, nn.Dropout(0.5))


class Exploding(VAE):
    def loss(self, player, batch):
        terms, _, _ = self.elbo_terms(batch)
        terms["kl"] = terms["kl"] + torch.where(batch.step >= 1, torch.inf, 0.0)
        return type(super().loss(player, batch))(terms)


class Broken(VAE):
    def loss(self, player, batch):
        raise RuntimeError("this model is broken")


@pytest.fixture(autouse=True)
def _models(monkeypatch):
    """Models that behave differently in company, and no scoring: what is compared are weights and codes."""
    for model in (Dropping, Exploding, Broken):
        registry.register_model(model.__name__.lower(), model, VAEConfig)
    monkeypatch.setattr(cell, "score_run", lambda *_: ())


def bits(store, job):
    result = store.load(job.train_id)
    return result.weights_sha256, result.codes_sha256


def in_company(jobs, store, stop=None):
    return list(take_turns(jobs, store, stop or threading.Event()))


def test_runs_in_company_give_the_bits_that_they_give_alone_though_others_fail(job, store, tmp_path):
    jobs = [
        job("dropping", seed=0, settings=SETTINGS),
        job("exploding", seed=0, settings=SETTINGS),
        job("dropping", seed=1, steps=5, settings=SETTINGS),
        job("broken", settings=SETTINGS),
        job("factor_vae", seed=0, steps=2, settings=SETTINGS),
    ]
    turns = in_company(jobs, store)
    training = [turn.job.train_id for turn in turns if turn.progress and turn.progress.stage == "train"]
    assert training[:3] == [jobs[0].train_id, jobs[1].train_id, jobs[2].train_id]  # in turn, not one after the other
    assert {turn.status for turn in turns if turn.progress is None} == {EXIT_DONE}
    outcomes = [store.load(one.train_id) for one in jobs]
    assert [outcome.failure and outcome.failure.kind for outcome in outcomes] == [None, "diverged", None, "error", None]
    assert (outcomes[1].failure.step, outcomes[1].failure.term) == (1, "vae/kl")
    together = [bits(store, jobs[i]) for i in (0, 2, 4)]
    store.root = tmp_path / "alone"
    for i in (0, 2, 4):
        list(run_cell(jobs[i], store))
    assert together == [bits(store, jobs[i]) for i in (0, 2, 4)]
    assert len(set(together)) == 3


def test_random_numbers_that_ran_on_between_turns_would_be_seen(job, store, tmp_path, monkeypatch):
    """The wrong variant: torch's generator seeded once for the process instead of at every update."""
    monkeypatch.setattr(torch, "manual_seed", lambda *_: None)
    monkeypatch.setattr(batches, "seed_global", lambda *_: None)
    jobs = [job("dropping", seed=seed, settings=SETTINGS) for seed in (0, 1)]
    torch.default_generator.manual_seed(0)
    in_company(jobs, store)
    together = bits(store, jobs[0])
    store.root = tmp_path / "alone"
    torch.default_generator.manual_seed(0)
    list(run_cell(jobs[0], store))
    assert bits(store, jobs[0]) != together


def test_a_company_that_is_stopped_leaves_a_checkpoint_of_each_and_each_goes_on_alone(job, store, tmp_path):
    jobs = [job("beta_vae", seed=seed, steps=4, settings=SETTINGS) for seed in (0, 1)]
    stop, ended = threading.Event(), []
    for turn in take_turns(jobs, store, stop):
        if turn.progress is None:
            ended.append(turn.status)
        elif turn.progress.step == 1:
            stop.set()
    assert ended == [EXIT_STOPPED, EXIT_STOPPED]
    assert not any(store.exists(one.train_id) for one in jobs)
    for one in jobs:
        list(run_cell(one, store))
    resumed = [bits(store, one) for one in jobs]
    store.root = tmp_path / "straight"
    in_company(jobs, store)
    assert [bits(store, one) for one in jobs] == resumed


def test_a_run_that_is_held_elsewhere_or_cannot_be_saved_stops_no_other(job, store, monkeypatch):
    jobs = [job("beta_vae", seed=seed, steps=1, settings=SETTINGS) for seed in (0, 1, 2)]
    save = store.save

    def full_disk(result):
        if result.seed == 1:
            raise OSError(28, "No space left on device")
        save(result)

    monkeypatch.setattr(store, "save", full_disk)
    with store.lock(jobs[0].train_id):
        statuses = {turn.job.train_id: turn.status for turn in in_company(jobs, store) if turn.progress is None}
    assert list(statuses.values()) == [EXIT_BUSY, 1, EXIT_DONE]
    assert [store.exists(one.train_id) for one in jobs] == [False, False, True]


def test_a_lost_device_is_charged_to_nobody_in_company_and_to_the_run_alone(job, store, monkeypatch):
    monkeypatch.setattr(devices, "answers", lambda device: False)
    jobs = [job("beta_vae", settings=SETTINGS), job("broken", settings=SETTINGS)]
    with pytest.raises(LostDeviceError, match="cpu answers no more, first to broken/shapes_mini/0"):
        in_company(jobs, store)
    assert not any(store.exists(one.train_id) for one in jobs)
    list(run_cell(jobs[1], store))
    assert store.load(jobs[1].train_id).failure.message == "RuntimeError: this model is broken"


def test_runs_in_company_load_their_data_once(job, store, monkeypatch):
    loads = Counter()

    def load(name, root):
        loads[name] += 1
        return registry.dataset(name).load(root)

    monkeypatch.setattr(process, "load_dataset", load)
    in_company([job("beta_vae", seed=seed, steps=1, settings=SETTINGS) for seed in (0, 1)], store)
    assert loads == {"shapes_mini": 1}


def test_companies_are_seeds_of_one_model_as_even_as_they_can_be(job):
    def jobs(model, seeds, n):
        settings = RunSettings(seeds_per_process=n)
        return [job(model, seed=seed, settings=settings) for seed in seeds]

    def formed(given):
        return [[(one.spec.model, one.spec.seed) for one in company] for company in companies(given)]

    mixed = [one for pair in zip(jobs("vae", range(3), 8), jobs("beta_vae", range(3), 8), strict=True) for one in pair]
    assert formed(mixed) == [[("vae", seed) for seed in range(3)], [("beta_vae", seed) for seed in range(3)]]
    assert [len(company) for company in formed(jobs("vae", range(10), 8))] == [5, 5]
    assert [len(company) for company in formed(jobs("vae", range(7), 3))] == [2, 2, 3]
    assert formed(jobs("vae", range(2), None)) == [[("vae", 0)], [("vae", 1)]]  # the CPU's own choice
    assert formed([]) == []


def test_the_local_back_end_runs_a_company_in_one_process(forks, spec, store, tmp_path):
    specs = [spec("beta_vae", seed=seed, steps=3) for seed in (0, 1)]
    planned = harness.plan(specs, store, SETTINGS)
    kinds, pids = Counter(), set()
    for event in harness.run(planned, store, slots=1, server=forks):
        kinds[event.kind] += event.kind != "progress"
        pids |= {event.progress.pid} if event.progress else set()
    assert (kinds["started"], kinds["ended"], len(pids)) == (2, 2, 1)
    together = [bits(store, entry.job) for entry in planned]
    store.root = tmp_path / "alone"
    for entry in planned:
        list(run_cell(entry.job, store))
    assert [bits(store, entry.job) for entry in planned] == together


LOST = """\
from minebench import register_model
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import devices

class Losing(VAE):
    def loss(self, player, batch):
        raise RuntimeError("an assertion in a kernel")

devices.answers = lambda device: False
register_model("losing", Losing, VAEConfig)
"""


@pytest.mark.slow
def test_after_a_lost_device_each_run_is_tried_alone(spec, store, tmp_path, monkeypatch):
    plugin = tmp_path / "losing.py"
    plugin.write_text(LOST)
    monkeypatch.setattr(devices, "answers", devices.answers)  # restored afterwards
    registry.load_plugins((plugin,))
    settings = SETTINGS.model_copy(update={"plugins": (plugin,)})
    planned = harness.plan([spec("losing", seed=seed) for seed in (0, 1)], store, settings)
    kinds = Counter(event.kind for event in harness.run(planned, store, slots=2))
    assert (kinds["busy"], kinds["started"], kinds["ended"]) == (2, 4, 2)
    for entry in planned:
        assert store.load(entry.job.train_id).failure.message == "RuntimeError: an assertion in a kernel"
