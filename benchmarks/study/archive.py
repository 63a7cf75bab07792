"""A grid with its finished cells as one text file, to be committed, read again, and gone on with.

The first line tells the grid and the cells that are not finished; then comes a line a cell, with its record and every
raw value. Values are kept to six digits, a string of numbers for each critic, ``nan`` and ``inf`` among them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.grid import Grid
from minebench.benchmarks.study.records import CellRecord, Records
from minebench.benchmarks.suggestions import UsageError
from minebench.leaderboard.results import write_atomically

SUFFIX = ".jsonl"


def pack(grid: Grid, records: Records, path: Path) -> int:
    """Write a grid and its finished cells, in its order.

    Args:
        grid: Which cells.
        records: What is finished.
        path: The file; it is replaced.

    Returns:
        How many finished cells were written.
    """
    found = list(records.finished(grid.cells))
    unfinished = [
        cell.model_dump(mode="json", exclude_defaults=True) for cell in grid.cells if not records.exists(cell)
    ]
    lines: list[dict[str, Any]] = [{**grid.model_dump(mode="json", exclude={"cells"}), "unfinished": unfinished}]
    for record in found:
        values = records.values(record.cell)
        raw = {reading: [" ".join(f"{v:.6g}" for v in row) for row in array] for reading, array in values.items()}
        lines.append({**record.model_dump(mode="json", exclude_defaults=True), "values": raw})
    write_atomically(path, "".join(f"{json.dumps(line)}\n" for line in lines))
    return len(found)


def unpack(path: Path, records: Records) -> Grid:
    """Put the cells of a file into a folder of records; those that are there already stay as they are.

    Args:
        path: From ``pack``.
        records: Where they go.

    Returns:
        The grid, its finished cells first.

    Raises:
        UsageError: If there is no such file, or it is no packed grid.
    """
    if not path.is_file():
        raise UsageError(f"no packed grid at {path}")
    cells, unfinished, head, number = list[Cell](), list[Cell](), dict[str, Any](), 0
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            document = json.loads(line)
            if number == 1:
                unfinished = [Cell.model_validate(cell) for cell in document.pop("unfinished")]
                head = document
                continue
            cells.append(_put(document, records))
        return Grid.model_validate({**head, "cells": (*cells, *unfinished)})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}, line {number}: no packed grid: {error}") from None


def _put(document: dict[str, Any], records: Records) -> Cell:
    raw = document.pop("values")
    record = CellRecord.model_validate(document)
    values = {reading: np.array([row.split() for row in rows], np.float64) for reading, rows in raw.items()}
    if not records.exists(record.cell):
        records.save(record, values)
    return record.cell
