"""The study's tables that set one estimator against another, and against what was known before."""

import math
from collections.abc import Sequence

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.formats import condition, interval_text, number_text, table
from minebench.benchmarks.study.gradient_verdicts import gradient_duels
from minebench.benchmarks.study.grid import Primary
from minebench.benchmarks.study.known import known_values
from minebench.benchmarks.study.records import CellRecord, Records
from minebench.benchmarks.study.statistics import moments
from minebench.benchmarks.study.verdicts import Duel, duels

RIVALS = (
    ("mine", "part_mc"),
    ("mine", "full_mc"),
    ("mine", "gauss_sample_debiased"),
    ("js", "mss_loo"),
    ("copula_js", "mss_loo"),
    ("copula_js", "part_mc"),
    ("copula_js", "full_mc"),
    ("copula_js", "gauss_sample_debiased"),
    ("copula_js", "js"),
)
GRADIENT_RIVALS = tuple(
    (neural, rival)
    for neural in ("mine", "mine/joint", "js/joint", "copula_js/joint")
    for rival in ("mss_loo", "part_mc", "gauss_sample_debiased")
)
WIDTH = 128  # hidden units of the critics that are compared
SUMMARY = ("mss_loo", "part_mc", "full_mc", "gauss_sample_debiased", "oracle_dv", "mine", "js", "smile_5", "copula_js")


def duel_table(found: Sequence[CellRecord], records: Records, primary: Primary) -> str:
    """The comparison that decides."""
    return _duels(duels(found, records, primary), primary, named=False)


def rivals_table(found: Sequence[CellRecord], records: Records, primary: Primary) -> str:
    """The same with other neural readings and other rivals; p-values are adjusted over this table."""
    return _duels(duels(found, records, primary, RIVALS), primary, named=True)


def gradient_duel_table(found: Sequence[CellRecord], primary: Primary) -> str:
    """Whose gradient is nearer to the exact one."""
    rows = [
        (
            duel.record.cell.distribution.label,
            duel.record.cell.batch_size,
            duel.neural,
            duel.rival,
            condition(duel.record.cell, duel.neural.removesuffix("/joint")),
            interval_text(duel.noise),
            interval_text(duel.same),
            f"{duel.averaged:.2g}",
            interval_text(duel.equal_cost),
        )
        for duel in gradient_duels(found, primary, GRADIENT_RIVALS)
    ]
    headers = ("distribution", "M", "gradient", "against", "critics", "noise ratio", "error ratio at equal samples",
               "cost ratio, FLOPs", "error ratio at equal cost")  # fmt: skip
    return table(rows, headers)


def summary_table(found: Sequence[CellRecord], records: Records, primary: Primary) -> str:
    """Root mean squared errors at the primary batch size: a distribution a row, an estimator a column."""
    cells: dict[str, dict[str, str]] = {}
    for record in found:
        cell = record.cell
        if cell.batch_size != primary.batch_size or not (cell.critics is None or _is_usual(cell)):
            continue
        for reading, values in records.values(cell).items():
            rmse = moments(values, record.truth.value, cell.batch_size).rmse.value
            if reading != primary.neural or is_primary(cell, primary):
                cells.setdefault(cell.distribution.label, {})[reading] = number_text(rmse)
    rows = [(label, *(row.get(reading, "") for reading in SUMMARY)) for label, row in cells.items()]
    return table(rows, ("distribution", *SUMMARY))


def known_table(found: Sequence[CellRecord], records: Records) -> str:
    """Known values beside those that were found."""
    rows = [
        (
            row.reading,
            row.critics,
            f"{row.total_correlation:g}",
            "" if row.bias is None else "diverges" if math.isinf(row.bias) else f"{row.bias:+.3g}",
            "" if row.found_bias is None else number_text(row.found_bias, sign=True),
            "" if row.sigma is None else f"{row.sigma:.2f}",
            number_text(row.found_sigma),
            "yes" if row.agrees else "no",
        )
        for row in known_values(found, records)
    ]
    return table(rows, ("estimator", "critics", "TC", "known bias", "bias", "known sigma", "sigma", "agrees"))


def is_primary(cell: Cell, primary: Primary) -> bool:
    """Whether a cell is one of those that the comparison was fixed on."""
    return (
        cell.critics is not None
        and cell.critics.condition == primary.condition
        and (cell.critics.structure, cell.critics.hidden_dim) == ("whole", WIDTH)
        and cell.critics.learning_rate == primary.learning_rate
        and cell.critics.score_bound is None
        and cell.batch_size == primary.batch_size
    )


def _is_usual(cell: Cell) -> bool:
    critics = cell.critics
    return critics is not None and (critics.condition, critics.hidden_dim) == ("converged", WIDTH)


def _duels(found: Sequence[Duel], primary: Primary, *, named: bool) -> str:
    rows = [
        (
            duel.record.cell.distribution.label,
            duel.record.cell.batch_size,
            duel.neural if named else "",
            duel.rival if named else "",
            condition(duel.record.cell, duel.neural),
            interval_text(duel.same.ratio),
            f"{duel.averaged:.2g}",
            interval_text(duel.rmse.ratio),
            interval_text(duel.sigma.ratio),
            f"{duel.brown_forsythe:.2g}",
            duel.verdict,
            "primary" if not named and is_primary(duel.record.cell, primary) else "",
        )
        for duel in found
    ]
    unit = "FLOPs" if primary.cost == "flops" else "seconds"
    headers = ("distribution", "M", "neural", "against", "critics", "RMSE ratio at equal samples",
               f"cost ratio, {unit}",
               "RMSE ratio at equal cost", "sigma ratio", "Brown-Forsythe p", "verdict", "")  # fmt: skip
    return table(rows, headers)
