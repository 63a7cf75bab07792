"""The sentences under a table: what its figures are, how they were judged, and what to beware of."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from minebench.leaderboard.board import Table
from minebench.leaderboard.calibration import coverage, false_alarm_rate
from minebench.leaderboard.cells import Cell, Column, Flag
from minebench.leaderboard.comparison import ALPHA, Pair
from minebench.leaderboard.rows import FailedRun, Row
from minebench.leaderboard.statistics import MIN_SEEDS_TO_DISAGREE, Method
from minebench.leaderboard.styles import Style
from minebench.leaderboard.wording import MARKS, heading, listed, percent

LONGEST_REASON = 300  # characters of a failure's message; the rest is in its record


def title_of(row: Row, style: Style) -> str:
    """A row's name with what tells it from other configurations of its model."""
    variant = f" ({', '.join(row.variant)})" if row.variant else ""
    title = row.title + variant
    return style.name(title if row.trained or "untrained" in title.lower() else f"{title}, untrained")


def settings_tried(table: Table, style: Style) -> str:
    """How many settings of a model stand in a table, where any model has several.

    Args:
        table: The table.
        style: How names are written.

    Returns:
        Sentences after a space; nothing where each model has one setting.
    """
    counts = Counter(row.title for row in table.rows if row.trained)
    several = [f"{count} of {style.name(title)}" for title, count in sorted(counts.items()) if count > 1]
    if not several:
        return ""
    return f" Settings tried: {listed(several)}. None was selected; one that is picked here is reported on other seeds."


def method_notes(table: Table, columns: Sequence[Column], style: Style) -> list[str]:
    """Unit, interval with its coverage, family of tests, what can be resolved.

    Args:
        table: The table.
        columns: Those of its columns that are shown above.
        style: How names are written.

    Returns:
        Sentences.
    """
    return [*_interval_notes(table, columns, style), *_test_notes(table, columns, style)]


def caveats(table: Table, columns: Sequence[Column], style: Style) -> list[str]:
    """What the signs in the table and the named gap mean, and where no learning at all does better.

    Args:
        table: The table.
        columns: Those of its columns that are shown above.
        style: How names are written.

    Returns:
        Sentences; none for signs that are not there.
    """
    shown = [cell for row in table.rows for cell in _of(row.cells, table, columns) if cell is not None]
    notes = [f"{MARKS[flag]} {text}" for flag, text in _meanings(shown).items() if any(flag in c.flags for c in shown)]
    ahead = [
        _title(column, table, style)
        for column, judgement in zip(table.columns, table.judgements, strict=True)
        if column in columns and judgement.untrained_ahead
    ]
    if ahead:
        notes.append(f"No learning at all has a better mean than every trained model on {listed(ahead)}.")
    return [*notes, *(_named_gap(column, table, style) for column in columns if column.metric == "named_gap")]


def origin_notes(table: Table, columns: Sequence[Column], style: Style) -> list[str]:
    """Versions and protocols of the metrics, and where the runs were made.

    Args:
        table: The table.
        columns: Those of its columns that are shown above.
        style: How names are written.

    Returns:
        Sentences.
    """
    metrics = [_title(column, table, style) + f" v{column.version}{_protocol(column, style)}" for column in columns]
    origin = table.origin
    made = [*origin.versions, *origin.devices, f"commit{'s' * (len(origin.commits) > 1)} {listed([*origin.commits])}"]
    dirty = " (+: with uncommitted changes)" if any(commit.endswith("+") for commit in origin.commits) else ""
    notes = [f"Metrics: {'; '.join(metrics)}."] if metrics else []
    return [*notes, f"Runs: {style.name(', '.join(made))}{dirty}."]


def failures(table: Table, style: Style) -> list[str]:
    """The failed runs with their reasons.

    Args:
        table: The table.
        style: How names are written.

    Returns:
        One sentence for each run.
    """
    return [
        f"{title_of(row, style)}, seed {run.seed}{_where(run, table, style)}: {style.name(_reason(run))}"
        for row in table.rows
        for run in row.failed
    ]


def seeds_of(row: Row, table: Table) -> str:
    """How many seeds stand behind a row, e.g. ``3 seeds`` or ``2 of 3 seeds, 1 diverged``."""
    kinds = {run.failure.kind for run in row.failed}
    failed = "" if not kinds else f", {len(row.failed)} {_PAST[kinds.pop()] if len(kinds) == 1 else 'failed'}"
    done = len(row.seeds)
    total = f"{done}" if not failed or table.overall else f"{done} of {done + len(row.failed)}"
    return f"{total} {'seed' if total == '1' else 'seeds'}{failed}"


_PAST = {"diverged": "diverged", "oom": "out of memory", "timeout": "timed out", "killed": "killed", "error": "failed"}


def _title(column: Column, table: Table, style: Style) -> str:
    return style.name(heading(column, table.columns)[:-2])


def _of(cells: Sequence[Cell | None], table: Table, columns: Sequence[Column]) -> list[Cell | None]:
    return [cell for cell, column in zip(cells, table.columns, strict=True) if column in columns]


