"""Running the study: cell after cell, each recorded when it is over, none that is recorded already."""

import math
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from minebench.baselines.total_correlation import full_total_correlation
from minebench.benchmarks import devices
from minebench.benchmarks.study.build import build
from minebench.benchmarks.study.cells import Cell, DistributionSpec
from minebench.benchmarks.study.cost import critic_update_flops, critic_value_flops, free_flops
from minebench.benchmarks.study.distribution import generator_for
from minebench.benchmarks.study.gradients import GradientError, free_gradients, trained_gradients
from minebench.benchmarks.study.mixtures import MixtureCodes
from minebench.benchmarks.study.records import CellRecord, CostRecord, GradientRecord, Records, TruthRecord
from minebench.benchmarks.study.trained import Trained
from minebench.benchmarks.study.values import batches, free_values, own_values, trained_values

N_AGGREGATED = 512  # samples behind TC(q_N) of Gaussian populations


class Event(NamedTuple):
    """A cell that is over.

    Attributes:
        cell: Which.
        number: Its place, from 1.
        n_cells: How many there are.
        reused: Whether it was recorded before.
        seconds: What it took.
    """

    cell: Cell
    number: int
    n_cells: int
    reused: bool
    seconds: float


def run(cells: Iterable[Cell], records: Records) -> Iterator[Event]:
    """Run the cells that are not recorded; the same call goes on where it was interrupted.

    Args:
        cells: What is wanted.
        records: What exists, and where to put more.

    Yields:
        One event a cell.
    """
    wanted, truths = list(cells), dict[DistributionSpec, TruthRecord]()
    for number, cell in enumerate(wanted, start=1):
        if records.exists(cell):
            truths.setdefault(cell.distribution, records.load(cell).truth)
            yield Event(cell, number, len(wanted), True, 0.0)
            continue
        start = time.perf_counter()
        if cell.distribution not in truths:
            truths[cell.distribution] = truth_of(cell.distribution)
        record, values = run_cell(cell, truths[cell.distribution])
        seconds = time.perf_counter() - start
        records.save(record.model_copy(update={"seconds": seconds}), values)
        yield Event(cell, number, len(wanted), False, seconds)


def run_cell(cell: Cell, truth: TruthRecord) -> tuple[CellRecord, dict[str, np.ndarray]]:
    """Values, costs and gradients of one cell; ``seconds`` of the record is left 0."""
    met = batches(cell, cell.n_replicates)
    found = free_values(cell, met)
    costs = {name: CostRecord(flops=_free_cost(name, cell), seconds=values.seconds) for name, values in found.items()}
    gradients = free_gradients(cell) if cell.n_gradients and cell.estimators else {}
    if cell.critics is not None:
        trained = Trained(cell)
        read = trained_values(trained, met)
        if trained.own_codes is not None:
            read |= own_values(trained, cell.n_replicates)
        found |= read
        costs |= {name: _critic_cost(trained, cell, values.seconds) for name, values in read.items()}
        gradients |= trained_gradients(cell, trained) if cell.n_gradients else {}
    record = CellRecord(
        cell=cell,
        truth=truth,
        costs=costs,
        gradients={name: _gradient_record(error) for name, error in gradients.items()},
        torch=torch.__version__,
        processor=str(devices.hardware("cpu")["processor"]),
        seconds=0.0,
    )
    return record, {name: values.values for name, values in found.items()}


def truth_of(spec: DistributionSpec) -> TruthRecord:
    """Both routes to the truth of a distribution, and TC(q_N) of its posteriors."""
    made = build(spec)
    aggregated = aggregated_error = None
    if isinstance(made, MixtureCodes):
        aggregated, aggregated_error = made.truth
    elif made.population is not None:
        generator = generator_for(0, spec.label, "aggregated")
        mixture = MixtureCodes(made.population)
        z = mixture.sample(N_AGGREGATED, generator)[0]
        value, error = full_total_correlation(z, made.population, blocks=made.groups, chunk=1024)
        aggregated, aggregated_error = value.item(), error.item()
    return TruthRecord(
        value=made.truth.value,
        error=made.truth.error,
        second=made.second_route.value,
        second_error=made.second_route.error,
        aggregated=aggregated,
        aggregated_error=aggregated_error,
        largest_eigenvalue=made.largest_eigenvalue,
        normaliser=made.normaliser,
    )


def _free_cost(name: str, cell: Cell) -> float:
    made = build(cell.distribution)
    n_images = None if made.population is None else len(made.population.mean)
    return free_flops(name, batch_size=cell.batch_size, dim=made.dim, n_images=n_images)


def _critic_cost(trained: Trained, cell: Cell, seconds: float) -> CostRecord:
    shape = {"batch_size": cell.batch_size, "dim": trained.distribution.dim, "n_pairs": trained.n_pairs}
    skipped = trained.training.n_skipped.view(-1, trained.n_pairs).sum(1)
    return CostRecord(
        flops=critic_value_flops(trained.spec, **shape),
        seconds=seconds,
        update_flops=critic_update_flops(trained.spec, **shape),
        n_updates=trained.n_updates,
        training_seconds=trained.seconds,
        n_skipped=tuple(skipped.tolist()),
    )


def _gradient_record(error: GradientError) -> GradientRecord:
    numbers = error._asdict()
    return GradientRecord(
        **{key: value if math.isfinite(value) else None for key, value in numbers.items() if key != "n"}, n=error.n
    )
