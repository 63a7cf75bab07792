"""Latent traversals: what a model draws when one code moves and the others stay."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from torchvision.utils import make_grid

from minebench.benchmarks import rows
from minebench.benchmarks.batches import to_images
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.workbench import for_checkpoint

_REACH = 2.0  # in standard deviations of the prior
_COLUMNS = 9
_KL_ROWS = 500  # images over which the KL of each code is averaged
_PIXELS = 66  # of a picture's cell: 64 and a border


@torch.inference_mode()
def draw(path: Path, out: Path, settings: RunSettings, *, row: int = 0) -> str:
    """Write a grid of decoded images: one row a code, ordered by KL; columns move it from -2 to 2.

    Args:
        path: A checkpoint, or the folder of a finished run.
        out: The PNG to write.
        settings: Device and data folder.
        row: Which of the scored images gives the other codes their values.

    Returns:
        A sentence that says what was drawn.

    Raises:
        UsageError: If the checkpoint or the row does not exist.
    """
    if out.suffix.lower() != ".png" or not out.absolute().parent.is_dir():
        raise UsageError(f"the picture is a PNG in a folder that exists; got {out}")
    bench = for_checkpoint(path, device=settings.device, threads=settings.threads, data_root=settings.data_root)
    scored = rows.scored_rows(bench.dataset)
    if not 0 <= row < len(scored):
        raise UsageError(f"--row lies in 0 to {len(scored) - 1}; got {row}")
    posterior = bench.model.encode(to_images(bench.dataset.images(scored[:_KL_ROWS]), bench.device))
    kl = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1 - posterior.logvar).mean(0)
    origin = bench.model.encode(to_images(bench.dataset.images(scored[row : row + 1]), bench.device)).mean[0]
    order = kl.argsort(descending=True).tolist()
    values = torch.linspace(-_REACH, _REACH, _COLUMNS, device=bench.device)
    codes = origin.repeat(len(order), _COLUMNS, 1)
    for place, code in enumerate(order):
        codes[place, :, code] = values
    images = torch.sigmoid(bench.model.decode(codes.flatten(0, 1)))
    grid = make_grid(images.cpu(), nrow=_COLUMNS, padding=2, pad_value=0.5).permute(1, 2, 0).numpy()
    labels = [f"code {code}, KL {kl[code]:.2f}" for code in order]
    title = f"{bench.header.spec.name}, step {bench.header.step}; KL in nats"
    _picture(grid, labels, [f"{value:+.1f}" for value in values.tolist()], title).savefig(
        out, metadata={"Software": None}
    )
    return f"{out}: {len(order)} codes by {_COLUMNS} values from {-_REACH:g} to {_REACH:g}, around scored image {row}"


def _picture(grid: np.ndarray, rows_: list[str], columns: list[str], title: str) -> Figure:
    height, width = grid.shape[:2]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(width / 100 + 1.8, height / 100 + 0.7), dpi=110, layout="constrained")
        axes = figure.subplots()
        axes.imshow(grid, interpolation="nearest", vmin=0, vmax=1)
        axes.set_yticks([1 + _PIXELS * (place + 0.5) for place in range(len(rows_))], rows_)
        axes.set_xticks([1 + _PIXELS * (place + 0.5) for place in range(len(columns))], columns)
        axes.set_xlabel("value of the code")
        axes.set_title(title)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure
