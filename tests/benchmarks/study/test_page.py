"""The page of the study: its tables are those of the committed values, its numbers are theirs, its examples run."""

import re
from pathlib import Path

import pytest

from minebench.benchmarks.study.archive import unpack
from minebench.benchmarks.study.figures import draw
from minebench.benchmarks.study.grid import load_grid
from minebench.benchmarks.study.records import Records
from minebench.benchmarks.study.tables import report

DOCS = Path(__file__).parents[3] / "docs"
PAGE, FOLDER = DOCS / "estimator-study.md", DOCS / "estimator-study"
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?"


def test_every_interval_on_the_page_stands_in_the_tables():
    tables = (FOLDER / "tables.md").read_text() + (FOLDER / "codes.md").read_text()
    named = re.findall(rf"{NUMBER} \[{NUMBER}, {NUMBER}\]", PAGE.read_text())
    assert len(named) > 10
    assert [interval for interval in named if interval not in tables] == []


def test_the_examples_of_the_page_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        names: dict[str, object] = {}
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102
    assert names["total_correlation"].shape == ()
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.slow
def test_the_committed_tables_and_pictures_are_those_of_the_committed_values(tmp_path):
    """Pictures are compared by their labels, for matplotlib's versions draw lines differently."""
    records = Records(tmp_path / "records")
    grid = unpack(FOLDER / "reduced.jsonl", records)
    codes = unpack(FOLDER / "codes.jsonl", records)
    assert set(grid.cells) == set(load_grid("reduced").cells)
    assert report(codes, records).strip() == (FOLDER / "codes.md").read_text().strip()
    assert report(grid, records).strip() == (FOLDER / "tables.md").read_text().strip()
    for path in draw(grid, records, tmp_path / "pictures"):
        assert labels(path) == labels(FOLDER / path.name)


def labels(path):
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text())
