"""Latent traversals: what a model draws when one code, or one block of codes, moves and the others stay.

Beside the grid and the same rows in motion stand reconstructions and, of a model that divides its latents among blocks,
the weights of that division and the capacities of the blocks.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from minebench.baselines.contract import CodeBlocks, Gaussian
from minebench.baselines.latent_division import DividesLatents, LatentDivision
from minebench.benchmarks import division_figures, rows, tiles
from minebench.benchmarks.batches import to_images
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.traversal_rows import REACH, TraversalRow, block_rows, block_titles, code_rows
from minebench.benchmarks.workbench import Workbench, for_checkpoint
from minebench.leaderboard.results import write_atomically

_COLUMNS, _FRAMES = 9, 17  # places of a row, in the grid and in the GIF
_RECONSTRUCTED = 10
_BATCH = 250
_FEET = {
    "code": "value of the code; below its name the factor that it tells most of",
    "block": "standard deviations along the block's first principal component; below: the factor it tells most of",
}


class Traversal(NamedTuple):
    """What was written.

    Attributes:
        files: The pictures.
        about: A sentence that says what the grid is.
        rows: What moves in each row of the grid, from top to bottom.
        left_out: Codes beyond the rows that were asked for, and blocks without a code.
    """

    files: tuple[Path, ...]
    about: str
    rows: tuple[TraversalRow, ...]
    left_out: tuple[str, ...]


@torch.inference_mode()
def draw(
    path: Path, out: Path, settings: RunSettings, *, row: int = 0, most: int = 20, force: bool = False
) -> Traversal:
    """Write the pictures of a checkpoint: of ``codes.png`` also ``codes.gif``, ``codes-reconstructions.png`` and so on.

    Args:
        path: A checkpoint, or the folder of a finished run.
        out: The PNG of the grid; the other pictures' names begin with its name.
        settings: Device and data folder.
        row: Which of the scored images gives the other codes their values.
        most: Codes that are drawn, those of most KL; blocks are all drawn.
        force: Whether to replace pictures.

    Raises:
        UsageError: If the checkpoint or the row does not exist, or a picture does already.
    """
    if out.suffix.lower() != ".png" or not out.absolute().parent.is_dir():
        raise UsageError(f"the picture is a PNG in a folder that exists; got {out}")
    bench = for_checkpoint(path, device=settings.device, threads=settings.threads, data_root=settings.data_root)
    scored = rows.scored_rows(bench.dataset)
    if not 0 <= row < len(scored):
        raise UsageError(f"--row lies in 0 to {len(scored) - 1}; got {row}")
    division = bench.model.latent_division() if isinstance(bench.model, DividesLatents) else None
    names = ["", "gif", "-reconstructions", *([] if division is None else ["-attention", "-capacity"])]
    files = [out.with_suffix(".gif") if end == "gif" else out.with_name(f"{out.stem}{end}.png") for end in names]
    files[0] = out
    if not force and (there := [file for file in files if file.exists()]):
        raise UsageError(f"{there[0]} exists; --force replaces it, --out names another")
    blocks: CodeBlocks | None = bench.model.code_blocks()
    posterior = _encode(bench, scored)
    factors, factor_names = bench.dataset.factors(scored), bench.dataset.factor_names
    if blocks is None:
        found = code_rows(posterior, factors, factor_names)
        left_out = [f"{one.title}, KL {one.kl:.2f}" for one in found[most:]]
        found = found[:most]
    else:
        found = block_rows(posterior, factors, factor_names, blocks, bench.header.spec.seed)
        titles = block_titles(blocks, factor_names)
        left_out = [f"{titles[k]}, empty" for k, columns in enumerate(blocks.columns) if not columns]
    kind = "code" if blocks is None else "block"
    name = f"{bench.header.spec.name}, step {bench.header.step}"
    pictures = [
        *_moving(bench, found, posterior.mean[row], name, kind),
        _reconstructions(bench, scored, posterior.mean, row, name),
    ]
    if division is not None and blocks is not None:
        pictures += _divided(division, blocks, block_titles(blocks, factor_names), name)
    for file, picture in zip(files, pictures, strict=True):
        write_atomically(file, picture)
    about = f"{len(found)} {kind}s by {_COLUMNS} values from {-REACH:g} to {REACH:g}, around scored image {row}"
    return Traversal(tuple(files), about, tuple(found), tuple(left_out))


def _encode(bench: Workbench, scored: np.ndarray) -> Gaussian:
    """Posteriors of rows, on the CPU."""
    parts = [
        bench.model.encode(to_images(bench.dataset.images(scored[start : start + _BATCH]), bench.device))
        for start in range(0, len(scored), _BATCH)
    ]
    return Gaussian(torch.cat([part.mean for part in parts]).cpu(), torch.cat([part.logvar for part in parts]).cpu())


def _decode(bench: Workbench, codes: Tensor) -> np.ndarray:
    """Tiles (n, height, width, 3) of codes (n, n_codes)."""
    batches = [codes[start : start + _BATCH].to(bench.device) for start in range(0, len(codes), _BATCH)]
    parts = [torch.sigmoid(bench.model.decode(batch)).cpu() for batch in batches]
    return tiles.as_tiles(torch.cat(parts).numpy())


def _moving(bench: Workbench, found: list[TraversalRow], origin: Tensor, name: str, kind: str) -> list[bytes]:
    labels = [(_titled(one, kind), f"{one.tells}; KL {one.kl:.2f}") for one in found]
    grid, moving = (
        np.stack([_decode(bench, one.path(origin, torch.linspace(-REACH, REACH, n))) for one in found])
        for n in (_COLUMNS, _FRAMES)
    )
    columns = [f"{place:+.1f}" if place else "0" for place in np.linspace(-REACH, REACH, _COLUMNS)]
    return [
        tiles.grid_png(grid, labels, columns, title=name, foot=_FEET[kind]),
        tiles.moving_gif(moving, [(one.title, one.tells) for one in found], title=name),
    ]


def _titled(one: TraversalRow, kind: str) -> str:
    return one.title if kind == "code" else f"{one.title}, {one.n_codes} code{'s' * (one.n_codes != 1)}"


def _reconstructions(bench: Workbench, scored: np.ndarray, means: Tensor, row: int, name: str) -> bytes:
    chosen = np.arange(row, row + _RECONSTRUCTED) % len(scored)
    images = to_images(bench.dataset.images(scored[chosen]), torch.device("cpu"))
    pair = np.stack([tiles.as_tiles(images.numpy()), _decode(bench, means[chosen])])
    labels = [("image", "held out"), ("decoded", "posterior mean")]
    return tiles.grid_png(pair, labels, [str(place) for place in chosen], title=name, foot="number of the scored image")


def _divided(division: LatentDivision, blocks: CodeBlocks, titles: list[str], name: str) -> list[bytes]:
    weights = division.weights.float().cpu().numpy()
    owners = np.full(weights.shape[1], -1)
    for block, columns in enumerate(blocks.columns):
        owners[list(columns)] = block
    target = None if division.target is None else division.target.float().cpu().numpy()
    sizes = [len(columns) for columns in blocks.columns]
    return [
        division_figures.attention_map(weights, owners, titles, name),
        division_figures.capacity_bars(division.capacity.float().cpu().numpy(), target, sizes, titles, name),
    ]
