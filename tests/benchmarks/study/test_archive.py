"""The committed text of a grid: everything comes back, and the tables are the same."""

import json

import numpy as np
import pytest

from minebench.benchmarks.study.archive import pack, unpack
from minebench.benchmarks.study.records import Records
from minebench.benchmarks.study.tables import report
from minebench.benchmarks.suggestions import UsageError


def test_what_is_packed_comes_back_and_is_packed_again_byte_for_byte(finished, tmp_path):
    grid, records = finished
    path, again = tmp_path / "results.jsonl", tmp_path / "again.jsonl"
    assert pack(grid, records, path) == len(grid.cells) == len(path.read_text().splitlines()) - 1
    copy = Records(tmp_path / "copy")
    assert unpack(path, copy) == grid
    for cell in grid.cells:
        assert copy.load(cell) == records.load(cell)
        for reading, values in records.values(cell).items():
            np.testing.assert_allclose(copy.values(cell)[reading], values, rtol=1e-5)
    pack(grid, copy, again)
    assert again.read_bytes() == path.read_bytes()
    assert report(grid, copy).count("\n") == report(grid, records).count("\n")


def test_cells_that_are_not_finished_are_kept_for_later(finished, tmp_path):
    grid, records = finished
    some = Records(tmp_path / "some")
    some.save(records.load(grid.cells[3]), records.values(grid.cells[3]))
    assert pack(grid, some, tmp_path / "x.jsonl") == 1
    read = unpack(tmp_path / "x.jsonl", Records(tmp_path / "copy"))
    assert read.cells == (grid.cells[3], *grid.cells[:3], *grid.cells[4:])
    assert f"1 of {len(grid.cells)} cells" in report(read, some)


def test_values_that_are_not_finite_come_back(finished, tmp_path):
    grid = finished[0].model_copy(update={"cells": finished[0].cells[:1]})
    records, copy = Records(tmp_path / "a"), Records(tmp_path / "b")
    values = {"mss_loo": np.array([[1.5, np.nan, -np.inf]]), "mine": np.array([[0.1], [np.inf]])}
    records.save(finished[1].load(grid.cells[0]), values)
    pack(grid, records, tmp_path / "x.jsonl")
    unpack(tmp_path / "x.jsonl", copy)
    for reading, array in copy.values(grid.cells[0]).items():
        np.testing.assert_array_equal(array, values[reading])


def test_cells_that_are_there_stay_as_they_are(finished, tmp_path):
    grid, records = finished
    pack(grid, records, tmp_path / "x.jsonl")
    copy = Records(tmp_path / "copy")
    copy.save(records.load(grid.cells[0]), {"constant": np.ones((1, 3))})
    unpack(tmp_path / "x.jsonl", copy)
    assert set(copy.values(grid.cells[0])) == {"constant"}


def test_files_that_are_no_packed_grids_are_refused(finished, tmp_path):
    grid, records = finished
    pack(grid, records, tmp_path / "good.jsonl")
    first, second, *_ = (tmp_path / "good.jsonl").read_text().splitlines()
    no_values = json.dumps({key: value for key, value in json.loads(second).items() if key != "values"})
    with pytest.raises(UsageError, match="no packed grid at"):
        unpack(tmp_path / "none.jsonl", records)
    for lines, number in ((["{}"], 1), (["[]"], 1), (["no"], 1), ([first, "{}"], 2), ([first, no_values], 2), ([], 0)):
        (tmp_path / "bad.jsonl").write_text("".join(f"{line}\n" for line in lines))
        with pytest.raises(UsageError, match=rf"bad\.jsonl, line {number}: no packed grid"):
            unpack(tmp_path / "bad.jsonl", Records(tmp_path / "records"))
    assert not (tmp_path / "records").exists()
