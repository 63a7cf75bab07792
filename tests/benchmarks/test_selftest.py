"""The panel of codes of known quality, and its committed copy."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from minebench.benchmarks import cli, registry, selftest, selftest_figure


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
    codes, _ = selftest.panel_codes()
    assert set(found) == {name for name, entry in registry.METRICS.items() if entry.scores("dims")}
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
    few = {name: found[name] for name in ("z_diff", "z_min_var", "gaussian_total_correlation")}
    monkeypatch.setattr(selftest, "panel", lambda: few)
    monkeypatch.setattr(selftest_figure, "N_SAMPLES", (200, 500))
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in pictures:
        assert "3 metrics on 7 sets of codes" in invoke("selftest", "--figure", path).stdout
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_figure_that_is_no_number_has_moved():
    """A comparison with NaN is never true, so it must not be what decides that all is well."""
    for old, new in ((0.5, float("nan")), (float("nan"), 0.5)):
        assert len(selftest.moved({"mig": {"ideal": new}}, {"mig": {"ideal": old}})) == 1
