"""An ablation as Markdown, or as text for a terminal. The same records give the same bytes."""

from collections.abc import Mapping, Sequence

from minebench.benchmarks.ablation.arms import Ablation
from minebench.benchmarks.ablation.outcome import SHOWN, ArmRuns, Line, Table, tables
from minebench.benchmarks.ablation.published import Agreement, agreements
from minebench.leaderboard.cells import Column
from minebench.leaderboard.notes import LONGEST_REASON
from minebench.leaderboard.paired import Difference
from minebench.leaderboard.results import RunResult
from minebench.leaderboard.statistics import estimate
from minebench.leaderboard.styles import Style
from minebench.leaderboard.wording import (
    MARKS,
    NOTHING,
    duration,
    fixed,
    heading,
    interval,
    listed,
    marks,
    p_value,
    score,
)

_SIDE_BY_SIDE = 2  # columns of a table: an interval and a difference are long
_PAIRS_NAMED = 3


def page(ablation: Ablation, arms: Mapping[str, ArmRuns], style: Style) -> str:
    """All of it.

    Args:
        ablation: What was asked.
        arms: What there is, by arm.
        style: Markdown, or plain text.

    Returns:
        Text that ends in a line break.
    """
    train = ablation.train
    settings = f"{train.steps:,} steps of batch {train.batch_size} in {train.precision}, the same for every arm"
    shared = ", ".join(f"{key} {_plain(value)}" for key, value in ablation.config.items())
    settings += f"; {shared} where the arm does not say otherwise" if shared else ""
    lead = f"{ablation.about}. {ablation.model} on {listed(list(ablation.datasets))}, {settings}."
    pieces = [
        style.heading(1, f"Ablation {style.name(ablation.label)}"),
        style.paragraph(style.name(lead[:1].upper() + lead[1:])),
        style.heading(2, "Arms"),
        _arms(ablation, arms, style),
        style.fold("What each arm sets", style.bullets(_sets(ablation, style))),
    ]
    found = tables(ablation, arms)
    for table in found:
        pieces += _section(table, ablation, style)
    pieces += [style.heading(2, "How to read it"), style.bullets(_notes(found, ablation, style))] if found else []
    if ablation.reported is not None:
        pieces += _reported(ablation, arms, style)
    if failed := [(arm, run) for arm in arms.values() for run in arm.failed]:
        lines = [
            f"{style.name(arm.title)}, {run.dataset}, seed {run.seed}: {_reason(run, style)}" for arm, run in failed
        ]
        pieces += [style.heading(2, "Failed runs"), style.bullets(lines)]
    return "\n\n".join(pieces) + "\n"


def _arms(ablation: Ablation, arms: Mapping[str, ArmRuns], style: Style) -> str:
    lines = []
    for key, arm in arms.items():
        seconds = [run.train_seconds for run in arm.done if run.train_seconds is not None]
        reconstruction = [run.reconstruction for run in arm.done if run.reconstruction is not None]
        failed = f", {len(arm.failed)} failed" if arm.failed else ""
        lines.append(
            [
                style.name(arm.title) + (" (reference)" if key == ablation.reference else ""),
                style.name(arm.supervision),
                f"{len(arm.done)} of {arm.n_wanted}{failed}",
                duration(sum(seconds) / len(seconds)) if seconds else NOTHING,
                fixed(estimate(reconstruction).mean, 1) if reconstruction else NOTHING,
            ]
        )
    return style.grid(["Arm", "Labels", "Runs", "Training", "Reconstruction"], lines)


def _sets(ablation: Ablation, style: Style) -> list[str]:
    lines = []
    for key, arm in ablation.arms.items():
        values = [
            f"{name} {_plain(value)}" for name, value in (({"model": arm.model} if arm.model else {}) | arm.set).items()
        ]
        lines.append(style.name(f"{key} ({arm.title}): {', '.join(values) or 'nothing'}"))
    return lines


def _section(table: Table, ablation: Ablation, style: Style) -> list[str]:
    what = "Blocks of codes" if table.codes == "blocks" else "Single codes"
    over = f"mean over {len(table.datasets)} data sets" if len(table.datasets) > 1 else table.datasets[0]
    labels = "no labels" if table.supervision == "none" else table.supervision
    shown = [i for i, column in enumerate(table.columns) if column.metric in SHOWN]
    pieces = [style.heading(2, style.name(f"{what}, {over}, {labels}"))]
    for start in range(0, len(shown), _SIDE_BY_SIDE):
        some = shown[start : start + _SIDE_BY_SIDE]
        lines = [part for line in table.lines for part in _two_lines(line, some, table, ablation, style)]
        headers = ["Arm", *(style.name(heading(table.columns[i], table.columns)) for i in some)]
        pieces.append(style.grid(headers, lines))
    return pieces


def _two_lines(line: Line, some: Sequence[int], table: Table, ablation: Ablation, style: Style) -> list[list[str]]:
    above, below = [style.name(line.arm.title)], [_runs(line.arm)]
    for i in some:
        cell, column = line.cells[i], table.columns[i]
        if cell is None or cell.estimate is None:
            above.append(NOTHING)
            below.append("")
            continue
        between = interval(cell.estimate, column, n_expected=cell.estimate.n)
        above.append(f"{score(cell.estimate.mean, column)} {between}{marks(cell)}")
        reference = line.arm.arm == ablation.reference
        below.append("reference" if reference else _difference(line.differences[i], column, style))
    return [above, below]


