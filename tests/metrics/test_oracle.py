"""Agreement with other implementations, row by row, on data whose values they gave.

The folder with ``metric_expected.json`` is ``../shared/oracle`` beside the repository, or ``MINEBENCH_REFERENCE``.
Every row is either matched within its tolerance or listed in ``DEPARTURES`` with the reason, and then must differ.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tabulate import tabulate

from minebench.metrics.information import joint_information
from minebench.metrics.irs import irs
from minebench.metrics.jemmig import jemmig, jemmig_joint, jemmig_result
from minebench.metrics.mig import mig
from minebench.metrics.z_diff import z_diff
from minebench.metrics.z_min_var import factor_vae_score

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(os.environ.get("MINEBENCH_REFERENCE", ROOT.parent / "shared" / "oracle"))
EXPECTED = REFERENCE / "metric_expected.json"
ROWS = json.loads(EXPECTED.read_text())["rows"] if EXPECTED.exists() else []
N_SEEDS = 20


def oracle(test: Callable[..., None]) -> Callable[..., None]:
    """A test that reads the reference values."""
    reason = f"no reference values: {EXPECTED} does not exist (set MINEBENCH_REFERENCE)"
    return pytest.mark.oracle(pytest.mark.skipif(not ROWS, reason=reason)(test))


class Departure(NamedTuple):
    """Rows that ours must not match: the metric, who gave them, on which cases, and what they do otherwise."""

    metric: str
    peers: tuple[str, ...]
    cases: tuple[str, ...]
    reason: str
    only: tuple[str, Any] | None = None  # a parameter and its value

    def covers(self, row: dict[str, Any]) -> bool:
        return (
            row["metric"] == self.metric
            and row["peer"] in self.peers
            and row["case"] in self.cases
            and (self.only is None or row["params"].get(self.only[0]) == self.only[1])
        )


DEPARTURES = (
    Departure(
        "MIG",
        ("ubisoft",),
        (
            "perfect", "rot45", "noise", "monotone", "noisy_0.1", "noisy_0.3", "const_factor", "shapes3d_like",
            "small_N", "celeba_like",
        ),
        "divides each mutual information by H(binned code) before the gap, not the gap by H(factor)",
    ),
    Departure("MIG", ("ubisoft",), ("dead_dims",), "divides by H(binned code), which is 0 for a constant code: NaN"),
    Departure(
        "MIG",
        ("disentanglement_lib", "disent", "clarken92 (mig_score_locatello)", "dent"),
        ("const_factor",),
        "divides by the entropy of a constant factor: NaN; ours drops the factor",
    ),
    Departure(
        "MIG",
        ("independent",),
        ("const_factor",),
        "the definition taken literally divides by 0 on a constant factor; ours drops the factor",
        only=("constant_factors", None),
    ),
    Departure(
        "JEMMIG",
        ("ubisoft", "independent"),
        ("const_factor",),
        "counts a constant factor, whose best code is whichever comes first; ours drops the factor",
    ),
    Departure(
        "JEMMIG_raw_nats",
        ("independent",),
        ("const_factor",),
        "counts a constant factor, whose best code is whichever comes first; ours drops the factor",
    ),
    Departure(
        "Z-min Var",
        ("ubisoft", "independent", "disentanglement_lib", "disent"),
        ("const_factor",),
        "one vote in five fixes the constant factor, which no code can tell; ours drops the factor",
    ),
    Departure(
        "Z-min Var",
        ("independent",),
        ("noise",),
        "draws the rows of a vote with replacement: the sampling noise hides which code happens to vary least at a "
        "value of these 2,000 samples; ours deals the rows",
    ),
    Departure(
        "Z-min Var",
        ("disentanglement_lib", "disent"),
        ("noise", "celeba_like"),
        "draws fresh codes from the generator of the case for each vote: a score of the encoder, not of these samples",
    ),
)  # fmt: skip


def departures_table() -> str:
    """The departures as they stand in docs/metrics.md."""
    rows = [
        (
            departure.metric.replace("_", " "),
            ", ".join(departure.peers) + (f" ({' = '.join(map(str, departure.only))})" if departure.only else ""),
            ", ".join(departure.cases),
            departure.reason,
        )
        for departure in DEPARTURES
    ]
    headers = ("metric", "implementation", "data", "what it does, and what ours does")
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def test_the_page_on_metrics_has_exactly_these_departures():
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    _, _, after = page.partition("## Where other implementations differ\n")
    table = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert table == departures_table().splitlines(), departures_table()


@cache
def case(name: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(REFERENCE / "metric_cases.npz") as arrays:
        return arrays[f"{name}/codes"], arrays[f"{name}/factors"]


@cache
def mean_accuracy(name: str, metric: str, sizes: tuple[tuple[str, Any], ...]) -> float:
    """Over 20 seeds, or over the first four where these agree: then no vote hangs on chance."""
    score = {"Z-diff": z_diff, "Z-min Var": factor_vae_score}[metric]
    found: list[float] = []
    for seed in range(N_SEEDS):
        found.append(score(*case(name), rng=np.random.default_rng(seed), **dict(sizes)))
        if len(found) == 4 and len(set(found)) == 1:
            break
    return float(np.mean(found))


def ours(row: dict[str, Any]) -> float:
    """Our value with the row's parameters; a parameter that is not understood is a KeyError."""
    given = {key: value for key, value in row["params"].items() if key not in IGNORED}
    data = case(row["case"])
    if row["metric"] in ("Z-diff", "Z-min Var"):
        sizes = {SIZES[key]: value for key, value in given.items()}
        if row["metric"] == "Z-diff":
            sizes["standardize"] = False
        return mean_accuracy(row["case"], row["metric"], tuple(sizes.items()))
    arguments = {ARGUMENTS[key]: value for key, value in given.items()}
    if row["params"].get("continuous_factors"):  # then the peer cuts the factors into as many bins as the codes
        arguments["n_factor_bins"] = row["params"]["nb_bins"]
    if row["params"].get("factors") == "min-max binned to 20":
        arguments["n_factor_bins"] = 20
    if row["metric"] == "IRS":
        return irs(*data, **{key: value for key, value in arguments.items() if key != "n_bins"})
    if row["metric"] == "JEMMIG_raw_nats":
        return float(np.mean(jemmig_result(*data, **arguments).details["raw_nats"]))
    return {"MIG": mig, "JEMMIG": jemmig}[row["metric"]](*data, **arguments)


