"""Whose gradient is nearer to the exact one, by root mean squared error, at equal samples and at equal cost.

The intervals take the two errors' standard errors (``gradients.GradientError``) as independent. They met the same
batches, and what batches share makes the true intervals narrower; what critics differ in makes them wider.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from minebench.benchmarks.study.grid import Primary
from minebench.benchmarks.study.records import CellRecord, CostRecord, GradientRecord
from minebench.benchmarks.study.statistics import Interval
from minebench.benchmarks.study.verdicts import place

_NORMAL = 1.959963984540054  # 97.5 % quantile
_PASSES = 3  # a gradient costs what a value does, and twice that on the way back


class GradientDuel(NamedTuple):
    """Two gradients on the same batches.

    Attributes:
        record: The neural cell.
        neural: Name of its gradient; with ``/joint`` through the joint samples alone.
        rival: Name of the other.
        noise: Ratio of the relative noises, one batch each.
        same: Ratio of the errors, one batch each.
        equal_cost: Ratio of the errors, the cheaper one's noise averaged over as many batches as the other pays for.
        averaged: Cost ratio, first over second.
    """

    record: CellRecord
    neural: str
    rival: str
    noise: Interval
    same: Interval
    equal_cost: Interval
    averaged: float


def gradient_duels(
    found: Sequence[CellRecord], primary: Primary, pairs: Sequence[tuple[str, str]]
) -> list[GradientDuel]:
    """One duel for each cell with the first gradient of a pair that meets a cell with the second.

    Args:
        found: Finished cells.
        primary: How many updates of a critic are counted with its gradient.
        pairs: Names of gradients.

    Returns:
        Pair after pair, in the order of the cells; gradients that are not finite are left out.
    """
    duels = []
    for names in pairs:
        rivals = {place(r.cell): r for r in reversed(found) if _is_there(r, names[1])}
        for record in found:
            other = rivals.get(place(record.cell))
            if other is not None and _is_there(record, names[0]):
                duels.append(_duel(record, other, primary, names))
    return duels


def gradient_cost(cost: CostRecord, primary: Primary) -> float:
    """Floating-point operations of a gradient, with the updates that are counted with it."""
    return _PASSES * cost.flops + primary.critic_steps * cost.update_flops


def error(gradient: GradientRecord, averaged: float = 1.0) -> tuple[float, float]:
    """Relative error of the mean over a number of batches, and its standard error.

    Args:
        gradient: Finite.
        averaged: By how much its squared noise is divided.
    """
    bias, noise = gradient.bias or 0.0, gradient.noise or 0.0
    size = math.sqrt(bias**2 + noise**2 / averaged)
    moved = math.hypot(bias * (gradient.bias_error or 0.0), noise / averaged * (gradient.noise_error or 0.0))
    return size, moved / size


def _is_there(record: CellRecord, name: str) -> bool:
    gradient = record.gradients.get(name)
    return gradient is not None and None not in (gradient.bias, gradient.noise)


def _duel(record: CellRecord, other: CellRecord, primary: Primary, names: tuple[str, str]) -> GradientDuel:
    costs = [
        gradient_cost(r.costs[name.removesuffix("/joint")], primary)
        for r, name in zip((record, other), names, strict=True)
    ]
    ratio = costs[0] / costs[1]
    both = record.gradients[names[0]], other.gradients[names[1]]
    return GradientDuel(
        record,
        *names,
        noise=_ratio(*((g.noise or 0.0, g.noise_error or 0.0) for g in both)),
        same=_ratio(*(error(g) for g in both)),
        equal_cost=_ratio(error(both[0], max(1.0, 1 / ratio)), error(both[1], max(1.0, ratio))),
        averaged=ratio,
    )


def _ratio(first: tuple[float, float], second: tuple[float, float]) -> Interval:
    value = first[0] / second[0]
    reach = _NORMAL * math.hypot(first[1] / first[0], second[1] / second[0])
    return Interval(value, value * math.exp(-reach), value * math.exp(reach))