def _runs(arm: ArmRuns) -> str:
    return f"{len(arm.done)} run{'s' * (len(arm.done) != 1)}" + (f", {len(arm.failed)} failed" if arm.failed else "")


def _difference(found: Difference | None, column: Column, style: Style) -> str:
    if found is None:
        return "no common seed"
    mean = found.estimate.mean
    text = _signed(mean, column)
    if found.estimate.low is not None and found.estimate.high is not None:
        text += f" [{_signed(found.estimate.low, column)}, {_signed(found.estimate.high, column)}]"
    if found.holm is None:
        return f"{text} one pair"
    better = (mean > 0) == (column.direction == "up")
    text = f"{text} p {p_value(found.holm)}"
    return style.strong(f"{text} {'better' if better else 'worse'}") if found.separable else text


def _signed(value: float, column: Column) -> str:
    text = score(value, column)
    return text if text.startswith("-") or not float(text.replace(",", "")) else f"+{text}"


def _notes(found: Sequence[Table], ablation: Ablation, style: Style) -> list[str]:
    reference = style.name(ablation.arms[ablation.reference].title)
    sizes = sorted({n for table in found for n in table.n_tests if n})
    family = f"{sizes[0]}" if len(set(sizes)) == 1 else f"{sizes[0]} to {sizes[-1]}" if sizes else "no"
    exact = any(
        d is not None and d.exact is not None for table in found for line in table.lines for d in line.differences
    )
    flags = {flag for table in found for line in table.lines for cell in line.cells if cell for flag in cell.flags}
    survivors = any(line.arm.failed for table in found for line in table.lines)
    return [
        "Upper line: mean over seeds with its 95\u00a0% interval (Student's t on the logit of the mean, plain where "
        "the metric has no range).",
        f"Lower line: arm less {reference}, paired by seed: mean of the differences, 95\u00a0% interval of Student's t "
        f"on them, p of the paired test by Holm over the arms of the column ({family} tests). {style.strong('Bold')}: "
        "told apart at 5\u00a0%. The intervals are of one arm each, not of the family.",
        "One seed's runs share initial weights of the shared network, batches and the noise of the main player.",
        *(f"{MARKS[flag]} {flag}: the board's notes say what it means." for flag in MARKS if flag in flags),
        *(["Of an arm with failed runs the seeds that came through are compared: survivors."] if survivors else []),
        *(["Exact p over all signs of the differences stand in the CSV file."] if exact else []),
        "Equal updates are not equal compute: training time stands beside each arm.",
        "Arms of other supervision have tables of their own; their differences are to the same reference, so they hold "
        "the effect of labels.",
    ]


def _reported(ablation: Ablation, arms: Mapping[str, ArmRuns], style: Style) -> list[str]:
    reported = ablation.reported
    if reported is None:
        return []
    rows = [
        [style.name(ablation.arms[arm].title), *(f"{value:g}" for value in values)]
        for arm, values in reported.arms.items()
        if arm in ablation.arms
    ]
    pieces = [
        style.heading(2, "Reported elsewhere"),
        style.paragraph(style.name(f"Not run here: {reported.source}")),
        style.grid(["Arm", *map(style.name, reported.metrics)], rows),
    ]
    found = [one for codes in ("blocks", "dims") for one in agreements(reported, arms, codes)]
    if not found:
        return [*pieces, "Whether this order holds here is not known: fewer than two of its arms have runs."]
    headers = ["Metric", "Arms", "Kendall's tau", "Pairs that hold", "reversed", "not told apart"]
    lead = (
        "Does that order hold here? Each pair of its arms, paired by seed, 5\u00a0% by Holm over the pairs of a metric."
    )
    turned = [line for one in found if (line := _turned(one, ablation, style))]
    return [
        *pieces,
        style.paragraph(lead),
        style.grid(headers, [_agreement(one, style) for one in found]),
        *([style.bullets(turned)] if turned else []),
    ]


def _agreement(one: Agreement, style: Style) -> list[str]:
    return [
        style.name(f"{one.column.title}, {'blocks' if one.codes == 'blocks' else 'single codes'}"),
        f"{len(one.arms)}",
        NOTHING if one.tau is None else fixed(one.tau, 2),
        *(f"{len(pairs)}" for pairs in (one.confirmed, one.contradicted, one.undecided)),
    ]


def _turned(one: Agreement, ablation: Ablation, style: Style) -> str:
    if not one.contradicted:
        return ""
    pairs = [f"{ablation.arms[b].title} before {ablation.arms[a].title}" for a, b in one.contradicted[:_PAIRS_NAMED]]
    rest = len(one.contradicted) - len(pairs)
    kind = "blocks" if one.codes == "blocks" else "single codes"
    more = f"; and {rest} more (--json names all)" if rest else ""
    return style.name(f"{one.column.title}, {kind}, reversed: {'; '.join(pairs)}{more}.")


def _reason(run: RunResult, style: Style) -> str:
    failure = run.failure
    if failure is None:
        return ""
    at = f" at step {failure.step}" if failure.step is not None and str(failure.step) not in failure.message else ""
    return style.name(f"{failure.kind}{at}: {failure.message[:LONGEST_REASON]}")


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
