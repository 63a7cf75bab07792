"""The board in long form: one line for each model, data set and metric, for people who compute with it."""

from typing import Any

import pandas as pd

from minebench.leaderboard.board import Board, Table
from minebench.leaderboard.cells import Cell, Column
from minebench.leaderboard.rows import Row
from minebench.leaderboard.styles import one_line


def long_form(board: Board) -> pd.DataFrame:
    """One line for each row and column of each table.

    Args:
        board: From ``build``.

    Returns:
        Strings and numbers; numbers have six significant digits, so that another version of
        a library gives the same text. A model without scores has lines with ``n`` 0; a table
        without columns has one line a row, with an empty ``metric``.
    """
    lines = [
        _line(table, row, i) for table in board.tables for row in table.rows for i in range(max(len(row.cells), 1))
    ]
    return pd.DataFrame(lines, columns=list(_COLUMNS), dtype=object)


_COLUMNS = (
    "profile",
    "images",
    "supervision",
    "precision",
    "dataset",
    "dataset_title",
    "fingerprint",
    "rows",
    "split",
    "rows_hash",
    "codes",
    "metric",
    "title",
    "version",
    "direction",
    "protocol",
    "model",
    "model_title",
    "variant",
    "trained",
    "mean",
    "low",
    "high",
    "method",
    "n",
    "seeds",
    "values",
    "rank",
    "flags",
    "noise",
    "resolvable",
    "failed",
    "failures",
    "reconstruction",
    "kl",
    "active_codes",
    "n_codes",
    "parameters",
    "train_seconds",
    "peak_memory_bytes",
)


def _line(table: Table, row: Row, i: int) -> dict[str, Any]:
    line = _place(table) | _model(row)
    if row.cells:
        line |= _metric(table.columns[i]) | _value(row.cells[i])
        line["resolvable"] = table.judgements[i].resolvable
    return {name: _text(line.get(name), numbers=name == "values") for name in _COLUMNS}


def _place(table: Table) -> dict[str, Any]:
    setting, scored = table.setting, table.scored[0]
    place = {
        "profile": setting.profile,
        "images": setting.images,
        "supervision": setting.supervision,
        "precision": setting.precision,
        "codes": table.codes,
        "dataset": "overall" if table.overall else table.datasets[0],
        "dataset_title": " + ".join(table.dataset_titles),
    }
    if table.overall:
        return place
    place["fingerprint"] = table.fingerprints[0]
    return place if scored is None else place | {"rows": scored.n, "split": scored.split, "rows_hash": scored.hash}


def _metric(column: Column) -> dict[str, Any]:
    return {
        "metric": column.metric,
        "title": column.title,
        "version": column.version,
        "direction": column.direction,
        "protocol": column.protocol,
    }


def _model(row: Row) -> dict[str, Any]:
    costs = row.costs
    return {
        "model": row.model,
        "model_title": row.title,
        "variant": " ".join(row.variant),
        "trained": row.trained,
        "n": 0,
        "failed": len(row.failed),
        "failures": " ".join(f"{run.dataset}/{run.seed}:{run.failure.kind}" for run in row.failed),
        "reconstruction": costs.reconstruction and costs.reconstruction.mean,
        "kl": costs.kl and costs.kl.mean,
        "active_codes": costs.active_codes,
        "n_codes": costs.n_codes,
        "parameters": costs.parameters,
        "train_seconds": costs.train_seconds,
        "peak_memory_bytes": costs.peak_memory_bytes,
    }


def _value(cell: Cell | None) -> dict[str, Any]:
    if cell is None:
        return {}
    seeds = [pair for part in cell.values for pair in part]
    value: dict[str, Any] = {
        "n": len(seeds),
        "seeds": " ".join(str(seed) for seed, _ in seeds),
        "values": " ".join(f"{number:.6g}" for _, number in seeds),
        "rank": None if cell.rank is None else str(cell.rank),
        "flags": ", ".join(cell.flags),
        "noise": cell.noise,
    }
    if cell.estimate is None:
        return value
    mean = {"mean": cell.estimate.mean, "low": cell.estimate.low, "high": cell.estimate.high}
    return value | mean | {"method": cell.estimate.method}


def _text(value: Any, *, numbers: bool) -> str:
    """One cell of the file; a text that a spreadsheet would run as a formula is quoted by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = one_line(str(value))
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and not numbers else text
