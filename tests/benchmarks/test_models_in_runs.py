"""Every model's training file makes a run, and what a run tells of its model is true."""

import pytest

from minebench.benchmarks import boards, cell, harness, registry
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.profile import load_train_file
from minebench.benchmarks.workbench import for_job
from minebench.metrics import block_information as block_information_module

TRAINED = [name for name, entry in registry.MODELS.items() if entry.trained]


@pytest.fixture(autouse=True)
def _short_training_of_the_named_gap(monkeypatch):
    monkeypatch.setattr(block_information_module, "_UPDATES", 100)


def finish(job, store):
    list(run_cell(job, store))
    return store.load(job.train_id)


@pytest.mark.parametrize("model", TRAINED)
def test_the_training_file_of_a_model_makes_a_run(model, request, store, monkeypatch):
    monkeypatch.setattr(cell, "score_run", lambda *_: ())  # what scores cost is the same for all
    path = request.config.rootpath / "benchmarks" / "configs" / f"{model}.yaml"
    spec = load_train_file(path, ["dataset=shapes_mini", "train.steps=2", "train.batch_size=4"])
    [entry] = harness.plan([spec], store, RunSettings())
    result = finish(entry.job, store)
    assert (result.status, result.steps) == ("done", 2), result.failure
    assert result.supervision == registry.model(model).supervision


def test_the_supervision_of_a_run_is_that_of_its_configuration_and_names_its_tables(job, store):
    made = job("semi_tcvae", steps=1, label_fraction=0.25)
    result = finish(made, store)
    assert result.supervision == "25 % labels"
    [gap] = [score for score in result.scores if score.metric == "named_gap"]
    assert (gap.details["named"], gap.details["nuisance"]) == (True, 5)
    assert gap.details["codes_per_block"] == [1, 1, 1, 1, 1, 5]
    text = boards.rebuild_store_board(store)
    assert "supervision 25 % labels, blocks of codes" in text
    assert "no labels" not in text


def test_a_schedule_knows_the_steps_of_its_run(job):
    assert for_job(job("annealed_vae", steps=90)).model.annealing_steps == 30
    assert for_job(job("annealed_vae", steps=300_000)).model.annealing_steps == 100_000
