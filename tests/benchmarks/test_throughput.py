import pytest
from typer.testing import CliRunner

from minebench.benchmarks import cli
from minebench.benchmarks.throughput import REFERENCE_HOURS, Measurement, Setting, settings, table


def test_on_a_cpu_the_halves_that_need_no_gpu_are_timed():
    words = ["throughput", "-m", "vae", "-d", "shapes_mini", "--batch-size", "2", "--seconds", "0.001"]
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "shapes_mini, batches of 2, fp32." in done.stdout
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| vae")]
    assert [row[1:3] for row in rows] == [["eager", "1"], ["static", "1"]]
    assert all(float(row[3].replace(",", "")) > 0 for row in rows)


def test_on_a_gpu_graphs_of_up_to_sixteen_seeds_are_timed():
    chosen = settings(["beta_vae"], "cuda")
    assert [tuple(entry) for entry in chosen] == [
        ("beta_vae", "eager", 1), *(("beta_vae", "graph", seeds) for seeds in (1, 4, 8, 16))
    ]  # fmt: skip


def test_figures_by_hand():
    """2,000 steps in 4 s are 500 a second, 600 s for 300,000; the host had 1 of the 4 s to do."""
    found = Measurement(Setting("vae", "graph", 8), 2000, 4.0, 1.0, 5_000_000, "")
    assert (found.rate, found.hours) == (500.0, pytest.approx(1 / 6))
    assert pytest.approx(1.75, abs=0.005) == REFERENCE_HOURS
    row = table([found], "x").splitlines()[4]
    assert row == "| vae | graph | 8 | 500.0 | 25% | 5 MB | 0.17 | 10% |"


def test_a_graph_that_was_none_is_said_below_the_table():
    found = Measurement(Setting("vae", "graph", 1), 1, 1.0, 1.0, 0, "it waits")
    assert table([found], "x").endswith("vae, graph: no graph: it waits")
