"""Every metric on codes whose quality is known: what each sees, what it misses, and whether a figure has moved.

The panel is small and its seed fixed. A committed copy of its page shows when an upgrade of a library moves a number.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tabulate import tabulate

from minebench.benchmarks import foreign, registry
from minebench.benchmarks.streams import numpy_stream
from minebench.benchmarks.suggestions import UsageError

Panel = dict[str, dict[str, float]]  # metric -> codes -> score

SEED = 0
FACTOR_SIZES = (3, 4, 6)
N_SAMPLES = 1000
# a classifier that ends elsewhere by rounding flips a few of the rows or votes that it is tested on
TOLERANCE = 1e-6
TOLERANCE_OF_LEARNERS = {"z_diff": 1e-3, "explicitness": 1e-3, "downstream_accuracy": 1e-2, "dci": 1e-2}

ABOUT = f"""\
# Metrics on codes whose quality is known

{N_SAMPLES:,} rows of {len(FACTOR_SIZES)} independent factors with {", ".join(map(str, FACTOR_SIZES[:-1]))} and \
{FACTOR_SIZES[-1]} values, seed {SEED}, the benchmark's protocols:

* ideal: the factors themselves; permuted: in another order, every second one with its sign turned;
* rotated: the ideal codes after a random rotation; split: the last factor, 0 to 5, as two codes, half and parity;
* duplicated: the ideal codes twice; collapsed: three constants; noise: three codes that know nothing.

`minebench metrics selftest > docs/metrics-selftest.md` writes this page. `minebench metrics selftest --check
docs/metrics-selftest.md` ends in status 1 if a figure moved by more than {TOLERANCE:g}, or, for metrics that fit
classifiers, by more than the tolerance named below the table.
"""


def panel_codes() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The codes by name, float64 ``(n_samples, n_codes)``, and the factors they all belong to."""
    rng = numpy_stream(SEED, "selftest")
    factors = np.stack([rng.integers(size, size=N_SAMPLES) for size in FACTOR_SIZES], axis=1)
    ideal = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    turn, _ = np.linalg.qr(rng.normal(size=(len(FACTOR_SIZES), len(FACTOR_SIZES))))
    half, parity = np.divmod(factors[:, -1], 2)
    return {
        "ideal": ideal,
        "permuted": ideal[:, ::-1] * np.resize([1.0, -1.0], len(FACTOR_SIZES)),
        "rotated": ideal @ turn,
        "split": np.column_stack([ideal[:, :-1], half - half.mean(), parity - parity.mean()]),
        "duplicated": np.hstack([ideal, ideal]),
        "collapsed": np.zeros_like(ideal),
        "noise": rng.normal(size=ideal.shape),
    }, factors


def panel() -> Panel:
    """The score of every metric that applies to single codes, on all codes of the panel."""
    codes, factors = panel_codes()
    by_codes = {name: foreign.score(array, factors, seed=SEED) for name, array in codes.items()}
    metrics = next(iter(by_codes.values()))
    return {metric: {name: results[metric].value for name, results in by_codes.items()} for metric in metrics}


def page(found: Panel) -> str:
    """The panel as the Markdown page that is committed."""
    columns = list(next(iter(found.values())))
    rows = [
        (name, registry.metric(name).direction, *(f"{scores[column]:.6f}" for column in columns))
        for name, scores in found.items()
    ]
    table = tabulate(
        rows,
        headers=("metric", "better", *columns),
        tablefmt="github",
        disable_numparse=True,
        colalign=("left", "left", *["right"] * len(columns)),
    )
    loose = ", ".join(f"{name} {value:g}" for name, value in TOLERANCE_OF_LEARNERS.items() if name in found)
    return f"{ABOUT}\n{table}\n\nTolerance of metrics that fit classifiers: {loose}."


def read_page(path: Path) -> Panel:
    """The panel of a page that ``page`` wrote.

    Args:
        path: The committed copy.

    Raises:
        UsageError: If the file is not there, or holds no such table.
    """
    if not path.is_file():
        raise UsageError(f"no page at {path}; minebench metrics selftest > {path} writes it")
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        columns = cells[0][2:]
        return {
            name: dict(zip(columns, map(float, scores), strict=True)) for name, _, *scores in (row for row in cells[2:])
        }
    except (IndexError, ValueError) as error:
        raise UsageError(
            f"{path} holds no table of the selftest ({error}); minebench metrics selftest > {path} writes it"
        ) from error


def moved(found: Panel, committed: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What differs between two panels, a line each.

    Args:
        found: Today's scores.
        committed: The scores of the committed page, rounded to six decimals.

    Returns:
        One line for each figure that moved beyond its tolerance, and for each that only one of the two has.
    """
    lines = []
    for metric in sorted(found.keys() | committed.keys()):
        new, old = found.get(metric, {}), committed.get(metric, {})
        tolerance = TOLERANCE_OF_LEARNERS.get(metric, TOLERANCE) + 1e-9
        for codes in dict.fromkeys([*new, *old]):
            if codes not in new or codes not in old:
                lines.append(f"{metric} on {codes} codes is missing {'today' if codes in old else 'in the copy'}")
            elif not abs(round(new[codes], 6) - old[codes]) <= tolerance:  # so that NaN on either side is told
                lines.append(f"{metric} on {codes} codes moved from {old[codes]:.6f} to {new[codes]:.6f}")
    return lines
