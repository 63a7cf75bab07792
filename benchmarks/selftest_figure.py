"""The panel of the selftest as a picture, beside the score that IRS gives to noise."""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minebench.benchmarks import registry
from minebench.benchmarks.selftest import SEED, Panel
from minebench.benchmarks.streams import numpy_stream
from minebench.leaderboard.results import write_atomically
from minebench.metrics.irs import irs

SIZES = {"dSprites": (3, 6, 40, 32, 32), "3D Shapes": (10, 10, 10, 8, 4, 15)}
N_SAMPLES = (200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
N_CODES = 10


def draw(found: Panel, out: Path) -> str:
    """Draw the panel as a heat map, and IRS on noise against the number of rows.

    Args:
        found: The panel.
        out: Where to write; the suffix (``.svg``, ``.png``) decides the format.

    Returns:
        One line: what was written.
    """
    figure = Figure(figsize=(11, 0.34 * len(found) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2.2, 1))
    _heat_map(left, found)
    _floor(right)
    buffer = io.BytesIO()
    svg = out.suffix == ".svg"
    # no date and no random names: the same panel is the same file
    with mpl.rc_context({"svg.hashsalt": "minebench", "svg.fonttype": "none"}):
        figure.savefig(buffer, format=out.suffix[1:], dpi=110, metadata={"Date": None} if svg else None)
    write_atomically(out, buffer.getvalue())
    return f"{out}: {len(found)} metrics on {len(next(iter(found.values())))} sets of codes"


def _heat_map(axes: Axes, found: Panel) -> None:
    columns = list(next(iter(found.values())))
    quality = np.full((len(found), len(columns)), np.nan)
    for row, (name, scores) in enumerate(found.items()):
        entry = registry.metric(name)
        for column, value in enumerate(scores.values()):
            if entry.upper is not None:  # a score without a best and a worst value has no colour
                quality[row, column] = value if entry.direction == "up" else 1 - value
            dark = quality[row, column] < 0.45
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if dark else "black")
    axes.imshow(np.ma.masked_invalid(quality), vmin=0, vmax=1, cmap="viridis", aspect="auto")
    arrows = {"up": "↑", "down": "↓"}
    axes.set_yticks(
        range(len(found)), [f"{registry.metric(n).title} {arrows[registry.metric(n).direction]}" for n in found]
    )
    axes.set_xticks(range(len(columns)), columns)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("bright is good, in the metric's own direction; no colour: no upper end")


def _floor(axes: Axes) -> None:
    for (name, sizes), colour in zip(SIZES.items(), ("#31688e", "#d1495b"), strict=True):
        rng = numpy_stream(SEED, "noise floor", name)
        scores = [
            irs(rng.normal(size=(n, N_CODES)), np.stack([rng.integers(size, size=n) for size in sizes], axis=1))
            for n in N_SAMPLES
        ]
        axes.plot(N_SAMPLES, scores, marker="o", color=colour, label=f"factors of {name}")
    axes.set_xscale("log")
    axes.set_ylim(0, 0.6)
    axes.set_xlabel("rows")
    axes.set_title(f"IRS of {N_CODES} codes of pure noise", fontsize="medium")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
