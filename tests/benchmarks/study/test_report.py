"""Tables, verdicts, controls and pictures of a small finished grid."""

import numpy as np
import pytest

from minebench.benchmarks.study import tables, verdicts
from minebench.benchmarks.study.controls import controls
from minebench.benchmarks.study.figures import draw
from minebench.benchmarks.study.grid import Primary
from minebench.benchmarks.study.records import CostRecord, Records
from minebench.benchmarks.study.tables import report
from minebench.benchmarks.study.verdicts import cost_of, duels


@pytest.fixture
def text(finished):
    return report(*finished)


def test_every_row_of_values_names_the_condition_on_the_normaliser(text):
    rows = [line for line in text.split("## Values")[1].split("##")[0].splitlines() if line.startswith("| equi")]
    assert len(rows) > 15
    assert all("infinite" in row or "finite" in row for row in rows)
    assert any("constant" in row for row in rows)


def test_the_tables_stand_in_order_and_say_what_is_missing(finished, text, tmp_path):
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Truths", "## Values", "## Where the bias comes from", "## Gradients", "## Cost", "## mine against mss_loo",
        "## The other rivals", "## Gradients compared", "## RMSE of converged critics and their rivals", "## Controls",
    ]  # fmt: skip
    grid, _ = finished
    assert f"{len(grid.cells)} of {len(grid.cells)} cells" in text
    assert f"0 of {len(grid.cells)} cells" in report(grid, Records(tmp_path))


def test_the_bias_is_split_into_parts_that_add_up(finished):
    """integration + approximation = bias of converged critics; + staleness = that of tracking ones."""
    grid, records = finished
    found = list(records.finished(grid.cells))
    split = next(line for line in tables.split_table(found, records).splitlines() if "mine" in line)
    integration, approximation, offline, tracking = split.split("|")[5:9]

    def bias(condition, width=16):
        cell = next(
            c for c in grid.cells
            if c.critics and c.critics.objective == "mine" and c.critics.hidden_dim == width
            and c.critics.condition == condition
        )  # fmt: skip
        return records.values(cell)["mine"].mean() - 1.0

    assert float(integration) + float(approximation) == pytest.approx(bias("converged", 8), abs=0.011)
    split = [line for line in tables.split_table(found, records).splitlines() if "mine" in line][1]
    integration, approximation, offline, tracking = split.split("|")[5:9]
    assert float(integration) + float(approximation) == pytest.approx(bias("converged"), abs=0.011)
    assert float(offline.split()[0]) == pytest.approx(bias("offline") - bias("converged"), abs=0.006)
    assert float(tracking.split()[0]) == pytest.approx(bias("tracking") - bias("converged"), abs=0.006)


def test_a_doubtful_truth_is_not_printed(finished, monkeypatch):
    monkeypatch.setattr("minebench.benchmarks.study.records.TruthRecord.agrees", property(lambda self: False))
    text = report(*finished)
    assert "## Values" not in text
    assert "two routes to their truth disagree: equicorrelated d3 tc1" in text


def replaced(finished, monkeypatch, values):
    """The grid's records with other values of mine at converged critics of width 16."""
    grid, records = finished
    original = records.values

    def values_of(cell):
        found = original(cell)
        plain = cell.critics and cell.critics.condition == "converged" and cell.critics.hidden_dim == 16
        return found | {"mine": values} if plain and "mine" in found else found

    monkeypatch.setattr(records, "values", values_of)
    found = list(records.finished(grid.cells))
    return next(
        duel for duel in duels(found, records, grid.primary)
        if duel.record.cell.critics.hidden_dim == 16 and duel.record.cell.critics.condition == "converged"
    )  # fmt: skip


def test_the_verdict_can_come_out_either_way(finished, monkeypatch):
    rng = np.random.default_rng(0)
    small, large = 0.001 * rng.normal(size=(2, 12)), 5 + rng.normal(size=(2, 12))
    assert replaced(finished, monkeypatch, 1 + small).verdict == "neural better"
    assert replaced(finished, monkeypatch, 1 + large).verdict == "Monte Carlo better"
    diverged = np.where(large > 5, np.nan, large)
    assert replaced(finished, monkeypatch, diverged).verdict == "Monte Carlo better"


def test_a_small_spread_does_not_save_a_large_bias(finished, monkeypatch):
    """A constant 3 nats off has no spread at all, and loses."""
    steady = 4.0 + 1e-6 * np.random.default_rng(0).normal(size=(2, 12))
    duel = replaced(finished, monkeypatch, steady)
    assert duel.sigma.ratio.high < 1
    assert duel.verdict == "Monte Carlo better"


def test_cost_counts_the_updates_that_belong_to_a_value():
    cost = CostRecord(flops=10, seconds=1.0, update_flops=30, n_updates=100, training_seconds=200.0)
    assert cost_of(cost, Primary()) == 10 + 2 * 30
    assert cost_of(cost, Primary(cost="seconds", critic_steps=5)) == 1 + 5 * 2
    assert tables.costs(cost, Primary()) == (70, 10 + 100 * 30, 1 + 2 * 2, 201)


def test_the_dearer_estimator_is_met_by_as_many_batches_as_it_pays_for(finished, monkeypatch):
    """At a cost ratio of 4 the Monte Carlo estimator's variance counts a quarter: its RMSE falls, the ratio rises."""
    grid, records = finished
    found = list(records.finished(grid.cells))
    monkeypatch.setattr(verdicts, "cost_of", lambda cost, primary: 4.0 if cost.n_updates else 1.0)
    dear = duels(found, records, grid.primary)[0]
    monkeypatch.setattr(verdicts, "cost_of", lambda cost, primary: 1.0)
    equal = duels(found, records, grid.primary)[0]
    assert (dear.averaged, equal.averaged) == (4.0, 1.0)
    assert dear.rmse.ratio.value > equal.rmse.ratio.value
    assert dear.sigma.ratio == equal.sigma.ratio


def test_controls_find_what_they_look_for(finished):
    grid, records = finished
    found = controls(list(records.finished(grid.cells)), records)
    by_name = {control.name: control for control in found}
    assert set(by_name) == {"no correlation", "constant", "own codes", "warp cube", "width 8"}
    assert by_name["constant"].found.value == 0.0
    assert by_name["no correlation"].found.low < 0.1
    warped = {c.where.split(", ")[-1]: c.found.value for c in found if c.name == "warp cube"}
    assert abs(warped["oracle_mean"]) < 0.35  # four standard errors of 12 batches of 32


def test_pictures_are_drawn_of_what_there_is_and_are_the_same_again(finished, tmp_path):
    grid, records = finished
    log = tmp_path / "run" / "log.jsonl"
    log.parent.mkdir()
    log.write_text('{"event": "start", "step": 0}\n{"step": 1, "vae/total_correlation_mss_loo": 0.5}\n')
    first = draw(grid, records, tmp_path / "a", logs=[log])
    assert [path.stem for path in first] == [
        "bias-and-sigma", "rmse-and-cost", "sigma-and-batch", "gradient-error", "along-training",
    ]  # fmt: skip
    second = draw(grid, records, tmp_path / "b", logs=[log])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert draw(grid, Records(tmp_path / "none"), tmp_path / "c") == []
