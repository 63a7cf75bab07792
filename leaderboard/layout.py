"""What a board looks like, whatever the format: sections, tables, and the lines in them.

A model takes two lines of a table, its figures and below them their intervals, as in the
regression tables of economics: five metrics with intervals fit into 120 columns that way.
"""

from collections.abc import Sequence

from minebench.leaderboard.board import Board, Table
from minebench.leaderboard.cells import Cell, Column
from minebench.leaderboard.comparison import Pair
from minebench.leaderboard.notes import (
    caveats,
    failures,
    method_notes,
    origin_notes,
    seeds_of,
    settings_tried,
    title_of,
)
from minebench.leaderboard.rows import Costs, Row
from minebench.leaderboard.statistics import Estimate
from minebench.leaderboard.styles import Style
from minebench.leaderboard.wording import (
    NOTHING,
    duration,
    fixed,
    heading,
    interval,
    listed,
    marks,
    memory,
    p_value,
    score,
)

COLUMNS_SIDE_BY_SIDE = 5
COSTS_SIDE_BY_SIDE = 7
CAUTIONS = {"quick": "not comparable with the paper table"}


def sections(board: Board, style: Style) -> list[str]:
    """The board in pieces that an empty line parts.

    Args:
        board: From ``build``.
        style: The format.

    Returns:
        Headings, tables and notes.
    """
    if not board.tables:
        return ["No results yet."]
    parts: list[str] = []
    profile = None
    for table in board.tables:
        if table.setting.profile != profile:
            profile = table.setting.profile
            parts.append(style.heading(2, f"Profile {style.name(profile)}"))
        parts += _section(table, style)
    if board.superseded:
        runs = "1 older run is" if board.superseded == 1 else f"{board.superseded} older runs are"
        parts.append(f"{runs} left out: a newer one has the same seed.")
    return parts


def _section(table: Table, style: Style) -> list[str]:
    parts = [style.heading(3, _title(table, style)), _caption(table, style)]
    starts = range(0, max(len(table.columns), 1), COLUMNS_SIDE_BY_SIDE)
    for start in starts:
        columns = table.columns[start : start + COLUMNS_SIDE_BY_SIDE]
        parts += ["Further metrics:"] * (start > 0)
        parts.append(_scores(table, columns, style))
        parts.append(style.bullets([*method_notes(table, columns, style), *caveats(table, columns, style)]))
        details = [*_pairs(table, columns, style), style.bullets(origin_notes(table, columns, style))]
        parts.append(style.fold("Pairs, protocols, origin", "\n\n".join(details)))
    parts += _costs(table, style)
    failed = failures(table, style)
    return [*parts, "Failed runs:", style.bullets(failed)] if failed else parts


def _title(table: Table, style: Style) -> str:
    name = style.name(table.dataset_titles[0]) if not table.overall else f"Mean over {len(table.datasets)} data sets"
    supervision = "" if table.setting.supervision == "none" else f", supervision {table.setting.supervision}"
    return name + style.name(supervision) + (", blocks of codes" if table.codes == "blocks" else "")


def _caption(table: Table, style: Style) -> str:
    setting = table.setting
    parts = [_images(table)]
    if table.overall:
        parts.append(listed([style.name(title) for title in table.dataset_titles]))
    scored = [rows for rows in table.scored if rows is not None]
    if scored and not table.overall:
        split = style.name(scored[0].split.replace("_", "-"))
        parts.append(f"scored on {scored[0].n:,} {split} rows ({style.name(scored[0].hash[:10])})")
    parts.append("no labels" if setting.supervision == "none" else f"supervision {style.name(setting.supervision)}")
    parts.append(style.name(setting.precision))
    caution = f" Short training, {style.strong(CAUTIONS[setting.profile])}." if setting.profile in CAUTIONS else ""
    return style.paragraph(f"{'; '.join(parts)}.{caution}{settings_tried(table, style)}")


def _images(table: Table) -> str:
    if table.setting.images == "procedural":
        return "Procedural images, not the real data set"
    drawn = "procedural" in table.origin.sources
    if not drawn:
        return "Real images"
    both = "real" in table.origin.sources
    return ("Real images, and drawn ones" if both else "Drawn images,") + " equal to the real ones in every pixel"


def _scores(table: Table, columns: Sequence[Column], style: Style) -> str:
    """The table of figures: two lines a model, and a last one with what can be resolved."""
    which = [table.columns.index(column) for column in columns]
    headers = ["Model", *(style.name(heading(column, table.columns)) for column in columns)]
    lines: list[list[str]] = []
    for row in table.rows:
        lines.append([title_of(row, style), *(_figure(row.cells[i], table.columns[i], style) for i in which)])
        lines.append([seeds_of(row, table), *(_below(row.cells[i], table.columns[i], row, table) for i in which)])
    if any(table.judgements[i].pairs for i in which):
        lines.append(["resolvable", *(_resolvable(table, i) for i in which)])
    return style.grid(headers, lines)


