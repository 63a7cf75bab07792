"""The codes of a trained run as a distribution, through the command."""

import numpy as np
import pytest
import torch

from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.study import command
from minebench.benchmarks.study.build import CODES, build
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.workbench import for_checkpoint

GRID = """\
name: mine
about: a test
cells:
  - distribution: {kind: codes}
    batch_size: 32
    estimators: [mss_loo, gauss_sample_shrunk, oracle_mean]
    n_replicates: 3
  - distribution: {kind: pairs, total_correlation: 1}
    estimators: [constant]
"""


@pytest.fixture
def trained(job, store):
    made = job("beta_vae", latent_dim=3)
    list(run_cell(made, store))
    return made.train_id


def test_training_and_held_out_posteriors_are_told_apart_and_measured(trained, store, tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID)
    words = {"codes": True, "run_ids": [trained[:12]], "n_images": 40}
    study = command.prepare(str(tmp_path / "grid.yaml"), store, RunSettings(), **words)
    labels = [cell.distribution.run for cell in study.grid.cells]
    assert labels == [f"{trained} train", f"{trained} held_out"]
    bench = for_checkpoint(store.folder(trained))
    images = torch.from_numpy(bench.dataset.images(bench.split.train[:40])).float() / 255
    with torch.inference_mode():
        expected = bench.model.encode(images)
    torch.testing.assert_close(CODES[labels[0]].mean, expected.mean)
    made = build(study.grid.cells[0].distribution)
    assert (made.dim, len(made.population.mean)) == (3, 40)
    assert [line.split()[0] for line in command.run(study)] == ["[1/2]", "[2/2]"]
    text = command.report(study, tmp_path / "figures")
    assert f"codes d3 {trained} held_out" in text
    values = study.records.values(study.grid.cells[0])
    assert np.isfinite(values["oracle_mean"]).all()
    assert "0 of 2 cells to run" in command.plan_text(study)


def test_a_run_that_cannot_be_named_is_answered_with_those_that_can(trained, store, tmp_path):
    with pytest.raises(UsageError, match=f"needs --run; finished runs: {trained}"):
        command.prepare("codes", store, RunSettings(), codes=True)
    with pytest.raises(UsageError, match="no finished run 'nothing'"):
        command.prepare("codes", store, RunSettings(), codes=True, run_ids=["nothing"])
    with pytest.raises(UsageError, match="--run names the run for --truth codes"):
        command.prepare("smoke", store, RunSettings(), run_ids=[trained])
    (tmp_path / "grid.yaml").write_text(
        "name: a\nabout: b\ncells:\n  - {distribution: {kind: pairs}, estimators: [constant]}\n"
    )
    with pytest.raises(UsageError, match="no cell of kind codes"):
        command.prepare(str(tmp_path / "grid.yaml"), store, RunSettings(), codes=True, run_ids=[trained])
