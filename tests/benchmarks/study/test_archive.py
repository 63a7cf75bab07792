"""The committed text of a grid: everything comes back, and the tables are the same."""

import numpy as np
import pytest

from minebench.benchmarks.study.archive import pack, unpack
from minebench.benchmarks.study.records import Records
from minebench.benchmarks.study.tables import report
from minebench.benchmarks.suggestions import UsageError


def test_what_is_packed_comes_back_and_is_packed_again_byte_for_byte(finished, tmp_path):
    grid, records = finished
    path, again = tmp_path / "results.jsonl", tmp_path / "again.jsonl"
    assert pack(grid.cells, records, path) == len(grid.cells) == len(path.read_text().splitlines())
    copy = Records(tmp_path / "copy")
    assert unpack(path, copy) == len(grid.cells)
    for cell in grid.cells:
        assert copy.load(cell) == records.load(cell)
        for reading, values in records.values(cell).items():
            np.testing.assert_allclose(copy.values(cell)[reading], values, rtol=1e-5)
    pack(grid.cells, copy, again)
    assert again.read_bytes() == path.read_bytes()
    assert report(grid, copy).count("\n") == report(grid, records).count("\n")


def test_values_that_are_not_finite_come_back(finished, tmp_path):
    record = finished[1].load(finished[0].cells[0])
    records, copy = Records(tmp_path / "a"), Records(tmp_path / "b")
    values = {"mss_loo": np.array([[1.5, np.nan, -np.inf]]), "mine": np.array([[0.1], [np.inf]])}
    records.save(record, values)
    pack([record.cell], records, tmp_path / "x.jsonl")
    unpack(tmp_path / "x.jsonl", copy)
    for reading, array in copy.values(record.cell).items():
        np.testing.assert_array_equal(array, values[reading])


def test_cells_that_are_there_stay_as_they_are(finished, tmp_path):
    grid, records = finished
    pack(grid.cells, records, tmp_path / "x.jsonl")
    assert unpack(tmp_path / "x.jsonl", records) == 0


def test_files_that_are_no_archives_are_refused(tmp_path):
    records = Records(tmp_path / "records")
    with pytest.raises(UsageError, match="no archive at"):
        unpack(tmp_path / "none.jsonl", records)
    for text in ("{}", "[]", "no", '{"values": {}}', '{"values": {"mine": ["x"]}}'):
        (tmp_path / "bad.jsonl").write_text(f"{text}\n")
        with pytest.raises(UsageError, match=r"bad\.jsonl, line 1 is no finished cell"):
            unpack(tmp_path / "bad.jsonl", records)
    assert not records.root.exists()