def _figure(cell: Cell | None, column: Column, style: Style) -> str:
    if cell is None or cell.estimate is None:
        return NOTHING
    text = score(cell.estimate.mean, column)
    if cell.rank is not None:
        text = f"{style.strong(text) if cell.rank.place == 1 else text} ({cell.rank})"
    return text + marks(cell)


def _below(cell: Cell | None, column: Column, row: Row, table: Table) -> str:
    if cell is None:
        return ""
    if cell.estimate is None:
        return f"{cell.present}/{len(table.datasets)} data sets"
    expected = cell.estimate.n if table.overall else len(row.seeds)
    return interval(cell.estimate, column, n_expected=expected)


def _resolvable(table: Table, i: int) -> str:
    column, difference = table.columns[i], table.judgements[i].resolvable
    if difference is None:
        return NOTHING
    if column.lower is not None and column.upper is not None and difference >= column.upper - column.lower:
        return "none"  # no two models can be that far apart
    return score(difference, column)


def _pairs(table: Table, columns: Sequence[Column], style: Style) -> list[str]:
    """Every pair of models with its p on each metric, or nothing where there are no pairs."""
    if style.compact:
        return []
    chosen = [j for c, j in zip(table.columns, table.judgements, strict=True) if c in columns]
    found = [{(pair.first, pair.second): pair for pair in judgement.pairs} for judgement in chosen]
    names = {row.key: title_of(row, style) for row in table.rows}
    order = {row.key: place for place, row in enumerate(table.rows)}
    keys = sorted({key for pairs in found for key in pairs}, key=lambda key: sorted(order[part] for part in key))
    if not keys:
        return []
    lines = []
    for key in keys:
        better, worse = sorted(key, key=order.__getitem__)
        shown = [NOTHING if (pair := pairs.get(key)) is None else _p(pair) for pairs in found]
        lines.append([f"{names[better]} / {names[worse]}", *shown])
    headers = ["p by Holm (exact p)", *(style.name(heading(column, table.columns)) for column in columns)]
    return [style.grid(headers, lines)]


def _p(pair: Pair) -> str:
    return p_value(pair.holm) + ("" if pair.permutation is None else f" ({p_value(pair.permutation)})")


def _costs(table: Table, style: Style) -> list[str]:
    """What stands beside the scores: a column for each quantity that any row has."""
    lines = [line for row in table.rows for line in ([title_of(row, style)], [""])]
    quantities = [q for q in _quantities(table, style) if any(value for pair in q[1] for value in pair)]
    parts = []
    for start in range(0, len(quantities), COSTS_SIDE_BY_SIDE):
        shown = quantities[start : start + COSTS_SIDE_BY_SIDE]
        columns = [[text for pair in pairs for text in pair] for _, pairs in shown]
        body = [[*line, *values] for line, *values in zip(lines, *columns, strict=True)]
        parts.append(style.grid(["Model", *(name for name, _ in shown)], [line for line in body if any(line)]))
    if not parts:
        return []
    lead = (
        "Beside the scores. Reconstruction and KL: nats per image on the scored rows, below them 95\u00a0% intervals "
        "by Student's t. Active codes and training time: means over seeds. Memory: the most over seeds."
    )
    noise = " Noise: standard deviation of a metric that is repeated on the same codes."
    return [style.paragraph(lead + noise * any(name.endswith("noise") for name, _ in quantities)), *parts]


def _quantities(table: Table, style: Style) -> list[tuple[str, list[tuple[str, str]]]]:
    """Name and, for each row, what stands on its two lines; both empty where nothing is known."""
    costs = [row.costs for row in table.rows]
    quantities = [
        ("Reconstruction", [_nats(cost.reconstruction) for cost in costs]),
        ("KL", [_nats(cost.kl) for cost in costs]),
        ("Active codes", [(_active(cost), "") for cost in costs]),
        ("Parameters", [("" if cost.parameters is None else f"{cost.parameters:,}", "") for cost in costs]),
        ("Training", [("" if cost.train_seconds is None else duration(cost.train_seconds), "") for cost in costs]),
        ("Memory", [("" if cost.peak_memory_bytes is None else memory(cost.peak_memory_bytes), "") for cost in costs]),
    ]
    for i, column in enumerate(table.columns):
        cells = [row.cells[i] for row in table.rows]
        title = style.name(heading(column, table.columns)[:-2])
        joint = [("" if cell is None or cell.joint is None else score(cell.joint, column), "") for cell in cells]
        noise = [("" if cell is None or cell.noise is None else score(cell.noise, column), "") for cell in cells]
        quantities += [(f"{title} joint ↑", joint), (f"{title} noise", noise)]
    return quantities


def _nats(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "", ""
    if estimate.low is None or estimate.high is None:
        return fixed(estimate.mean, 1), ""
    return fixed(estimate.mean, 1), f"[{fixed(estimate.low, 1)}, {fixed(estimate.high, 1)}]"


def _active(costs: Costs) -> str:
    if costs.active_codes is None:
        return ""
    return fixed(costs.active_codes, 1) + ("" if costs.n_codes is None else f" of {costs.n_codes}")
