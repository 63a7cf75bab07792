"""Numbers as text: fixed digits, units, and no minus before a zero."""

from minebench.leaderboard.calibration import Coverage
from minebench.leaderboard.cells import Cell, Column
from minebench.leaderboard.statistics import Estimate

MARKS = {"plain t": "‡", "collapsed": "§", "seeds disagree": "¶", "partly constant": "†"}
NOTHING = "–"


def fixed(value: float, digits: int) -> str:
    """A number with ``digits`` decimals; what rounds to zero has no sign."""
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not float(text.replace(",", "")) else text


def score(value: float, column: Column) -> str:
    """A metric's value: three decimals in a short range, four significant digits otherwise."""
    if column.lower is not None or column.upper is not None:
        return fixed(value, 3)
    return f"{value:.4g}"


def interval(estimate: Estimate, column: Column, *, n_expected: int) -> str:
    """What stands below a mean: its interval, or why there is none; n where it is not the expected one."""
    n = "" if estimate.n == n_expected else f" n={estimate.n}"
    if estimate.low is None or estimate.high is None:
        return f"no spread ({estimate.n})" if estimate.method == "no spread" else f"one seed{n}"
    return f"[{score(estimate.low, column)}, {score(estimate.high, column)}]{n}"


def heading(column: Column, others: tuple[Column, ...]) -> str:
    """A column's title with its arrow, and what tells it from other columns of the same metric."""
    same = [other for other in others if other.metric == column.metric]
    number = ""
    if len(same) > 1:
        versions = {other.version for other in same}
        number = f" v{column.version}" if len(versions) == len(same) else f" ({same.index(column) + 1})"
    return f"{column.title}{number} {'↑' if column.direction == 'up' else '↓'}"


def marks(cell: Cell) -> str:
    """Signs of a cell's flags; the notes explain them."""
    return "".join(MARKS[flag] for flag in cell.flags)


def p_value(p: float) -> str:
    """A p with three decimals."""
    return "<0.001" if p < 0.0005 else "1" if p > 0.9995 else f"{p:.3f}"


def percent(coverage: Coverage) -> str:
    """A range of shares."""
    low, high = f"{100 * coverage.low:.0f}", f"{100 * coverage.high:.0f}"
    return f"{low}\u00a0%" if low == high else f"{low} to {high}\u00a0%"  # not to be wrapped


def duration(seconds: float) -> str:
    """A time of two or three digits."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}" if seconds < 10 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def memory(size: int) -> str:
    """An amount of memory in MiB or GiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def listed(items: list[str]) -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
