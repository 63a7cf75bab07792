"""The values of ``study.known``, found again by the smoke grid: those of every total correlation that it has."""

import time

import pytest

from minebench.benchmarks.study.grid import load_grid
from minebench.benchmarks.study.known import EXACT, TOTAL_CORRELATIONS, known_values
from minebench.benchmarks.study.records import Records
from minebench.benchmarks.study.run import run
from minebench.benchmarks.study.statistics import moments

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    grid, records = load_grid("smoke"), Records(tmp_path_factory.mktemp("smoke"))
    start = time.process_time()
    for _ in run(grid.cells, records):
        pass
    spent = time.process_time() - start
    print(f"\nsmoke grid: {spent:.0f} s of CPU")
    return list(records.finished(grid.cells)), records, spent


def test_every_known_value_is_found_again(smoke):
    found, records, _ = smoke
    rows = known_values(found, records)
    asked = {
        (reading, tc) for reading, pairs in EXACT.items() for tc, p in zip(TOTAL_CORRELATIONS, pairs, strict=True) if p
    }
    trained = {("mine", 0.5), ("js", 2.0), ("smile_5", 2.0)}
    gradients = {("gradient mss_loo", tc) for tc in TOTAL_CORRELATIONS} | {
        ("gradient mine", 0.5),
        ("gradient mine/joint", 0.5),
    }
    assert {(row.reading, row.total_correlation) for row in rows} == asked | trained | gradients
    # the prototype's encoder is not recorded, so that the noises of its gradients cannot be told from those of another
    assert [row for row in rows if not row.agrees and not row.reading.startswith("gradient")] == []


def test_the_grid_takes_less_than_two_minutes_of_one_core(smoke):
    assert smoke[2] < 120


def test_a_narrow_critic_and_independent_codes_control_the_study(smoke):
    found, records, _ = smoke
    bias = {}
    for record in found:
        width = record.cell.critics.hidden_dim if record.cell.critics else 128
        for reading, values in records.values(record.cell).items():
            at = reading, record.cell.distribution.total_correlation, width
            bias[at] = moments(values, record.truth.value, record.cell.batch_size).bias.value
    assert bias["smile_5", 2.0, 8] < bias["smile_5", 2.0, 128] - 0.05
    assert abs(bias["smile_5", 0.0, 128]) < 0.05
    assert abs(bias["gauss_sample_debiased", 0.0, 128]) < 0.05
