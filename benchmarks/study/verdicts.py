"""Who is better, cell by cell: the neural estimator or the Monte Carlo one, at equal cost.

The cheaper estimator may average as many independent batches as the dearer one's cost pays for. The root mean squared
error decides; where it does not, the standard deviation over batches does, at equal batches; else it is undecided.
p-values are adjusted by Holm over all cells of the grid.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

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
        rmse: Ratio of root mean squared errors at equal cost.
        averaged: Batches that the Monte Carlo estimator (above 1) or the neural one (below 1: its inverse) averages.
        sigma: Ratio of standard deviations over batches, one batch each.
        brown_forsythe: p-value of equal spread.
        verdict: By the adjusted p-values.
        diverged: Whether some neural value is not finite; then Monte Carlo is better.
    """

    record: CellRecord
    rmse: Comparison
    averaged: float
    sigma: Comparison
    brown_forsythe: float
    verdict: Verdict
    diverged: bool


def duels(found: Sequence[CellRecord], records: Records, primary: Primary) -> list[Duel]:
    """One duel for each cell that has the neural reading and meets a cell with the Monte Carlo one.

    Args:
        found: Finished cells.
        records: Where their values are.
        primary: Which two, and at what cost.

    Returns:
        In the order of the cells; those whose truth is doubtful are left out.
    """
    rivals = {(r.cell.distribution, r.cell.batch_size, r.cell.seed): r for r in found if primary.monte_carlo in r.costs}
    undecided = []
    for record in found:
        rival = rivals.get((record.cell.distribution, record.cell.batch_size, record.cell.seed))
        if rival is None or primary.neural not in record.costs or not record.truth.agrees:
            continue
        undecided.append(_duel(record, rival, records, primary))
    rmse_p = holm([duel.rmse.p for duel in undecided])
    sigma_p = holm([duel.sigma.p for duel in undecided])
    return [duel._replace(verdict=_verdict(duel, *ps)) for duel, *ps in zip(undecided, rmse_p, sigma_p, strict=True)]


def cost_of(cost: CostRecord, primary: Primary) -> float:
    """Of one value, with the updates that are counted with it."""
    if primary.cost == "flops":
        return cost.flops + primary.critic_steps * cost.update_flops
    each = cost.training_seconds / cost.n_updates if cost.n_updates else 0.0
    return cost.seconds + primary.critic_steps * each


def _duel(record: CellRecord, rival: CellRecord, records: Records, primary: Primary) -> Duel:
    truth = record.truth.value
    neural, other = records.values(record.cell)[primary.neural], records.values(rival.cell)[primary.monte_carlo]
    n = min(neural.shape[1], other.shape[1])
    neural, other = neural[:, :n], other[:, :n]
    ratio = cost_of(record.costs[primary.neural], primary) / cost_of(rival.costs[primary.monte_carlo], primary)
    averaged = (max(1.0, 1 / ratio), max(1.0, ratio))
    errors = [partial(mean_squared_error, truth=truth, averaged=k) for k in averaged]
    rmse = compare(errors, [neural, other])
    sigma = compare([variance_eval, variance_eval], [neural, other])
    diverged = not bool(np.isfinite(neural).all())
    return Duel(record, rmse, ratio, sigma, brown_forsythe(neural, other), "undecided", diverged)


def _verdict(duel: Duel, rmse_p: float, sigma_p: float, level: float = 0.05) -> Verdict:
    if duel.diverged:
        return "Monte Carlo better"
    if rmse_p < level:
        return "neural better" if duel.rmse.ratio.value < 1 else "Monte Carlo better"
    if sigma_p < level:
        return "neural steadier" if duel.sigma.ratio.value < 1 else "Monte Carlo steadier"
    return "undecided"
