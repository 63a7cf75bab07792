"""How a model divides its latents: the weights as a map, the capacities as bars."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

_BAR, _AIM = "#56b4e9", "#d55e00"  # of Okabe and Ito: told apart by every eye, and in print
_MOST_TICKS = 40


def attention_map(weights: np.ndarray, owners: np.ndarray, blocks: Sequence[str], title: str) -> bytes:
    """Latents by blocks.

    Args:
        weights: Shape (n_blocks, n_latents), at least 0.
        owners: The block of each latent, -1 for none, shape (n_latents,).
        blocks: Names.
        title: Above the map.

    Returns:
        A PNG; latents stand side by side by their owner, and within it by their weight, the largest first.
    """
    n_blocks, n_latents = weights.shape
    own = np.where(owners >= 0, weights[owners, np.arange(n_latents)], 0.0)
    order = np.lexsort((-own, np.where(owners >= 0, owners, n_blocks)))
    figure = Figure(figsize=(3.2 + 0.055 * max(n_latents, 60), 1.5 + 0.24 * n_blocks), dpi=110, layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(weights[:, order], cmap="cividis", vmin=0, vmax=weights.max(), aspect="auto")
    axes.set_yticks(range(n_blocks), blocks)
    ticks = range(n_latents) if n_latents <= _MOST_TICKS else ()
    axes.set_xticks(ticks, [str(latent) for latent in order] if ticks else ())
    for border in np.flatnonzero(np.diff(owners[order])):
        axes.axvline(border + 0.5, color="white", linewidth=0.8)
    axes.set_xlabel(f"{n_latents} latents, by their block" + ("" if ticks else "; white lines between owners"))
    axes.set_title(title, loc="left", fontsize="medium")
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    figure.colorbar(shown, ax=axes, label="weight", fraction=0.05, pad=0.01)
    return _png(figure)


def capacity_bars(
    capacity: np.ndarray, target: np.ndarray | None, n_latents: Sequence[int], blocks: Sequence[str], title: str
) -> bytes:
    """What each block may hold, and a mark for what training aimed at.

    Args:
        capacity: Nats, shape (n_blocks,).
        target: Nats, shape (n_blocks,), or None.
        n_latents: Latents that each block owns.
        blocks: Names.
        title: Above the bars.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(6.6, 1.5 + 0.28 * len(blocks)), dpi=110, layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(blocks))
    axes.barh(places, capacity, color=_BAR, label="capacity")
    if target is not None:
        axes.plot(target, places, "D", color=_AIM, markersize=5, label="target")
    axes.set_yticks(places, [f"{name} ({n})" for name, n in zip(blocks, n_latents, strict=True)])
    axes.invert_yaxis()
    axes.set_xlabel("nats; in brackets the latents that the block owns")
    axes.set_title(title, loc="left", fontsize="medium")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside upper right", frameon=False, ncols=2, fontsize=8)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context({"text.parse_math": False}):
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