# remarks, and settings that all rows share or that `ours` reads itself
IGNORED = {
    "default", "default_otherwise", "note", "norm", "score", "sampling", "max_iter", "nvar", "constant_factors",
    "factors", "continuous_factors",
}  # fmt: skip
ARGUMENTS = {
    "code_bins": "n_bins",
    "bins": "n_bins",
    "nb_bins": "n_bins",
    "diff_quantile": "diff_quantile",
    "factor_bins": "n_factor_bins",
}
SIZES = {
    "batch": "batch_size",
    "train": "n_train",
    "eval": "n_test",
    "std_threshold": "min_std",
    "prune": "min_std",
}


def agrees(row: dict[str, Any]) -> bool:
    return row["value"] is not None and abs(ours(row) - row["value"]) <= row["tolerance"]


def describe(row: dict[str, Any]) -> str:
    return f"{row['metric']}-{row['peer']}-{row['case']}"


@oracle
@pytest.mark.parametrize("row", ROWS, ids=describe)
def test_a_row_is_matched_or_its_departure_is_real(row):
    reasons = [departure.reason for departure in DEPARTURES if departure.covers(row)]
    assert agrees(row) == (not reasons), f"ours {ours(row)}, {row}, {reasons}"


@oracle
def test_no_row_is_unclassified_or_classified_twice():
    """What no departure covers is compared; what is compared has only parameters that ``ours`` understands."""
    reasons = Counter(sum(departure.covers(row) for departure in DEPARTURES) for row in ROWS)
    assert set(reasons) == {0, 1}
    understood = IGNORED | set(ARGUMENTS) | set(SIZES)
    assert {key for row in ROWS for key in row["params"]} <= understood
    assert {row["metric"] for row in ROWS} == {"MIG", "JEMMIG", "JEMMIG_raw_nats", "IRS", "Z-diff", "Z-min Var"}
    assert all(any(departure.covers(row) for row in ROWS) for departure in DEPARTURES)


@oracle
@pytest.mark.parametrize(
    ("metric", "peer", "parameters"),
    [
        ("MIG", "disentanglement_lib", {"code_bins": 20}),
        ("JEMMIG", "ubisoft", {"code_bins": 20, "continuous_factors": False}),
        ("IRS", "ubisoft", {"diff_quantile": 1.0, "continuous_factors": False}),
        ("IRS", "disentanglement_lib", {"diff_quantile": 0.99}),
        ("Z-diff", "ubisoft", {}),
        ("Z-min Var", "ubisoft", {}),
    ],
)
def test_the_reference_rows_are_matched_on_all_cases_but_the_constant_factor(metric, peer, parameters):
    rows = [
        row
        for row in ROWS
        if (row["metric"], row["peer"]) == (metric, peer) and parameters.items() <= row["params"].items()
    ]
    assert len(rows) == 12
    departed = {row["case"] for row in rows if any(departure.covers(row) for departure in DEPARTURES)}
    assert departed <= {"const_factor"}


@oracle
@pytest.mark.parametrize(
    "row", [row for row in ROWS if (row["metric"], row["peer"]) == ("MIG", "ubisoft")], ids=describe
)
def test_the_other_mig_is_ours_with_the_entropy_of_the_code(row):
    """Repeating its mistake gives its value: I(z_d; v) / H(z_d) before the gap, and all factors in the mean."""
    codes, factors = case(row["case"])
    n_bins = row["params"].get("code_bins") or row["params"]["nb_bins"]
    n_factor_bins = n_bins if row["params"]["continuous_factors"] else None
    found = joint_information(codes, factors, n_bins=n_bins, n_factor_bins=n_factor_bins)
    if not found.inputs.alive.all():
        assert row["nonfinite"]
        return
    second, best = np.sort(found.mutual / found.code_entropy[:, None], axis=0)[-2:]
    assert (best - second).sum() / factors.shape[1] == pytest.approx(row["value"], abs=1e-9)


@oracle
def test_quantile_bins_make_good_what_equal_widths_take_from_monotone_codes():
    codes, factors = case("monotone")
    assert mig(codes, factors) == pytest.approx(0.871, abs=5e-4)
    assert mig(codes, factors, binning="quantile") > 0.99


@oracle
def test_jemmig_prefers_collapsed_codes_on_binary_factors_and_its_joint_form_does_not():
    codes, factors = case("celeba_like")
    collapsed = np.zeros_like(codes)
    assert jemmig(collapsed, factors) == pytest.approx(0.86, abs=0.005)
    assert jemmig(codes, factors) == pytest.approx(0.40, abs=0.006)
    assert jemmig_joint(collapsed, factors) == 0
    assert jemmig_joint(codes, factors) == pytest.approx(0.28, abs=0.005)
