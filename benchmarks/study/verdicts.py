"""Who is better, cell by cell: the neural estimator or the Monte Carlo one, at equal cost.

The cheaper estimator may average as many independent batches as the dearer one's cost pays for. The root mean squared
error decides; where it does not, the standard deviation over batches does, at equal batches; else it is undecided.
p-values are adjusted by Holm over all cells of the grid that are asked for together. The ratio of errors on one batch
each, at equal samples, stands beside it and decides nothing.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from minebench.benchmarks.study.cells import Cell, DistributionSpec
from minebench.benchmarks.study.grid import Primary
from minebench.benchmarks.study.records import CellRecord, CostRecord, Records
from minebench.benchmarks.study.statistics import (
    Comparison,
    brown_forsythe,
    compare,
    holm,
    mean_squared_error,
    variance_eval,
)

Verdict = Literal["neural better", "Monte Carlo better", "neural steadier", "Monte Carlo steadier", "undecided"]


class Duel(NamedTuple):
    """A neural estimator against the Monte Carlo one on the same batches.

    Attributes:
        record: The neural cell.
        neural: Its reading.
        rival: The other's.
        same: Ratio of root mean squared errors on one batch each.
        rmse: Ratio of root mean squared errors at equal cost.
        averaged: Batches that the Monte Carlo estimator (above 1) or the neural one (below 1: its inverse) averages.
        sigma: Ratio of standard deviations over batches, one batch each.
        brown_forsythe: p-value of equal spread.
        verdict: By the adjusted p-values.
        diverged: Whether some neural value is not finite; then Monte Carlo is better.
    """

    record: CellRecord
    neural: str
    rival: str
    same: Comparison
    rmse: Comparison
    averaged: float
    sigma: Comparison
    brown_forsythe: float
    verdict: Verdict
    diverged: bool


def duels(
    found: Sequence[CellRecord],
    records: Records,
    primary: Primary,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> list[Duel]:
    """One duel for each cell that has the neural reading and meets a cell with the other one.

    Args:
        found: Finished cells.
        records: Where their values are.
        primary: At what cost.
        pairs: Neural readings, each with its rival; default: the primary two.

    Returns:
        Pair after pair, in the order of the cells; those whose truth is doubtful are left out.
    """
    undecided = []
    for neural, rival in pairs or [(primary.neural, primary.monte_carlo)]:
        rivals = {place(r.cell): r for r in reversed(found) if rival in r.costs}
        for record in found:
            other = rivals.get(place(record.cell))
            if other is not None and neural in record.costs and record.truth.agrees:
                undecided.append(_duel(record, other, records, primary, (neural, rival)))
    rmse_p = holm([duel.rmse.p for duel in undecided])
    sigma_p = holm([duel.sigma.p for duel in undecided])
    return [duel._replace(verdict=_verdict(duel, *ps)) for duel, *ps in zip(undecided, rmse_p, sigma_p, strict=True)]


def place(cell: Cell) -> tuple[DistributionSpec, int, int]:
    """What cells share that met the same batches."""
    return cell.distribution, cell.batch_size, cell.seed


def cost_of(cost: CostRecord, primary: Primary) -> float:
    """Of one value, with the updates that are counted with it."""
    if primary.cost == "flops":
        return cost.flops + primary.critic_steps * cost.update_flops
    each = cost.training_seconds / cost.n_updates if cost.n_updates else 0.0
    return cost.seconds + primary.critic_steps * each


def _duel(record: CellRecord, rival: CellRecord, records: Records, primary: Primary, names: tuple[str, str]) -> Duel:
    truth = record.truth.value
    values = [records.values(r.cell)[name] for r, name in zip((record, rival), names, strict=True)]
    n = min(array.shape[1] for array in values)
    neural, other = (array[:, :n] for array in values)
    costs = [cost_of(r.costs[name], primary) for r, name in zip((record, rival), names, strict=True)]
    ratio = costs[0] / costs[1]
    averaged = (max(1.0, 1 / ratio), max(1.0, ratio))
    same, rmse = (
        compare([partial(mean_squared_error, truth=truth, averaged=k) for k in each], [neural, other])
        for each in ((1.0, 1.0), averaged)
    )
    return Duel(
        record,
        *names,
        same=same,
        rmse=rmse,
        averaged=ratio,
        sigma=compare([variance_eval, variance_eval], [neural, other]),
        brown_forsythe=brown_forsythe(neural, other),
        verdict="undecided",
        diverged=not bool(np.isfinite(neural).all()),
    )


def _verdict(duel: Duel, rmse_p: float, sigma_p: float, level: float = 0.05) -> Verdict:
    if duel.diverged:
        return "Monte Carlo better"
    if rmse_p < level:
        return "neural better" if duel.rmse.ratio.value < 1 else "Monte Carlo better"
    if sigma_p < level:
        return "neural steadier" if duel.sigma.ratio.value < 1 else "Monte Carlo steadier"
    return "undecided"
