"""Finished cells as one text file: a line a cell, with its record and every raw value, to be committed and read again.

Values are kept to six digits, a string of numbers for each critic, in which ``nan`` and ``inf`` have their place.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.records import CellRecord, Records
from minebench.benchmarks.suggestions import UsageError
from minebench.leaderboard.results import write_atomically


def pack(cells: Iterable[Cell], records: Records, path: Path) -> int:
    """Write the finished ones of some cells, in their order.

    Args:
        cells: Which.
        records: What is finished.
        path: The file; it is replaced.

    Returns:
        How many were written.
    """
    lines = []
    for record in records.finished(tuple(cells)):
        values = records.values(record.cell)
        raw = {reading: [" ".join(f"{v:.6g}" for v in row) for row in array] for reading, array in values.items()}
        lines.append(json.dumps({**record.model_dump(mode="json", exclude_defaults=True), "values": raw}))
    write_atomically(path, "".join(f"{line}\n" for line in lines))
    return len(lines)


def unpack(path: Path, records: Records) -> int:
    """Put the cells of a file into a folder of records; those that are there already stay as they are.

    Args:
        path: From ``pack``.
        records: Where they go.

    Returns:
        How many were put there.

    Raises:
        UsageError: If there is no such file, or a line is no finished cell.
    """
    if not path.is_file():
        raise UsageError(f"no archive at {path}")
    n = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            document = json.loads(line)
            raw = document.pop("values")
            record = CellRecord.model_validate(document)
            values = {reading: np.array([row.split() for row in rows], np.float64) for reading, rows in raw.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}, line {number} is no finished cell: {error}") from None
        if not records.exists(record.cell):
            records.save(record, values)
            n += 1
    return n
