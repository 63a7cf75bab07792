"""An ablation in long form: one record for each arm, data set and metric, for people who compute with it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from minebench.benchmarks.ablation.arms import Ablation
from minebench.benchmarks.ablation.outcome import ArmRuns, Line, Table, tables
from minebench.benchmarks.ablation.published import agreements
from minebench.leaderboard.cells import Column
from minebench.leaderboard.styles import one_line

COLUMNS = (
    "ablation", "arm", "title", "sets", "supervision", "dataset", "codes", "metric", "version", "direction", "protocol",
    "mean", "low", "high", "n", "seeds", "values", "reference", "difference", "difference_low", "difference_high",
    "pairs", "unpaired", "p", "holm", "exact_p", "separable", "runs", "wanted", "failed", "failures",
)  # fmt: skip


def records(ablation: Ablation, arms: Mapping[str, ArmRuns]) -> list[dict[str, Any]]:
    """One record for each line and column of each table, and one for each arm that stands in none.

    Returns:
        Plain data under the names of ``COLUMNS``; what is not known is None.
    """
    found = [
        _record(ablation, table, line, i)
        for table in tables(ablation, arms)
        for line in table.lines
        for i in range(len(table.columns))
    ]
    in_tables = {record["arm"] for record in found}
    return found + [_about(ablation, arm) for key, arm in arms.items() if key not in in_tables]


def csv_text(ablation: Ablation, arms: Mapping[str, ArmRuns]) -> str:
    """The records as comma-separated text; numbers have six significant digits."""
    lines = [{name: _text(record[name]) for name in COLUMNS} for record in records(ablation, arms)]
    return pd.DataFrame(lines, columns=list(COLUMNS), dtype=object).to_csv(index=False, lineterminator="\n")


def summary(ablation: Ablation, arms: Mapping[str, ArmRuns]) -> dict[str, Any]:
    """All that the page says, as plain data for ``--json``."""
    reported = ablation.reported
    kinds = ("blocks", "dims") if reported is not None else ()
    agreeing = [one for codes in kinds for one in agreements(reported, arms, codes)]  # type: ignore[arg-type]
    return {
        "ablation": ablation.label,
        "reference": ablation.reference,
        "records": records(ablation, arms),
        "reported": None
        if reported is None
        else {
            "source": reported.source,
            "figures": {arm: dict(zip(reported.metrics, row, strict=True)) for arm, row in reported.arms.items()},
            "agreement": [
                {
                    "metric": one.column.metric,
                    "codes": one.codes,
                    "arms": list(one.arms),
                    "tau": one.tau,
                    "hold": one.confirmed,
                    "reversed": one.contradicted,
                    "not_told_apart": one.undecided,
                }
                for one in agreeing
            ],
        },
    }


def _record(ablation: Ablation, table: Table, line: Line, i: int) -> dict[str, Any]:
    record = _about(ablation, line.arm) | _metric(table.columns[i])
    record |= {"dataset": "+".join(table.datasets), "codes": table.codes}
    cell, difference = line.cells[i], line.differences[i]
    if cell is not None:
        record["seeds"] = [seed for part in cell.values for seed, _ in part]
        record["values"] = [value for part in cell.values for _, value in part]
        record["n"] = len(record["seeds"])
    if cell is not None and cell.estimate is not None:
        record |= {"mean": cell.estimate.mean, "low": cell.estimate.low, "high": cell.estimate.high}
    if difference is not None:
        record |= {
            "difference": difference.estimate.mean,
            "difference_low": difference.estimate.low,
            "difference_high": difference.estimate.high,
            "pairs": difference.estimate.n,
            "unpaired": difference.unpaired,
            "p": difference.p,
            "holm": difference.holm,
            "exact_p": difference.exact,
            "separable": difference.separable,
        }
    return record


def _about(ablation: Ablation, arm: ArmRuns) -> dict[str, Any]:
    failures = [f"{run.dataset}/{run.seed}:{run.failure.kind}" for run in arm.failed if run.failure is not None]
    return dict.fromkeys(COLUMNS) | {
        "ablation": ablation.label,
        "arm": arm.arm,
        "title": arm.title,
        "sets": {"model": ablation.model_of(arm.arm)} | ablation.arms[arm.arm].set,
        "supervision": arm.supervision,
        "reference": ablation.reference,
        "n": 0,
        "runs": len(arm.done),
        "wanted": arm.n_wanted,
        "failed": len(arm.failed),
        "failures": failures,
    }


def _metric(column: Column) -> dict[str, Any]:
    return {
        "metric": column.metric,
        "version": column.version,
        "direction": column.direction,
        "protocol": column.protocol,
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(_text(part) for part in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={_text(part)}" for key, part in value.items())
    return f"{value:.6g}" if isinstance(value, float) else one_line(str(value))
