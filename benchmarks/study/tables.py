"""The study as Markdown: every row with its condition, and nothing ranked by variance alone."""

from collections.abc import Iterable, Sequence

import numpy as np

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.comparisons import (
    duel_table,
    gradient_duel_table,
    known_table,
    rivals_table,
    summary_table,
)
from minebench.benchmarks.study.controls import controls
from minebench.benchmarks.study.formats import (
    condition,
    interval_text,
    number_text,
    pair_text,
    section,
    table,
    with_error,
)
from minebench.benchmarks.study.grid import Grid, Primary
from minebench.benchmarks.study.records import CellRecord, CostRecord, Records
from minebench.benchmarks.study.statistics import Moments, moments
from minebench.benchmarks.study.verdicts import cost_of

ORACLE_OF = {"mine": "oracle_dv", "dv": "oracle_dv", "nwj": "oracle_nwj", "js": "oracle_mean",
             "smile_5": "oracle_smile_5", "infonce": "oracle_infonce"}  # fmt: skip


def report(grid: Grid, records: Records) -> str:
    """All tables of the finished cells of a grid."""
    found = list(records.finished(grid.cells))
    kept = [record for record in found if record.truth.agrees]
    doubtful = sorted({record.cell.distribution.label for record in found} - {r.cell.distribution.label for r in kept})
    parts = [
        f"Grid {grid.name}: {len(found)} of {len(grid.cells)} cells. {grid.about}",
        section("Truths", truths(kept)),
        section("Values", values_table(kept, records)),
        section("Where the bias comes from", split_table(kept, records)),
        section("Gradients", gradient_table(kept)),
        section("Cost", cost_table(kept, records, grid.primary)),
        section(f"{grid.primary.neural} against {grid.primary.monte_carlo}", duel_table(kept, records, grid.primary)),
        section("The other rivals", rivals_table(kept, records, grid.primary)),
        section("Gradients compared", gradient_duel_table(kept, grid.primary)),
        section("RMSE of converged critics and their rivals", summary_table(kept, records, grid.primary)),
        section("Known values", known_table(kept, records)),
        section("Controls", control_table(kept, records)),
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
            with_error(truth.value, truth.error),
            with_error(truth.second, truth.second_error),
            "" if truth.aggregated is None else with_error(truth.aggregated, truth.aggregated_error or 0.0),
            "" if truth.largest_eigenvalue is None else f"{truth.largest_eigenvalue:.2f}",
            truth.normaliser,
        )
        for label, truth in by_label.items()
    ]
    headers = ("distribution", "truth", "second route", "TC(q_N)", "largest eigenvalue", "normaliser's variance")
    return table(rows, headers)


def values_table(found: Sequence[CellRecord], records: Records) -> str:
    """Bias, standard deviations, root mean squared error and failures of every reading."""
    rows = [
        (
            cell.distribution.label,
            cell.batch_size,
            reading,
            condition(cell, reading),
            f"{values_of.shape[0]} x {values_of.shape[1]}",
            normaliser,
            interval_text(m.bias, sign=True),
            interval_text(m.sigma_eval),
            number_text(m.sigma_train) if len(values_of) > 1 else "",
            interval_text(m.rmse),
            _shares(m),
        )
        for cell, normaliser, values_of, reading, m in _all_moments(found, records)
    ]
    headers = (
        "distribution", "M", "estimator", "critics", "S x R", "normaliser", "bias", "sigma_eval", "sigma_train", "RMSE",
        "not finite / above log M / negative, %",
    )  # fmt: skip
    return table(rows, headers)


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
            (
                label,
                size,
                reading,
                kind,
                f"{exact:+.2f}",
                f"{value - exact:+.2f}",
                ", ".join(offline),
                ", ".join(tracking),
            )
        )
    headers = ("distribution", "M", "estimator", "critics", "integration", "approximation", "finite data", "staleness")
    return table(rows, headers)


def gradient_table(found: Sequence[CellRecord]) -> str:
    """Errors of gradients, relative to the exact one."""
    rows = [
        (
            record.cell.distribution.label,
            record.cell.batch_size,
            name.removesuffix("/joint"),
            condition(record.cell, name),
            "" if not _has_branches(name) else "joint" if name.endswith("/joint") else "both",
            pair_text(g.bias, g.bias_error),
            pair_text(g.noise, g.noise_error),
            pair_text(g.cosine, g.cosine_error),
        )
        for record in found
        for name, g in record.gradients.items()
    ]
    return table(rows, ("distribution", "M", "estimator", "critics", "branches", "bias", "noise", "cosine"))


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
    return table(rows, headers)


def costs(cost: CostRecord, primary: Primary) -> tuple[float, float, float, float]:
    """FLOPs with few updates and with all, seconds with few and with all."""
    flops, seconds = (cost_of(cost, primary.model_copy(update={"cost": unit})) for unit in ("flops", "seconds"))
    return (
        flops,
        cost.flops + cost.n_updates * cost.update_flops,
        seconds,
        cost.seconds + cost.training_seconds,
    )


def control_table(found: Sequence[CellRecord], records: Records) -> str:
    """What has to hold, and what was found."""
    rows = [(c.name, c.where, c.expected, interval_text(c.found, sign=True)) for c in controls(found, records)]
    return table(rows, ("control", "where", "expected", "found, nats"))


def _all_moments(found: Sequence[CellRecord], records: Records) -> Iterable[tuple[Cell, str, np.ndarray, str, Moments]]:
    for record in found:
        for reading, values in records.values(record.cell).items():
            m = moments(values, record.truth.value, record.cell.batch_size)
            yield record.cell, record.truth.normaliser, values, reading, m


def _has_branches(name: str) -> bool:
    return name.startswith(("oracle", "mine", "dv", "nwj", "js", "infonce", "line", "tree", "copula"))


def _shares(m: Moments) -> str:
    return " / ".join(f"{100 * share:.0f}" for share in (m.not_finite, m.above, m.negative))
