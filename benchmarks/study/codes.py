"""The codes of a trained model as a distribution: the mixture of its posteriors over N images, which is q_N itself."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from minebench.baselines.contract import Gaussian, Model
from minebench.benchmarks.batches import to_images
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.study.build import CODES
from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.grid import Grid
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.workbench import for_checkpoint
from minebench.datasets.factor_dataset import FactorDataset

Split = Literal["train", "held_out"]


def with_codes(grid: Grid, run: Path, settings: RunSettings, *, n_images: int | None = None) -> Grid:
    """A grid whose cells of kind ``codes`` stand for the posteriors of a run, of training and of held-out images.

    Args:
        grid: With cells of that kind; others are left out.
        run: The folder of a finished run, or a checkpoint.
        settings: Device and data folder.
        n_images: Images of each kind, from the first on; default: all.

    Returns:
        The grid with each cell once for either kind of images; their posteriors can be built from now on.

    Raises:
        UsageError: If the run has no checkpoint, its data is not here, or the grid has no such cell.
    """
    templates = [cell for cell in grid.cells if cell.distribution.kind == "codes"]
    if not templates:
        raise UsageError(f"grid {grid.name} has no cell of kind codes; --grid codes has some")
    bench = for_checkpoint(run, device=settings.device, threads=settings.threads, data_root=settings.data_root)
    cells: list[Cell] = []
    for split in get_args(Split):
        rows = getattr(bench.split, split)[:n_images]
        posteriors = encode(bench.model, bench.dataset, rows, bench.device)
        name = f"{bench.header.train_id} {split}"
        CODES[name] = posteriors
        filled = {"run": name, "dim": posteriors.mean.shape[1], "n_images": len(rows)}
        for cell in templates:
            spec = cell.distribution.model_copy(update=filled)
            cells.append(Cell.model_validate(cell.model_copy(update={"distribution": spec}).model_dump()))
    return grid.model_copy(update={"cells": tuple(cells)})


@torch.inference_mode()
def encode(
    model: Model, dataset: FactorDataset, rows: np.ndarray, device: torch.device, *, batch_size: int = 250
) -> Gaussian:
    """The posteriors of rows of a data set, on the CPU.

    Args:
        model: On ``device``.
        dataset: Where the rows lie.
        rows: int64 ``(n,)``, n >= 1.
        device: Where the model lives.
        batch_size: Rows taken at a time.

    Returns:
        Float32 arrays of shape (n, latent_dim).
    """
    parts = [
        model.encode(to_images(dataset.images(rows[start : start + batch_size]), device))
        for start in range(0, len(rows), batch_size)
    ]
    mean, logvar = (torch.cat([getattr(part, name) for part in parts]).float().cpu() for name in Gaussian._fields)
    return Gaussian(mean.clone(), logvar.clone())
