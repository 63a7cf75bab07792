"""A grid of a few seconds, run once: an estimator without critics, exact critics, and trained ones in three ways."""

import pytest
import torch

from minebench.benchmarks.study.grid import Grid, load_grid
from minebench.benchmarks.study.records import Records
from minebench.benchmarks.study.run import run

TINY = """\
name: tiny
about: For tests.
primary: {batch_size: 32}
cells:
  - distribution: {kind: equicorrelated, dim: 3, total_correlation: 1, n_images: 400}
    batch_size: [32, 64]
    estimators: [mss_loo, part_mc, gauss_sample_debiased, oracle_dv, oracle_mean, constant]
    n_replicates: 12
    n_gradients: 4
  - distribution: {kind: equicorrelated, dim: 3, total_correlation: 1, n_images: 400}
    batch_size: 32
    critics:
      - {objective: [mine, js], n_critics: 2, hidden_dim: [8, 16], n_steps: 60}
      - {objective: mine, n_critics: 2, hidden_dim: 16, n_steps: 60, condition: offline, n_train: 100}
      - {objective: mine, n_critics: 2, hidden_dim: 16, n_steps: 60, condition: tracking, steps_per_move: 1}
    n_replicates: 12
    n_gradients: 4
  - distribution:
      - {kind: equicorrelated, dim: 3, total_correlation: 1, warp: cube}
      - {kind: independent, dim: 3}
    batch_size: 32
    estimators: [gauss_sample_debiased, oracle_mean]
    n_replicates: 12
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Grid, Records]:
    """The grid, and its records."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("study")
    (folder / "tiny.yaml").write_text(TINY)
    grid, records = load_grid(str(folder / "tiny.yaml")), Records(folder / "variance")
    for _ in run(grid.cells, records):
        pass
    return grid, records
