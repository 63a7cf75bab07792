"""Scores of anyone's arrays: all that apply, the reason for each that does not, and mistakes by name."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import minebench
from minebench.benchmarks import cli, registry, scoring
from minebench.benchmarks.bars import watch_scores
from minebench.benchmarks.codes_file import load_codes
from minebench.benchmarks.foreign import score_kinds
from minebench.benchmarks.representation import Representation
from minebench.benchmarks.streams import numpy_stream
from minebench.datasets.shapes_mini import load_shapes_mini
from minebench.metrics import block_information as block_information_module

SINGLE = [name for name, entry in registry.METRICS.items() if entry.scores("dims")]
ON_BLOCKS = [name for name, entry in registry.METRICS.items() if entry.scores("blocks")]
NEED_TWO_CODES = {"mig", "jemmig", "mig_sup", "dcimig", "modularity", "sap", "dci", "mean_code_mutual_information"}


@pytest.fixture(autouse=True)
def _short_training(monkeypatch):
    monkeypatch.setattr(block_information_module, "_UPDATES", 50)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    factors = rng.integers(2, size=(200, 3))
    return {"codes": factors + 0.3 * rng.normal(size=factors.shape), "factors": factors}


def invoke(*words):
    result = CliRunner().invoke(cli.app, ["metrics", "score", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_without_names_all_that_apply_are_scored_and_the_others_warned_of(arrays):
    with pytest.warns(UserWarning, match="is not scored") as told:
        results = minebench.score(arrays["codes"][:, :1], arrays["factors"])
    assert list(results) == [name for name in SINGLE if name not in NEED_TWO_CODES]
    reasons = dict(str(warning.message).split(" is not scored: ") for warning in told)
    assert reasons.keys() == NEED_TWO_CODES
    assert "needs at least 2 of them; got codes (200, 1)" in reasons["mig"]
    assert told[0].filename == __file__


def test_the_command_prints_a_line_for_each_that_does_not_apply(write, arrays):
    path = write(codes=arrays["codes"][:, :1])
    text = invoke(path)
    lines = [line for line in text.splitlines() if line.startswith("not scored: ")]
    assert {line.split(": ")[1] for line in lines} == NEED_TWO_CODES
    assert all("needs at least 2 of them" in line for line in lines)
    records = json.loads(invoke(path, "--json"))
    assert list(records) == SINGLE
    assert {name for name, record in records.items() if record["value"] is None} == NEED_TWO_CODES
    assert "needs at least 2 of them" in records["mig"]["skipped"]
    assert "skipped" not in records["irs"]


def test_a_named_metric_that_does_not_apply_is_an_error_with_its_name(write, arrays):
    with pytest.raises(ValueError, match=r"^mig: this metric compares codes and needs at least 2"):
        minebench.score(arrays["codes"][:, :1], arrays["factors"], metrics=["irs", "mig"])
    with pytest.raises(ValueError, match=r"a\.npz: mig: this metric compares codes"):
        invoke(write(codes=arrays["codes"][:, :1]), "-m", "irs", "-m", "mig")
    with pytest.raises(ValueError, match=r"^mig on blocks: this metric compares blocks"):
        minebench.score(**arrays, blocks=((0, 1, 2),), metrics=["mig"])


def test_where_none_applies_every_reason_is_told(write, arrays, monkeypatch):
    monkeypatch.setattr(registry, "METRICS", {name: registry.METRICS[name] for name in ("mig", "sap")})
    one = arrays["codes"][:, :1]
    with pytest.raises(ValueError, match=r"^no metric applies: mig: .* 2 of them; got .*; sap: .* 2 of them; got"):
        minebench.score(one, arrays["factors"])
    with pytest.raises(ValueError, match=r"a\.npz: no metric applies"):
        invoke(write(codes=one))


def test_arrays_that_no_metric_should_score_are_refused_as_a_whole(arrays):
    """Scores that need no factors would take them, and hide the mistake."""
    codes, factors = arrays["codes"], arrays["factors"]
    for wrong, message in (
        ((codes, factors[:5]), r"^codes and factors must be .* got \(200, 3\) and \(5, 3\)"),
        ((codes, factors + 0.5), r"^factor columns \[0, 1, 2\] hold non-integer values; pass n_factor_bins="),
        ((np.where(codes > 1, np.nan, codes), factors), r"^code columns \[0, 1, 2\] hold NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            minebench.score(*wrong)
    with pytest.raises(ValueError, match=r"^blocks name the columns \[3\]; the 3 codes are columns 0..2"):
        minebench.score(codes, factors, blocks=((0,), (3,)))
    assert minebench.score(codes, factors + 0.5, metrics="gaussian_total_correlation").keys() == {
        "gaussian_total_correlation"
    }


def test_a_single_name_is_a_name(arrays):
    assert minebench.score(**arrays, metrics="mig") == minebench.score(**arrays, metrics=["mig"])
    assert minebench.score(**arrays, metrics=[]) == {}


def test_names_are_looked_up_before_anything_is_scored(arrays, monkeypatch):
    monkeypatch.setattr("minebench.benchmarks.foreign.measure", None)
    with pytest.raises(ValueError, match="unknown metric 'migg'; did you mean 'mig'"):
        minebench.score(**arrays, metrics=["irs", "migg"])
    with pytest.raises(ValueError, match="jemmig_joint stands in the details of jemmig: score jemmig"):
        minebench.score(**arrays, metrics=["irs", "jemmig_joint"])
    with pytest.raises(ValueError, match=r"udr takes the codes of several models: call minebench\.metrics\.udr:udr"):
        minebench.score(**arrays, metrics=["irs", "udr"])


def test_metrics_of_the_other_kind_are_refused(arrays):
    with pytest.raises(ValueError, match="named_gap scores blocks of codes; give them as blocks="):
        minebench.score(**arrays, metrics=["named_gap"])
    with pytest.raises(ValueError, match="sap scores single codes only; blocks are scored by z_diff, z_min_var, irs"):
        minebench.score(**arrays, blocks=((0, 1), (2,)), metrics=["mig", "sap"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"named": True}, "named and nuisance tell of blocks"),
        ({"nuisance": 0}, "named and nuisance tell of blocks"),
        ({"blocks": ((0,), (1, 2)), "nuisance": 2}, r"nuisance must be one of the blocks 0..1, or None; got 2"),
    ],
)
def test_what_is_told_of_blocks_must_fit_them(arguments, message, arrays):
    with pytest.raises(ValueError, match=message):
        minebench.score(**arrays, **arguments, metrics=["irs"])


@pytest.mark.parametrize("name", ["z_diff", "mig", "irs", "sap"])
def test_continuous_factors_are_cut_for_every_metric_that_can(name, arrays):
    codes, factors = arrays["codes"], arrays["codes"] ** 2
    entry = registry.metric(name)
    stream = {"rng": numpy_stream(0, "metric", name)} if entry.is_random() else {}
    alone = entry.function()(codes, factors, **stream, **entry.protocol, n_factor_bins=5)
    assert minebench.score(codes, factors, n_factor_bins=5, metrics=name) == {name: alone}


def test_continuous_factors_are_cut_for_the_classifiers_of_blocks(arrays):
    """Each code tells its five bins, in its own block; without the bins the classifiers would refuse the factors."""
    results = minebench.score(
        arrays["codes"], arrays["codes"], blocks=((0,), (1,), (2,)), n_factor_bins=5, metrics=["mig", "named_gap"]
    )
    assert results["mig"].details["factor_entropy"] == results["named_gap"].details["factor_entropy"]
    assert max(results["mig"].details["factor_entropy"]) <= np.log(5)
    assert results["named_gap"].value > 0.5


def test_the_command_tells_the_bins_with_the_protocol(write, arrays):
    path = write(factors=arrays["codes"] ** 2)
    words = [path, "--n-factor-bins", 4, "-m", "mig", "-m", "gaussian_total_correlation"]
    records = json.loads(invoke(*words, "--json"))
    assert records["mig"]["protocol"] == {"n_bins": 20, "binning": "width", "n_factor_bins": 4}
    assert "n_factor_bins" not in records["gaussian_total_correlation"]["protocol"]
    rows = {line.split()[0]: line for line in invoke(*words).splitlines()}
    assert "n_factor_bins 4" in rows["mig"]
    assert "n_factor_bins" not in rows["gaussian_total_correlation"]
    with pytest.raises(ValueError, match="hold non-integer values; pass n_factor_bins="):
        invoke(path)


def test_arrays_of_a_foreign_model_are_scored(write, arrays):
    path = write(other=np.zeros(3))
    records = json.loads(invoke(path, "-m", "mig", "-m", "z_diff", "--seed", 3, "--json"))
    expected = minebench.score(**arrays, seed=3, metrics=["mig", "z_diff"])
    assert {name: record["value"] for name, record in records.items()} == {n: r.value for n, r in expected.items()}
    assert records["z_diff"]["better"] == "up"
    assert records["z_diff"]["details"]["drawn_from"] == "sample"
    row = invoke(path, "-m", "mig").splitlines()[-1].split()
    assert row == ["mig", f"{expected['mig'].value:.4f}", "up", "n_bins", "20,", "binning", "width"]


def test_notes_of_a_metric_are_printed(write):
    assert "all codes are constant" in invoke(write(codes=np.zeros((200, 2))), "-m", "mig")


def test_a_file_with_blocks_is_scored_twice(write, arrays):
    codes = np.hstack([arrays["codes"], arrays["codes"]])
    path = write(codes=codes, block_of_code=[0, 1, 2, 0, 1, 2], named=True)
    records = json.loads(invoke(path, *(f"-m{name}" for name in ("irs", "sap", "mig", "named_gap")), "--json"))
    assert list(records) == ["irs", "sap", "mig", "irs on blocks", "mig on blocks", "named_gap on blocks"]
    assert [record["codes"] for record in records.values()] == ["dims"] * 3 + ["blocks"] * 3
    blocks = minebench.score(
        codes, arrays["factors"], blocks=((0, 3), (1, 4), (2, 5)), named=True, metrics=["irs", "mig", "named_gap"]
    )
    for name, result in blocks.items():
        assert records[f"{name} on blocks"]["value"] == result.value
    assert records["mig"]["value"] == pytest.approx(0, abs=1e-9)
    assert records["named_gap on blocks"]["protocol"]["named"] is True


def test_scores_come_one_by_one_so_that_a_bar_can_follow(arrays, monkeypatch):
    monkeypatch.setattr("minebench.benchmarks.foreign.measure", lambda name, *rest: scoring.MetricResult(0.5, "up", {}))
    scores = score_kinds(Representation(**arrays), ("dims",), metrics=["irs", "mig"])
    assert next(scores).metric == "irs"
    assert [one.metric for one in watch_scores(scores)] == ["mig"]


def test_all_metrics_of_both_kinds_are_scored_by_default(write, monkeypatch):
    monkeypatch.setattr("minebench.benchmarks.foreign.measure", lambda name, *rest: scoring.MetricResult(0.5, "up", {}))
    records = json.loads(invoke(write(block_of_code=[0, 1, 1]), "--json"))
    assert list(records) == SINGLE + [f"{name} on blocks" for name in ON_BLOCKS]


def test_a_runs_own_file_gives_the_scores_of_the_run(tmp_path, arrays):
    codes = np.hstack([arrays["codes"], arrays["codes"]]).astype(np.float32)
    ran = Representation(codes, arrays["factors"], ((0, 3), (1, 4), (2, 5), ()), True, 3)
    ran.save(tmp_path / "codes.npz")
    expected = {registry.label(s.metric, s.codes): s.value for s in scoring.score_run("run", ran, 2)}
    names = sorted({name.split(" ")[0] for name in expected})
    records = json.loads(invoke(tmp_path / "codes.npz", "--seed", 2, *(f"-m{name}" for name in names), "--json"))
    assert {name: record["value"] for name, record in records.items()} == expected
    assert load_codes(tmp_path / "codes.npz").nuisance == 3


def test_what_cannot_be_scored_is_refused_with_the_file_and_the_reason(write, arrays):
    path = write(factors=arrays["factors"][:5])
    for words in ([path], [path, "-m", "mig"]):
        with pytest.raises(
            ValueError, match=r"a.npz: (mig: )?codes and factors must be .* got \(200, 3\) and \(5, 3\)"
        ):
            invoke(*words)
    with pytest.raises(ValueError, match="did you mean 'mig'"):
        invoke(path, "-m", "migg")


def test_foreign_codes_are_scored_and_foreign_encoders_encoded():
    data = load_shapes_mini()
    codes, factors, blocks, *_ = minebench.encode(lambda images: images.mean(axis=(1, 3))[:, ::8], "shapes_mini")
    assert codes.shape == (len(data) // 10, 8)
    assert blocks is None
    results = minebench.score(codes, factors, metrics=["mig", "irs"])
    assert set(results) == {"mig", "irs"}
    assert results["mig"].value == minebench.score(codes, factors, metrics=["mig"])["mig"].value
    assert minebench.score(factors.astype(float), factors, metrics=["mig"])["mig"].value == pytest.approx(1.0, abs=0.05)
    with pytest.raises(ValueError, match=r"must return \(n, n_codes\) for n = 250 images; got \(250, 1, 64, 64\)"):
        minebench.encode(lambda images: images, "shapes_mini")
    subset, *_ = minebench.encode(lambda images: images.mean((2, 3)), data, rows=np.arange(5))
    assert len(subset) == 5
