"""Values that an earlier, independent prototype found, and whether the study finds them again.

Ten codes with equal correlations, M = 256; nats. Its trained critics were ten of another architecture, so that their
standard deviations count to a factor of 0.7 to 1.8 (0.6 to 2 where the variance is infinite), and their biases to 0.05
nats and a tenth of the total correlation. Biases without critics and with the exact one: to four standard errors of the
difference of two means, each of as many batches as there are here, and 0.01 of rounding (0.5 for ``mws``). Noises of
gradients are relative to that of an encoder that is not recorded; only their ratios can be compared.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.formats import condition
from minebench.benchmarks.study.records import CellRecord, Records
from minebench.benchmarks.study.statistics import moments

TOTAL_CORRELATIONS = (0.5, 2.0, 5.0, 10.0)
DIVERGED = math.inf  # in the place of a bias: of no size that could be told

Pair = tuple[float, float | None]  # bias, and sigma_eval where it is known

EXACT: dict[str, tuple[Pair | None, ...]] = {  # at each total correlation; None: not known
    "oracle_dv": ((0.005, 0.17), (0.07, 0.41), (0.33, 0.75), (2.6, 2.5)),
    "oracle_mean": ((0.0, 0.09), (0.0, 0.20), (0.0, 0.32), (0.0, 0.39)),
    "mss_loo": ((-0.29, 0.09), (-0.37, 0.20), (-0.45, 0.33), (-0.53, 0.43)),
    "mss_faulty": ((0.41, None), (0.55, None), (0.76, None), (0.98, None)),
    "mws": ((98.0, None), (98.0, None), (98.0, None), (98.0, None)),
    "gauss_sample_debiased": ((0.0, 0.07), None, None, (0.04, 0.41)),
}
TRAINED: dict[str, tuple[Pair | None, ...]] = {
    "mine": ((-0.03, 0.19), (-0.01, 0.64), (DIVERGED, None), (DIVERGED, None)),
    "js": ((-0.04, 0.08), (-0.46, 0.13), (-1.01, 0.18), (-1.57, 0.22)),
    "smile_5": ((-0.03, 0.12), (-0.31, 0.25), (-0.60, 0.56), (0.96, 1.55)),
    "infonce": ((-0.05, 0.14), None, (-1.53, 0.41), (-4.68, 0.26)),
}
GRADIENT_NOISE: dict[str, tuple[float | None, ...]] = {  # relative
    "mss_loo": (0.28, 0.13, 0.09, 0.07),
    "mine": (0.43, 0.91, None, None),
    "mine/joint": (0.14, 0.14, None, None),
}


class Known(NamedTuple):
    """A known value beside the one that was found.

    Attributes:
        reading: Of which estimator; with ``gradient`` before it, the relative noise of its gradient.
        critics: How they were trained; empty where there are none.
        total_correlation: Truth, nats.
        bias: Known; None for gradients.
        found_bias: Found.
        sigma: Known: sigma_eval, or the noise.
        found_sigma: Found.
        agrees: Whether they lie as near as the module says.
    """

    reading: str
    critics: str
    total_correlation: float
    bias: float | None
    found_bias: float | None
    sigma: float | None
    found_sigma: float
    agrees: bool


def known_values(found: Sequence[CellRecord], records: Records) -> list[Known]:
    """Every known value that the finished cells have something to say on."""
    rows = []
    for record in found:
        if not _is_of_the_table(record.cell):
            continue
        tc = record.cell.distribution.total_correlation
        at = TOTAL_CORRELATIONS.index(tc)
        for reading, values in records.values(record.cell).items():
            pair = (EXACT.get(reading) or TRAINED.get(reading) or (None,) * 4)[at]
            if pair is not None:
                rows.append(_value(reading, pair, record, values))
        for name, gradient in record.gradients.items():
            noise = GRADIENT_NOISE.get(name, (None,) * 4)[at]
            if noise is not None and gradient.noise is not None:
                agrees = 0.7 < gradient.noise / noise < 1.8
                critics = condition(record.cell, name.removesuffix("/joint"))
                rows.append(Known(f"gradient {name}", critics, tc, None, None, noise, gradient.noise, agrees))
    return sorted(rows, key=lambda row: [*EXACT, *TRAINED, *(f"gradient {n}" for n in GRADIENT_NOISE)].index(row[0]))


def _is_of_the_table(cell: Cell) -> bool:
    spec, critics = cell.distribution, cell.critics
    plain = critics is None or (
        (critics.condition, critics.structure, critics.hidden_dim) == ("converged", "whole", 128)
        and critics.score_bound is None
    )
    usual = (spec.kind, spec.dim, spec.warp, cell.batch_size) == ("equicorrelated", 10, "none", 256)
    return plain and usual and not spec.permuted and spec.total_correlation in TOTAL_CORRELATIONS


def _value(reading: str, pair: Pair, record: CellRecord, values: np.ndarray) -> Known:
    tc, (bias, sigma) = record.cell.distribution.total_correlation, pair
    m, critics = moments(values, record.truth.value, record.cell.batch_size), condition(record.cell, reading)
    if bias == DIVERGED:
        runs_away = not math.isfinite(m.bias.value) or abs(m.bias.value) > 10 * tc
        return Known(reading, critics, tc, bias, m.bias.value, sigma, m.sigma_eval.value, runs_away)
    rounding = 0.5 if reading == "mws" else 0.01
    near = 0.05 + 0.1 * tc if reading in TRAINED else 4 * math.sqrt(2 / values.shape[1]) * m.sigma_eval.value + rounding
    low, high = (0.6, 2.0) if reading == "oracle_dv" else (0.7, 1.8)
    agrees = abs(m.bias.value - bias) <= near and (sigma is None or low < m.sigma_eval.value / sigma < high)
    return Known(reading, critics, tc, bias, m.bias.value, sigma, m.sigma_eval.value, agrees)
