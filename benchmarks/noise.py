"""How much of the spread between seeds is noise of the metrics, measured on the codes of a store's runs."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tabulate import tabulate

from minebench.benchmarks import registry
from minebench.benchmarks.codes_file import load_codes
from minebench.benchmarks.representation import CODES_FILE
from minebench.benchmarks.streams import numpy_stream
from minebench.benchmarks.suggestions import UsageError
from minebench.leaderboard.results import ResultStore, RunResult
from minebench.metrics.uncertainty import rate_of, standard_error

SHARE = 0.1  # of the seeds' spread: what the noise of a metric should stay under


class Noise(NamedTuple):
    """Standard deviations of one metric, pooled over runs.

    Attributes:
        n_runs: Runs that were measured.
        n_rows: Rows that each was scored on.
        seeds: Between the seeds of one model, pooled over models.
        rows: Under new rows.
        draws: Under new votes.
        rows_needed: Rows at which the part of the rows, and that of the votes if there is one, take an equal share of
            a tenth of ``seeds``; None where more rows do not help.
        draws_needed: By which factor the votes of the benchmark should be multiplied for that; None without votes.
    """

    n_runs: int
    n_rows: int
    seeds: float
    rows: float
    draws: float
    rows_needed: int | None
    draws_needed: float | None


def measure(store: ResultStore, *, n_splits: int = 5) -> dict[str, Noise]:
    """Measure the metrics of every run on all trained runs of a store that are done.

    Args:
        store: At least one model in it has two seeds.
        n_splits: Halvings of the rows of each run, see ``standard_error``.

    Returns:
        The noise of each metric by name.

    Raises:
        UsageError: If no model has two seeds, or runs were scored on different numbers of rows.
    """
    cells: dict[tuple[str, ...], list[RunResult]] = defaultdict(list)
    for result in store.iterate():
        if result.status == "done" and result.trained:
            cells[result.model, result.dataset, result.profile, str(result.model_config_values)].append(result)
    repeated = [runs for runs in cells.values() if len(runs) > 1]
    if not repeated:
        raise UsageError(
            f"no model with two seeds in {store.root}; minebench run -s 0-2 --store {store.root} makes some"
        )
    names = [name for name, entry in registry.METRICS.items() if entry.in_runs]
    return {name: _noise(name, repeated, store, n_splits) for name in names}


def records(found: dict[str, Noise]) -> dict[str, dict[str, Any]]:
    """The noise of each metric as plain data."""
    return {name: noise._asdict() for name, noise in found.items()}


def text(found: dict[str, Noise]) -> str:
    """The noise of each metric as a Markdown table."""
    rows = [
        (
            name,
            f"{noise.seeds:.4f}",
            f"{noise.rows:.4f}",
            f"{noise.draws:.4f}" if noise.draws_needed is not None else "",
            f"{np.hypot(noise.rows, noise.draws) / noise.seeds:.2f}" if noise.seeds else "",
            f"{noise.rows_needed:,}" if noise.rows_needed is not None else "more do not help",
            f"x {noise.draws_needed:.1f}" if noise.draws_needed is not None else "",
        )
        for name, noise in found.items()
    ]
    headers = ("metric", "seeds", "rows", "votes", "noise / seeds", "rows needed", "votes needed")
    first = next(iter(found.values()))
    table = tabulate(
        rows, headers=headers, tablefmt="github", disable_numparse=True, colalign=("left",) + ("right",) * 6
    )
    return f"{table}\n\nStandard deviations over {first.n_runs} runs of {first.n_rows:,} rows."


def _noise(name: str, cells: list[list[RunResult]], store: ResultStore, n_splits: int) -> Noise:
    runs = [run for cell in cells for run in cell]
    sizes, rows, draws = set(), [], []
    for run in runs:
        codes, factors = load_codes(store.folder(run.train_id) / CODES_FILE)[:2]
        sizes.add(len(codes))
        rng = numpy_stream(run.seed, "noise", run.train_id, name)
        error = standard_error(_value_of(name), codes, factors, rng=rng, n_splits=n_splits, rate=_rate(name))
        rows.append(error.rows**2)
        draws.append(error.draws**2)
    if len(sizes) > 1:
        raise UsageError(f"runs of {store.root} were scored on {sorted(sizes)} rows; measure stores of one size")
    degrees = sum(len(cell) - 1 for cell in cells)
    spread = sum(float(np.var(_scores(name, cell), ddof=1)) * (len(cell) - 1) for cell in cells) / degrees
    return _needed(name, len(runs), sizes.pop(), spread, float(np.mean(rows)), float(np.mean(draws)))


def _needed(name: str, n_runs: int, n_rows: int, seeds: float, rows: float, draws: float) -> Noise:
    """From variances to standard deviations, and to what would bring the noise under its share."""
    random = registry.metric(name).is_random()
    allowed = SHARE**2 * seeds / (2 if random else 1)
    helps = _rate(name) > 0 and allowed > 0
    return Noise(
        n_runs=n_runs,
        n_rows=n_rows,
        seeds=seeds**0.5,
        rows=rows**0.5,
        draws=draws**0.5,
        rows_needed=int(np.ceil(n_rows * rows / allowed)) if helps else None,
        draws_needed=draws / allowed if random and allowed > 0 else None,
    )


def _rate(name: str) -> float:
    entry = registry.metric(name)
    return rate_of(entry.function(), entry.protocol)


def _scores(name: str, cell: list[RunResult]) -> list[float]:
    return [next(score.value for score in run.scores if score.metric == name and score.codes == "dims") for run in cell]


def _value_of(name: str) -> Callable[..., float]:
    """The metric with the benchmark's protocol, as a function that takes ``rng`` if the metric does."""
    entry = registry.metric(name)
    function, protocol = entry.function(), entry.protocol
    if entry.is_random():
        return lambda codes, factors, *, rng: float(function(codes, factors, rng=rng, **protocol).value)
    return lambda codes, factors: float(function(codes, factors, **protocol).value)
