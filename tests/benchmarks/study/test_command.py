"""``minebench variance``: options, output and exit status."""

import pytest
from typer.testing import CliRunner

from minebench.benchmarks import cli
from minebench.benchmarks.suggestions import UsageError

GRID = """\
name: two
about: A test.
cells:
  - distribution: {kind: pairs, dim: 4, total_correlation: [0.5, 1]}
    batch_size: 16
    estimators: [gauss_sample_debiased, oracle_mean]
    n_replicates: 4
"""


@pytest.fixture
def invoke(tmp_path):
    (tmp_path / "two.yaml").write_text(GRID)

    def invoke(*more, grid=None):
        words = ["variance", "--grid", grid or str(tmp_path / "two.yaml"), "--store", str(tmp_path / "runs"), *more]
        return CliRunner().invoke(cli.app, words, catch_exceptions=False)

    return invoke


def test_it_runs_what_is_missing_and_prints_tables_on_stdout_and_progress_on_stderr(invoke, tmp_path):
    assert invoke("--dry-run").stdout.endswith("2 of 2 cells to run\n")
    first = invoke("--figures", str(tmp_path / "pictures"))
    assert first.exit_code == 0
    assert [line.split()[0] for line in first.stderr.splitlines()] == ["[1/2]", "[2/2]"]
    assert "2 of 2 cells" in first.stdout
    assert "pairs d4 tc0.5" in first.stdout
    again = invoke()
    assert again.stderr == ""
    assert again.stdout.strip() in first.stdout
    assert "0 of 2 cells to run" in invoke("--dry-run").stdout
    assert len(list((tmp_path / "runs" / "variance").glob("*.json"))) == 2


def test_a_packed_grid_is_taken_over_told_again_and_gone_on_with(invoke, tmp_path):
    packed = tmp_path / "packed.jsonl"
    assert "0 of 2 cells" in invoke("--finished", "--pack", str(packed)).stdout
    first = invoke("--pack", str(packed))
    for path in (tmp_path / "runs" / "variance").iterdir():
        path.unlink()
    again = invoke("--finished", grid=str(packed))
    assert again.stderr == ""
    assert again.stdout.count("\n") == first.stdout.count("\n")
    assert "2 of 2 cells" in again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "x"], "--run names the run for --truth codes"),
        (["--truth", "codes"], "--truth codes needs --run; finished runs: none"),
    ],
)
def test_mistakes_are_answered_before_anything_is_run(invoke, words, message):
    with pytest.raises(UsageError, match=message):
        invoke(*words)


def test_an_unknown_grid_is_named_with_those_that_exist(invoke):
    with pytest.raises(UsageError, match="unknown grid 'smok'"):
        invoke(grid="smok")
