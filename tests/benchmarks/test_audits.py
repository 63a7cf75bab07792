"""Audits in runs: what they show a model, what they log, and that they leave no trace in its numbers."""

import json

import numpy as np
import pytest
import torch

from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import audits, cell, cli, registry, workbench
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.pools import draw_pools
from minebench.benchmarks.training import LOG_FILE

SMALL = {"latent_dim": 8, "num_factors": None, "factor_dim": 4, "attention_dim": 8, "mine_hidden_dim": 8}


class Watched(VAE):
    """Says what it was shown, and misbehaves: draws from torch's own generator, and asks for its mode."""

    def audit(self, view):
        torch.rand(3)
        self.view = view
        drawn = view.noise.uniform((1,))[0].item()
        return {"images": len(view.population.factors), "training": float(self.training), "noise": drawn}


@pytest.fixture(autouse=True)
def _watched(monkeypatch):
    monkeypatch.setattr(cell, "score_run", lambda *_: ())
    registry.register_model("watched", Watched, VAEConfig, title="Watched", paper="none")


def settings(**more):
    return RunSettings(log_every=2, **more)


def audit_lines(folder):
    lines = [json.loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]
    return [line for line in lines if any(key.startswith("audit/") for key in line)]


def trained(job, store, folder, name, **more):
    """The hash of the weights, and the log's lines of audits."""
    config = more.pop("config", {})
    store.root = folder
    made = job(name, settings=settings(**more), **config)
    list(run_cell(made, store))
    return store.load(made.train_id).weights_sha256, audit_lines(store.folder(made.train_id)), made.train_id


@pytest.mark.parametrize(("name", "config"), [("mine_vae", SMALL), ("watched", {})])
def test_audits_change_no_bit_of_the_training_and_no_identity(name, config, job, store, tmp_path):
    plain, nothing, plain_id = trained(job, store, tmp_path / "a", name, config=config)
    audited, lines, audited_id = trained(
        job, store, tmp_path / "b", name, config=config, audit_every=1, audit_images=40
    )
    assert (audited, audited_id) == (plain, plain_id)
    assert nothing == []
    assert [line["step"] for line in lines] == [1, 2, 3, 4]


def test_a_model_without_an_audit_is_trained_as_ever(job, store, tmp_path):
    assert trained(job, store, tmp_path / "a", "beta_vae", audit_every=1)[1] == []


def test_the_model_is_shown_training_images_and_images_that_nothing_is_trained_on(job):
    made = job("mine_vae", settings=settings(audit_every=2, audit_images=50), **SMALL)
    bench = workbench.for_job(made)
    shown = []
    bench.model.audit = lambda view: shown.append(view) or {}
    audit = audits.auditor(made, bench)
    assert audit(1) is None
    assert audit(2) == {}
    [view] = shown
    assert (len(view.population.factors), view.batch_size) == (50, 4)
    assert len(view.train.factors) == len(view.held_out.factors) == 16
    factors = bench.dataset.factors(np.arange(len(bench.dataset)))
    rows = [int(np.flatnonzero((factors == row).all(1))[0]) for row in view.population.factors.numpy()]
    assert set(rows) <= set(draw_pools(bench.split.train, bench.model.data_use(), seed=0).train.rows.tolist())
    torch.testing.assert_close(view.held_out.factors, torch.from_numpy(factors[bench.split.held_out[:16]]))
    among = (view.train.posterior.mean[:, None] == view.population.posterior.mean).all(2).any(1)
    assert among.all()
    assert not torch.equal(view.train.posterior.mean, view.held_out.posterior.mean)


def test_the_model_stands_still_and_torchs_generators_go_on_as_they_would(job):
    made = job("watched", settings=settings(audit_every=1, audit_images=20))
    bench = workbench.for_job(made)
    audit = audits.auditor(made, bench)
    before = torch.get_rng_state()
    first, again, later = audit(1), audit(1), audit(2)
    assert torch.equal(torch.get_rng_state(), before)
    assert first == again  # a function of seed and step
    assert later["audit/noise"] != first["audit/noise"]
    assert first["audit/training"] == 0.0
    assert bench.model.training
    assert not bench.model.view.population.posterior.mean.requires_grad
    assert first["audit/images"] == 20


def test_the_command_line_asks_for_audits():
    assert cli._settings(None, None, "cpu", audit_every=7).audit_every == 7
    assert cli._settings(None, None, "cpu").audit_every == 0