def _interval_notes(table: Table, columns: Sequence[Column], style: Style) -> list[str]:
    cells = [cell for row in table.rows for cell in _of(row.cells, table, columns) if cell is not None]
    seeds = sorted({len(part) for cell in cells for part in cell.values if part})
    if not seeds:
        return []
    over = "data sets of the mean over seeds" if table.overall else "seeds"
    notes = [
        f"Each figure is a mean over {over}, with its rank in brackets; the unit is the seed "
        f"(n\u00a0=\u00a0{_span(seeds)})."
    ]
    clauses = []
    methods: tuple[tuple[Literal["logit t", "t"], str], ...] = (("logit t", "the logit of the mean"), ("t", "the mean"))
    for method, scale in methods:
        whose = [column for column in columns if method in _methods(table, column)]
        if whose:
            names = "" if len(whose) == len(columns) else f" for {listed([_title(c, table, style) for c in whose])}"
            clauses.append(f"on {scale}{names} ({_covered(table, whose, method)})")
    if clauses:
        freedom = " with Satterthwaite's degrees of freedom" if table.overall else ""
        notes.append(
            f"Below it the 95\u00a0% interval: Student's t{freedom}, {'; '.join(clauses)}; in brackets how often it "
            "holds the truth in simulations."
        )
    if any(cell.estimate is not None and cell.estimate.method == "one seed" for cell in cells):
        notes.append("One seed: no interval and no rank.")
    if any(cell.estimate is not None and cell.estimate.method == "no spread" for cell in cells):
        notes.append("No spread: all seeds have the same value, so there is no interval; never alone at the top.")
    return notes


def _methods(table: Table, column: Column) -> set[Method]:
    cells = [row.cells[table.columns.index(column)] for row in table.rows]
    return {cell.estimate.method for cell in cells if cell is not None and cell.estimate is not None}


def _covered(table: Table, columns: Sequence[Column], method: Literal["logit t", "t"]) -> str:
    """Simulated coverage at the numbers of seeds that are there, e.g. ``95 % at n = 3``."""
    cells = [cell for row in table.rows for cell in _of(row.cells, table, columns)]
    counts = {len(part) for c in cells if c and c.estimate and c.estimate.method == method for part in c.values}
    shares: dict[str, list[str]] = {}
    for n in sorted(counts):
        shares.setdefault(percent(coverage(n, method, overall=table.overall)), []).append(f"{n}")
    return ", ".join(f"{share} at n\u00a0=\u00a0{listed(ns)}" for share, ns in shares.items())


def _test_notes(table: Table, columns: Sequence[Column], style: Style) -> list[str]:
    pairs = [judgement.pairs for c, judgement in zip(table.columns, table.judgements, strict=True) if c in columns]
    tests = [pair for family in pairs for pair in family]
    if not tests:
        return ["No ranks: they take two trained models with two seeds each."]
    plain = [c for c in columns if any(p.scale == "plain" for p in table.judgements[table.columns.index(c)].pairs)]
    exception = f", plain for {listed([_title(c, table, style) for c in plain])}" if plain else ""
    strata = ", stratified over data sets" if table.overall else ""
    sizes = _span(sorted({len(family) for family in pairs if family}))
    return [
        f"Ranks: Welch's t on the logit scale{exception}{strata}; Holm's correction within each metric "
        f"({sizes} pair{'s' * (sizes != '1')} of trained models, 5\u00a0%). "
        f"{style.strong('1=')} is not separable from the first.",
        _exact_note(tests, max(len(family) for family in pairs)),
        "Resolvable: the smallest true difference of two models that this table would find with 80\u00a0% power.",
    ]


def _exact_note(tests: Sequence[Pair], family: int) -> str:
    least = min(pair.least for pair in tests)
    if any(pair.permutation is not None for pair in tests):
        return f"The exact permutation test is printed beside Welch's where it can reject; its least p is {least:.2g}."
    if least < ALPHA / family:
        return f"The exact permutation test is left out: too many arrangements to count (its least p is {least:.2g})."
    return (
        f"The exact permutation test cannot reject at this number of seeds: its least p is {least:.2g}, "
        f"not below {ALPHA} / {family}."
    )


def _meanings(cells: Sequence[Cell]) -> dict[Flag, str]:
    alarms = [
        false_alarm_rate(n)
        for cell in cells
        if "seeds disagree" in cell.flags
        for n in (len(part) for part in cell.values)
        if n >= MIN_SEEDS_TO_DISAGREE
    ]
    rate = f"{100 * max(alarms, default=0):.0f}\u00a0%"
    return {
        "partly constant": "Contains a data set on which all seeds are equal; its spread is not in the interval.",
        "plain t": "The mean is outside the metric's range: plain Student's t, uncertain.",
        "collapsed": "Fewer than two codes are active, which JEMMIG rewards: read its collapse-safe form beside it.",
        "seeds disagree": f"The seeds fall into two camps: one gap is over half their range (by chance in {rate}).",
    }


def _named_gap(column: Column, table: Table, style: Style) -> str:
    named = json.loads(column.protocol).get("named")
    own = "a factor's own block, by name," if named else "the block that is matched to a factor"
    how = "" if named else " These models do not name blocks: the matching is the one that has the most information."
    return (
        f"{_title(column, table, style)}: what {own} tells of it, minus what the best other block does, over the "
        f"factor's entropy; below 0 the other block knows more.{how}"
    )


def _protocol(column: Column, style: Style) -> str:
    constants = json.loads(column.protocol)
    used = {key: value for key, value in constants.items() if value is not None}
    words = [f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in used.items()]
    return f" ({style.name(', '.join(words))})" if words else ""


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]}"


def _where(run: FailedRun, table: Table, style: Style) -> str:
    titles = dict(zip(table.datasets, table.dataset_titles, strict=True))
    return f", {style.name(titles[run.dataset])}" if table.overall else ""


def _reason(run: FailedRun) -> str:
    failure = run.failure
    parts = [_PAST[failure.kind]]
    if failure.step is not None and str(failure.step) not in failure.message:
        parts.append(f"at step {failure.step}")
    if failure.term is not None and failure.term not in failure.message:
        parts.append(f"in {failure.term}")
    message = failure.message if len(failure.message) <= LONGEST_REASON else f"{failure.message[:LONGEST_REASON]}..."
    return f"{' '.join(parts)}: {message}"
