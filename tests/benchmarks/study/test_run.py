"""Cells and their records: kept whole, resumed, the same again, and paired on the same batches."""

import json

import numpy as np
import pytest

from minebench.benchmarks.study import run as running
from minebench.benchmarks.study.cells import Cell, CriticSpec, DistributionSpec
from minebench.benchmarks.study.records import Records, TruthRecord
from minebench.benchmarks.study.run import run, truth_of
from minebench.benchmarks.study.values import batches


def test_a_record_holds_the_cell_the_truth_the_costs_and_every_raw_value(finished):
    grid, records = finished
    for cell in grid.cells:
        record, values = records.load(cell), records.values(cell)
        assert record.cell == cell
        assert set(record.costs) == set(values)
        n_critics = cell.critics.n_critics if cell.critics else 1
        assert {array.shape for array in values.values()} == {(n_critics, 12)}
        assert record.truth.agrees
        assert record.seconds > 0
        assert bool(record.gradients) == (cell.n_gradients > 0)
    mine = next(c for c in grid.cells if c.critics and c.critics.condition == "offline")
    assert set(records.values(mine)) == {"mine", "mine@own"}
    assert records.load(mine).costs["mine"].n_updates == 60


def test_what_is_recorded_is_not_run_again_and_what_is_missing_is(finished, monkeypatch):
    grid, records = finished
    assert all(event.reused for event in run(grid.cells, records))
    cell = grid.cells[0]
    before = records.values(cell)
    (records.root / f"{cell.cell_id}.json").unlink()  # as if the machine had stopped between the two files
    assert [event.cell for event in run(grid.cells, records) if not event.reused] == [cell]
    for name, array in records.values(cell).items():
        np.testing.assert_array_equal(array, before[name])


def test_training_again_gives_the_same_values(finished, tmp_path):
    grid, records = finished
    cell, again = next(c for c in grid.cells if c.critics), Records(tmp_path)
    list(run([cell], again))
    for name, array in again.values(cell).items():
        np.testing.assert_array_equal(array, records.values(cell)[name])


def test_an_interrupted_cell_leaves_no_record(tmp_path, monkeypatch):
    cell = Cell(distribution=DistributionSpec(kind="pairs", dim=2), estimators=("constant",), n_replicates=3)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "free_values", stop)
    with pytest.raises(KeyboardInterrupt):
        list(run([cell], Records(tmp_path)))
    assert not Records(tmp_path).exists(cell)


def test_all_cells_of_a_distribution_meet_the_same_batches():
    spec = DistributionSpec(kind="equicorrelated", dim=3, total_correlation=1, n_images=50)
    first = batches(Cell(distribution=spec, batch_size=8, estimators=("mss",)), 3)
    second = batches(Cell(distribution=spec, batch_size=8, critics=CriticSpec(objective="js")), 3)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.z, other.z)
        np.testing.assert_array_equal(one.product, other.product)
    assert not np.array_equal(first[0].z, first[1].z)


def test_values_that_are_not_finite_survive_the_file(finished, tmp_path):
    grid, records = finished
    record = records.load(grid.cells[0])
    values = {"mss_loo": np.array([[1.5, np.nan, -np.inf]]), "mine": np.array([[0.1], [np.inf]])}
    Records(tmp_path).save(record, values)
    for name, array in Records(tmp_path).values(record.cell).items():
        np.testing.assert_array_equal(array, values[name])


def test_both_targets_are_recorded():
    """20 posteriors of a population at 1 nat: TC(q_N) is far above it, for the lumps are memorised."""
    spec = DistributionSpec(kind="equicorrelated", dim=6, total_correlation=1, n_images=20)
    truth = truth_of(spec)
    assert truth.value == pytest.approx(1.0)
    assert truth.aggregated > 1.0 + 5 * truth.aggregated_error
    assert truth_of(spec.model_copy(update={"n_images": None})).aggregated is None


def test_routes_that_disagree_are_seen():
    numbers = {"aggregated": None, "aggregated_error": None, "largest_eigenvalue": None, "normaliser": "finite"}
    assert TruthRecord(value=1.0, error=0.0, second=1.29, second_error=0.1, **numbers).agrees
    assert not TruthRecord(value=1.0, error=0.0, second=1.31, second_error=0.1, **numbers).agrees


def test_a_record_is_json_that_every_reader_takes(finished):
    for path in finished[1].root.glob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)
