"""The study in pictures: no variance without the bias beside it, no error without its cost."""

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minebench.benchmarks.study.formats import condition
from minebench.benchmarks.study.grid import Grid, Primary
from minebench.benchmarks.study.records import CellRecord, Records
from minebench.benchmarks.study.statistics import Moments, moments
from minebench.benchmarks.study.verdicts import cost_of
from minebench.leaderboard.results import write_atomically

SHOWN = ("mss_loo", "part_mc", "full_mc", "gauss_sample_debiased", "oracle_dv", "oracle_mean", "mine", "dv", "nwj",
         "js", "smile_5", "infonce", "line_js", "tree_js", "tree_mine", "copula_js")  # fmt: skip
COLOURS = dict(zip(SHOWN, mpl.colormaps["tab20"].colors, strict=False))  # type: ignore[attr-defined]


Key = TypeVar("Key")


class Point(NamedTuple):
    """A reading of a cell, with its moments."""

    record: CellRecord
    reading: str
    moments: Moments


def draw(grid: Grid, records: Records, folder: Path, *, logs: Sequence[Path] = ()) -> list[Path]:
    """Draw what the finished cells of a grid allow.

    Args:
        grid: Which cells.
        records: What is finished.
        folder: Where the SVG files go; they are replaced.
        logs: ``log.jsonl`` of runs, for the estimates along training.

    Returns:
        The files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    points = [
        Point(record, reading, moments(values, record.truth.value, record.cell.batch_size))
        for record in records.finished(grid.cells)
        if record.truth.agrees
        for reading, values in records.values(record.cell).items()
        if reading in SHOWN
    ]
    plain = [p for p in points if _is_plain(p, grid.primary)]
    size = [p for p in plain if p.record.cell.batch_size == grid.primary.batch_size]
    pictures = {
        "bias-and-sigma": _bias_and_sigma(size),
        "rmse-and-cost": _rmse_and_cost(size, grid.primary),
        "sigma-and-batch": _sigma_and_batch(plain),
        "gradient-error": _gradient_error([p.record for p in size]),
        "along-training": _along_training(logs),
    }
    return [_save(figure, folder / f"{name}.svg") for name, figure in pictures.items() if figure is not None]


def _is_plain(point: Point, primary: Primary) -> bool:
    cell = point.record.cell
    return cell.distribution.kind == "equicorrelated" and (
        cell.critics is None or point.reading in cell.estimators or cell.critics.condition == primary.condition
    )


def _bias_and_sigma(points: Sequence[Point]) -> Figure | None:
    by_label = _grouped((p.record.cell.distribution.label, p) for p in points if np.isfinite(p.moments.rmse.value))
    if not by_label:
        return None
    figure = Figure(figsize=(4 * len(by_label), 3.6), layout="constrained")
    for axes, (label, some) in zip(np.ravel(figure.subplots(1, len(by_label))), by_label.items(), strict=True):
        for p in some:
            axes.plot(abs(p.moments.bias.value), p.moments.sigma_eval.value, "o", color=COLOURS[p.reading])
            axes.annotate(p.reading, (abs(p.moments.bias.value), p.moments.sigma_eval.value), fontsize=6)
        axes.set(xscale="symlog", yscale="log", title=label, xlabel="|bias|, nats", ylabel="sigma_eval, nats")
        axes.grid(alpha=0.3)
    return figure


def _rmse_and_cost(points: Sequence[Point], primary: Primary) -> Figure | None:
    by_label = _grouped((p.record.cell.distribution.label, p) for p in points if np.isfinite(p.moments.rmse.value))
    if not by_label:
        return None
    figure = Figure(figsize=(4 * len(by_label), 3.6), layout="constrained")
    for axes, (label, some) in zip(np.ravel(figure.subplots(1, len(by_label))), by_label.items(), strict=True):
        for p in some:
            if p.reading.startswith("oracle"):
                continue
            at = cost_of(p.record.costs[p.reading], primary), p.moments.rmse.value
            axes.plot(*at, "o", color=COLOURS[p.reading])
            axes.annotate(p.reading, at, fontsize=6)
        axes.set(xscale="log", yscale="log", title=label, xlabel=f"{primary.cost} a value", ylabel="RMSE, nats")
        axes.grid(alpha=0.3)
    return figure


def _sigma_and_batch(points: Sequence[Point]) -> Figure | None:
    lines = _grouped(((p.record.cell.distribution.label, p.reading), p) for p in points)
    lines = {key: some for key, some in lines.items() if len({p.record.cell.batch_size for p in some}) > 1}
    if not lines:
        return None
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for (label, reading), some in lines.items():
        ordered = sorted(some, key=lambda p: p.record.cell.batch_size)
        sizes, sigmas = zip(*((p.record.cell.batch_size, p.moments.sigma_eval.value) for p in ordered), strict=True)
        axes.plot(sizes, sigmas, "o-", color=COLOURS[reading], label=f"{reading}, {label}")
    axes.set(xscale="log", yscale="log", xlabel="M", ylabel="sigma_eval, nats")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=6)
    return figure


def _gradient_error(found: Sequence[CellRecord]) -> Figure | None:
    lines: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for record in {record.cell.cell_id: record for record in found}.values():
        for name, g in record.gradients.items():
            if name.split("/")[0] in SHOWN and g.bias is not None and g.noise is not None:
                lines[f"{name} {condition(record.cell, name)}"].append((record.truth.value, g.bias, g.noise))
    if not lines:
        return None
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, place, what in zip(figure.subplots(1, 2), (1, 2), ("bias", "noise"), strict=True):
        for name, some in lines.items():
            ordered = np.array(sorted(some))
            style = "--" if "/joint" in name else "-"
            colour = COLOURS[name.split("/")[0].split()[0]]
            axes.plot(ordered[:, 0], ordered[:, place], "o" + style, color=colour, label=name)
        axes.set(xlabel="total correlation, nats", ylabel=f"relative {what} of the gradient", yscale="symlog")
        axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=6)
    return figure


def _along_training(logs: Sequence[Path]) -> Figure | None:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes: Axes = figure.subplots()
    for log in logs:
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        for name in sorted({key for line in lines for key in line if "total_correlation" in key}):
            shown = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
            axes.plot(*zip(*shown, strict=True), label=f"{log.parent.name}: {name}", linewidth=1)
    if not axes.lines:
        return None
    axes.set(xlabel="step", ylabel="estimate, nats")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=6)
    return figure


def _grouped(pairs: Iterable[tuple[Key, Point]]) -> dict[Key, list[Point]]:
    found: dict[Key, list[Point]] = defaultdict(list)
    for key, point in pairs:
        found[key].append(point)
    return dict(found)


def _save(figure: Figure, out: Path) -> Path:
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "minebench", "svg.fonttype": "none"}):  # the same points are the same file
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    write_atomically(out, buffer.getvalue())
    return out
