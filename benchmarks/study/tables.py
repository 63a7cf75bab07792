"""The study as Markdown: every row with its condition, and nothing ranked by variance alone."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from tabulate import tabulate

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.controls import controls
from minebench.benchmarks.study.grid import Grid, Primary
from minebench.benchmarks.study.records import CellRecord, CostRecord, Records
from minebench.benchmarks.study.statistics import Interval, Moments, moments
from minebench.benchmarks.study.verdicts import cost_of, duels

ORACLE_OF = {"mine": "oracle_dv", "dv": "oracle_dv", "nwj": "oracle_nwj", "js": "oracle_mean",
             "smile_5": "oracle_smile_5", "infonce": "oracle_infonce"}  # fmt: skip


def report(grid: Grid, records: Records) -> str:
    """All tables of the finished cells of a grid."""
    found = list(records.finished(grid.cells))
    kept = [record for record in found if record.truth.agrees]
    doubtful = sorted({record.cell.distribution.label for record in found} - {r.cell.distribution.label for r in kept})
    parts = [
        f"Grid {grid.name}: {len(found)} of {len(grid.cells)} cells. {grid.about}",
        _section("Truths", truths(kept)),
        _section("Values", values_table(kept, records)),
        _section("Where the bias comes from", split_table(kept, records)),
        _section("Gradients", gradient_table(kept)),
        _section("Cost", cost_table(kept, records, grid.primary)),
        _section(f"{grid.primary.neural} against {grid.primary.monte_carlo}", duel_table(kept, records, grid.primary)),
        _section("Controls", control_table(kept, records)),
    ]
    if doubtful:
        parts.append(f"Not printed, for the two routes to their truth disagree: {', '.join(doubtful)}.")
    return "\n\n".join(part for part in parts if part)


def truths(found: Sequence[CellRecord]) -> str:
    """Truths by distribution: both routes, TC(q_N), and the condition on the normaliser."""
    by_label = {record.cell.distribution.label: record.truth for record in found}
    rows = [
        (
            label,
            _with_error(truth.value, truth.error),
            _with_error(truth.second, truth.second_error),
            "" if truth.aggregated is None else _with_error(truth.aggregated, truth.aggregated_error or 0.0),
            "" if truth.largest_eigenvalue is None else f"{truth.largest_eigenvalue:.2f}",
            truth.normaliser,
        )
        for label, truth in by_label.items()
    ]
    headers = ("distribution", "truth", "second route", "TC(q_N)", "largest eigenvalue", "normaliser's variance")
    return _table(rows, headers)


def values_table(found: Sequence[CellRecord], records: Records) -> str:
    """Bias, standard deviations, root mean squared error and failures of every reading."""
    rows = [
        (
            cell.distribution.label,
            cell.batch_size,
            reading,
            condition(cell, reading),
            normaliser,
            _interval(m.bias, sign=True),
            _interval(m.sigma_eval),
            _number(m.sigma_train) if len(values_of) > 1 else "",
            _interval(m.rmse),
            _shares(m),
        )
        for cell, normaliser, values_of, reading, m in _all_moments(found, records)
    ]
    headers = (
        "distribution", "M", "estimator", "critics", "normaliser", "bias", "sigma_eval", "sigma_train", "RMSE",
        "not finite / above log M / negative, %",
    )  # fmt: skip
    return _table(rows, headers)


def split_table(found: Sequence[CellRecord], records: Records) -> str:
    """Bias by its sources: integration, approximation, finite data, staleness."""
    bias: dict[tuple[str, int, str, str], float] = {}
    for cell, _, _, reading, m in _all_moments(found, records):
        kind = "oracle" if reading.startswith("oracle") else condition(cell, reading)
        bias[cell.distribution.label, cell.batch_size, reading, kind] = m.bias.value
    rows = []
    for (label, size, reading, kind), value in bias.items():
        exact = bias.get((label, size, ORACLE_OF.get(reading, ""), "oracle"))
        if not kind.startswith("converged") or exact is None:
            continue
        width = kind.removeprefix("converged")
        others = {
            k: v for (lab, s, r, k), v in bias.items() if (lab, s, r) == (label, size, reading) and k.endswith(width)
        }
        offline = [f"{v - value:+.2f} ({k.split()[0]})" for k, v in others.items() if k.startswith("offline")]
        tracking = [f"{v - value:+.2f} ({k.split()[1]})" for k, v in others.items() if k.startswith("tracking")]
        rows.append(
            (label, size, reading, f"{exact:+.2f}", f"{value - exact:+.2f}", ", ".join(offline), ", ".join(tracking))
        )
    return _table(rows, ("distribution", "M", "estimator", "integration", "approximation", "finite data", "staleness"))


def gradient_table(found: Sequence[CellRecord]) -> str:
    """Errors of gradients, relative to the exact one."""
    rows = [
        (
            record.cell.distribution.label,
            record.cell.batch_size,
            name.removesuffix("/joint"),
            condition(record.cell, name),
            "" if not _has_branches(name) else "joint" if name.endswith("/joint") else "both",
            _pair(g.bias, g.bias_error),
            _pair(g.noise, g.noise_error),
            _pair(g.cosine, g.cosine_error),
        )
        for record in found
        for name, g in record.gradients.items()
    ]
    return _table(rows, ("distribution", "M", "estimator", "critics", "branches", "bias", "noise", "cosine"))


def cost_table(found: Sequence[CellRecord], records: Records, primary: Primary) -> str:
    """RMSE^2 times cost, critic training in part and in full, in operations and in seconds."""
    rows = []
    for record in found:
        values = records.values(record.cell)
        for reading, cost in record.costs.items():
            m = moments(values[reading], record.truth.value, record.cell.batch_size)
            square = m.rmse.value**2
            rows.append(
                (
                    record.cell.distribution.label,
                    record.cell.batch_size,
                    reading,
                    condition(record.cell, reading),
                    f"{cost.flops:.2g}",
                    f"{1e3 * cost.seconds:.3g}",
                    *(f"{square * c:.2g}" for c in costs(cost, primary)),
                )
            )
    headers = (
        "distribution", "M", "estimator", "critics", "FLOPs", "ms", "RMSE^2 FLOPs, part", "in full",
        "RMSE^2 s, part", "in full",
    )  # fmt: skip
    return _table(rows, headers)


def costs(cost: CostRecord, primary: Primary) -> tuple[float, float, float, float]:
    """FLOPs with few updates and with all, seconds with few and with all."""
    flops, seconds = (cost_of(cost, primary.model_copy(update={"cost": unit})) for unit in ("flops", "seconds"))
    return (
        flops,
        cost.flops + cost.n_updates * cost.update_flops,
        seconds,
        cost.seconds + cost.training_seconds,
    )


def duel_table(found: Sequence[CellRecord], records: Records, primary: Primary) -> str:
    """The comparison that decides."""
    rows = [
        (
            duel.record.cell.distribution.label,
            duel.record.cell.batch_size,
            condition(duel.record.cell, primary.neural),
            f"{duel.averaged:.2g}",
            _interval(duel.rmse.ratio),
            _interval(duel.sigma.ratio),
            f"{duel.brown_forsythe:.2g}",
            duel.verdict,
            "primary" if is_primary(duel.record.cell, primary) else "",
        )
        for duel in duels(found, records, primary)
    ]
    unit = "FLOPs" if primary.cost == "flops" else "seconds"
    headers = ("distribution", "M", "critics", f"cost ratio, {unit}", "RMSE ratio at equal cost", "sigma ratio",
               "Brown-Forsythe p", "verdict", "")  # fmt: skip
    return _table(rows, headers)


def control_table(found: Sequence[CellRecord], records: Records) -> str:
    """What has to hold, and what was found."""
    rows = [(c.name, c.where, c.expected, _interval(c.found, sign=True)) for c in controls(found, records)]
    return _table(rows, ("control", "where", "expected", "found, nats"))


def is_primary(cell: Cell, primary: Primary) -> bool:
    """Whether a cell is one of those that the comparison was fixed on."""
    return (
        cell.critics is not None
        and cell.critics.condition == primary.condition
        and cell.critics.structure == "whole"
        and cell.batch_size == primary.batch_size
    )


def condition(cell: Cell, reading: str) -> str:
    """What critics a reading is of."""
    if reading.startswith("oracle"):
        return "exact"
    if cell.critics is None or reading in cell.estimators:
        return ""
    own = ", own codes" if reading.endswith("@own") else ""
    return f"{cell.critics.label}{own}"


def _all_moments(found: Sequence[CellRecord], records: Records) -> Iterable[tuple[Cell, str, np.ndarray, str, Moments]]:
    for record in found:
        for reading, values in records.values(record.cell).items():
            m = moments(values, record.truth.value, record.cell.batch_size)
            yield record.cell, record.truth.normaliser, values, reading, m


def _has_branches(name: str) -> bool:
    return name.startswith(("oracle", "mine", "dv", "nwj", "js", "infonce", "line", "tree", "copula"))


def _shares(m: Moments) -> str:
    return " / ".join(f"{100 * share:.0f}" for share in (m.not_finite, m.above, m.negative))


def _with_error(value: float, error: float) -> str:
    return f"{value:.3f} ± {error:.3f}" if error else f"{value:.3f}"


def _pair(value: float | None, error: float | None) -> str:
    return "not finite" if value is None else f"{value:.3f} ± {error:.3f}" if error is not None else f"{value:.3f}"


def _interval(found: Interval, *, sign: bool = False) -> str:
    if not math.isfinite(found.value):
        return "not finite"
    ends = "" if math.isnan(found.low) else f" [{_number(found.low)}, {_number(found.high)}]"
    return f"{_number(found.value, sign=sign)}{ends}"


def _number(value: float, *, sign: bool = False) -> str:
    """Three digits, or as a power of ten where that is too long."""
    if not math.isfinite(value):
        return "not finite"
    plus = "+" if sign else ""
    return f"{value:{plus}.2e}" if abs(value) >= 1e4 else f"{value:{plus}.{max(0, 3 - len(str(int(abs(value)))))}f}"


def _table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    if not rows:
        return ""
    filled = [place for place in range(len(headers)) if any(str(row[place]) for row in rows)]
    return tabulate(
        [[row[place] for place in filled] for row in rows],
        headers=[headers[place] for place in filled],
        tablefmt="github",
        disable_numparse=True,
    )


def _section(title: str, table: str) -> str:
    return f"## {title}\n\n{table}" if table else ""
