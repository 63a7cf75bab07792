"""The panel of codes of known quality, its committed copy, and the scoring of arrays from a file."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from minebench.benchmarks import cli, registry, scoring, selftest
from minebench.benchmarks.codes_file import load_codes


@pytest.fixture(scope="module")
def found():
    return selftest.panel()


@pytest.fixture
def committed(request):
    return request.config.rootpath / "docs" / "metrics-selftest.md"


def invoke(*words, code=0):
    result = CliRunner().invoke(cli.app, ["metrics", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_no_figure_of_the_committed_page_has_moved(found, committed):
    assert selftest.moved(found, selftest.read_page(committed)) == []


def test_the_page_is_what_the_command_prints(found, committed):
    """Words and layout; figures may differ in the last decimal."""
    ours = [line for line in selftest.page(found).splitlines() if not line.startswith("|")]
    assert ours == [line for line in committed.read_text(encoding="utf-8").splitlines() if not line.startswith("|")]


def test_the_panel_covers_every_metric_of_single_codes(found):
    codes, factors = selftest.panel_codes()
    assert set(found) == set(scoring.score(codes["ideal"], factors))
    assert {name for name, entry in registry.METRICS.items() if entry.in_runs} <= set(found)
    assert all(set(scores) == set(codes) for scores in found.values())


def test_the_codes_are_what_their_names_say():
    codes, factors = selftest.panel_codes()
    ideal = codes["ideal"]
    np.testing.assert_allclose(ideal.std(axis=0), 1)
    np.testing.assert_allclose(codes["permuted"], [1, -1, 1] * ideal[:, [2, 1, 0]])
    np.testing.assert_allclose(codes["rotated"] @ codes["rotated"].T, ideal @ ideal.T, atol=1e-9)  # lengths and angles
    half, parity = (codes["split"][:, j] - codes["split"][:, j].min() for j in (2, 3))
    np.testing.assert_allclose(2 * half + parity, factors[:, 2])  # the two codes together are the factor
    assert np.ptp(codes["collapsed"]) == 0


def test_the_panel_shows_what_is_known_of_the_five(found):
    """Duplication: MIG falls to 0, IRS sees nothing, JEMMIG falls to what collapse scores, 1 - H / (H + log 20)."""
    assert found["irs"]["duplicated"] == pytest.approx(found["irs"]["ideal"])
    assert found["mig"]["duplicated"] == pytest.approx(0, abs=1e-12)
    assert found["jemmig"]["duplicated"] == pytest.approx(found["jemmig"]["collapsed"])
    for name in ("z_diff", "irs", "mig", "jemmig"):
        assert found[name]["permuted"] == pytest.approx(found[name]["ideal"], abs=1e-3)
        assert found[name]["rotated"] < found[name]["ideal"] - 0.1
        assert found[name]["noise"] < 0.5


def test_a_figure_that_moved_is_named_and_one_in_rounding_is_not():
    old = {"mig": {"ideal": 0.991633}, "z_diff": {"ideal": 0.9}}
    assert selftest.moved({"mig": {"ideal": 0.9916339}, "z_diff": {"ideal": 0.9008}}, old) == []
    lines = selftest.moved({"mig": {"ideal": 0.991636}, "z_diff": {"ideal": 0.9012}}, old)
    assert lines == [
        "mig on ideal codes moved from 0.991633 to 0.991636",
        "z_diff on ideal codes moved from 0.900000 to 0.901200",
    ]


def test_a_figure_that_one_side_lacks_is_named():
    assert selftest.moved({"mig": {"ideal": 1.0}}, {}) == ["mig on ideal codes is missing in the copy"]
    assert selftest.moved({}, {"mig": {"ideal": 1.0}}) == ["mig on ideal codes is missing today"]


def test_check_ends_in_status_1_and_names_what_moved(tmp_path, committed, found, monkeypatch):
    monkeypatch.setattr(selftest, "panel", lambda: found)
    assert invoke("selftest", "--check", committed).output == ""
    edited = tmp_path / "page.md"
    edited.write_text(committed.read_text().replace(f"{found['mig']['split']:.6f}", "0.500000"))
    assert "mig on split codes moved from 0.500000 to" in invoke("selftest", "--check", edited, code=1).stderr
    edited.write_text("nothing\n")
    with pytest.raises(ValueError, match="holds no table of the selftest"):
        invoke("selftest", "--check", edited)
    with pytest.raises(ValueError, match=r"no page at .*nothing.md"):
        invoke("selftest", "--check", tmp_path / "nothing.md")
    assert json.loads(invoke("selftest", "--json").stdout) == found
    assert invoke("selftest").stdout == selftest.page(found) + "\n"


def test_the_figure_is_drawn_and_the_same_each_time(tmp_path, found, monkeypatch):
    monkeypatch.setattr(selftest, "panel", lambda: found)
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in pictures:
        assert f"{len(found)} metrics on 7 sets of codes" in invoke("selftest", "--figure", path).stdout
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(300, 2))
    return {"codes": factors + rng.normal(size=(300, 2)), "factors": factors}


def test_arrays_of_a_foreign_model_are_scored(tmp_path, arrays):
    path = tmp_path / "foreign.npz"
    np.savez(path, other=np.zeros(3), **arrays)
    records = json.loads(invoke("score", path, "-m", "mig", "-m", "z_diff", "--seed", 3, "--json").stdout)
    expected = scoring.score(**arrays, seed=3, metrics=["mig", "z_diff"])
    assert {name: record["value"] for name, record in records.items()} == {n: r.value for n, r in expected.items()}
    assert records["z_diff"]["better"] == "up"
    assert records["z_diff"]["details"]["drawn_from"] == "sample"
    text = invoke("score", path, "-m", "mig").stdout
    assert text.splitlines()[-1].split() == ["mig", f"{expected['mig'].value:.4f}", "up"]


def test_notes_of_a_metric_are_printed(tmp_path, arrays):
    path = tmp_path / "collapsed.npz"
    np.savez(path, codes=np.zeros((300, 2)), factors=arrays["factors"])
    assert "all codes are constant" in invoke("score", path, "-m", "mig").stdout


def test_what_cannot_be_scored_is_refused_with_the_file_and_the_reason(tmp_path, arrays):
    path = tmp_path / "short.npz"
    np.savez(path, codes=arrays["codes"], factors=arrays["factors"][:5])
    with pytest.raises(ValueError, match=r"short.npz: codes and factors must be .* got \(300, 2\) and \(5, 2\)"):
        invoke("score", path, "-m", "mig")
    with pytest.raises(ValueError, match="did you mean 'mig'"):
        invoke("score", path, "-m", "migg")


def test_files_without_the_two_arrays_are_refused(tmp_path, arrays):
    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match=r"no file at .*a.npz; expected an .npz file with arrays codes and factors"):
        load_codes(path)
    np.savez(path, codes=arrays["codes"], labels=arrays["factors"])
    with pytest.raises(ValueError, match="factors missing, it has codes, labels"):
        load_codes(path)
    path.write_text("codes")
    with pytest.raises(ValueError, match=r"is no \.npz file"):
        load_codes(path)


def test_pickled_arrays_are_refused(tmp_path, arrays):
    path = tmp_path / "a.npz"
    np.savez(path, codes=np.array([{"a": 1}], dtype=object), factors=arrays["factors"])
    with pytest.raises(ValueError, match="arrays of Python objects are refused"):
        load_codes(path)


def test_a_file_cut_short_is_told_from_a_good_one(tmp_path, arrays):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)  # the arrays no longer have their checksums
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        load_codes(path)


def test_a_figure_that_is_no_number_has_moved():
    """A comparison with NaN is never true, so it must not be what decides that all is well."""
    for old, new in ((0.5, float("nan")), (float("nan"), 0.5)):
        assert len(selftest.moved({"mig": {"ideal": new}}, {"mig": {"ideal": old}})) == 1
