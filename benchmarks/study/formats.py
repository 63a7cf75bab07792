"""Numbers, intervals and tables of the study as text."""

import math
from collections.abc import Sequence

from tabulate import tabulate

from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.statistics import Interval


def with_error(value: float, error: float) -> str:
    """A number and its standard error, where it has one."""
    return f"{value:.3f} ± {error:.3f}" if error else f"{value:.3f}"


def pair_text(value: float | None, error: float | None) -> str:
    """The same for numbers that may be missing."""
    return "not finite" if value is None else f"{value:.3f} ± {error:.3f}" if error is not None else f"{value:.3f}"


def interval_text(found: Interval, *, sign: bool = False) -> str:
    """A number and its interval, where it has one."""
    if not math.isfinite(found.value):
        return "not finite"
    ends = "" if math.isnan(found.low) else f" [{number_text(found.low)}, {number_text(found.high)}]"
    return f"{number_text(found.value, sign=sign)}{ends}"


def number_text(value: float, *, sign: bool = False) -> str:
    """Three digits, or as a power of ten where that is too long."""
    if not math.isfinite(value):
        return "not finite"
    plus = "+" if sign else ""
    return f"{value:{plus}.2e}" if abs(value) >= 1e4 else f"{value:{plus}.{max(0, 3 - len(str(int(abs(value)))))}f}"


def table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """A Markdown table without the columns that are empty in every row."""
    if not rows:
        return ""
    filled = [place for place in range(len(headers)) if any(str(row[place]) for row in rows)]
    return tabulate(
        [[row[place] for place in filled] for row in rows],
        headers=[headers[place] for place in filled],
        tablefmt="github",
        disable_numparse=True,
    )


def section(title: str, table: str) -> str:
    """A title over a table; nothing where there is no table."""
    return f"## {title}\n\n{table}" if table else ""


def condition(cell: Cell, reading: str) -> str:
    """What critics a reading is of."""
    if reading.startswith("oracle"):
        return "exact"
    if cell.critics is None or reading in cell.estimators:
        return ""
    own = ", own codes" if reading.endswith("@own") else ""
    return f"{cell.critics.label}{own}"
