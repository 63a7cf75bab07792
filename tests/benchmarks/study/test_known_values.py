"""Values of an earlier, independent prototype (d = 10, equal correlations, M = 256), found again by the smoke grid.

Biases without critics and with the exact one: within four standard errors of the difference of two means of 100. With
trained critics: within 0.05 nats and a tenth of the total correlation, for the prototype's critics were of another
architecture. Standard deviations: to the factor of 0.7 to 1.8 that the prototype's ten critics allow (0.6 to 2 where
the variance is infinite).
"""

import time

import pytest

from minebench.benchmarks.study.grid import load_grid
from minebench.benchmarks.study.records import Records
from minebench.benchmarks.study.run import run
from minebench.benchmarks.study.statistics import moments

pytestmark = pytest.mark.slow

TOTAL_CORRELATIONS = (0.5, 2.0, 5.0, 10.0)
KNOWN = {  # bias and sigma_eval in nats, at each total correlation; None: not known
    "oracle_dv": ((0.005, 0.17), (0.07, 0.41), (0.33, 0.75), (2.6, 2.5)),
    "oracle_mean": ((0.0, 0.09), (0.0, 0.20), (0.0, 0.32), (0.0, 0.39)),
    "mss_loo": ((-0.29, 0.09), (-0.37, 0.20), (-0.45, 0.33), (-0.53, 0.43)),
    "mss_faulty": ((0.41, None), (0.55, None), (0.76, None), (0.98, None)),
    "mws": ((98.0, None), (98.0, None), (98.0, None), (98.0, None)),
    "gauss_sample_debiased": ((0.0, 0.07), None, None, (0.04, 0.41)),
}
TRAINED = {"mine": (0.5, -0.03, 0.19), "js": (2.0, -0.46, 0.13), "smile_5": (2.0, -0.31, 0.25)}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    grid, records = load_grid("smoke"), Records(tmp_path_factory.mktemp("smoke"))
    start = time.process_time()
    for _ in run(grid.cells, records):
        pass
    print(f"\nsmoke grid: {time.process_time() - start:.0f} s of CPU")
    found = {}
    for record in records.finished(grid.cells):
        width = record.cell.critics.hidden_dim if record.cell.critics else 128
        for reading, values in records.values(record.cell).items():
            found[reading, record.cell.distribution.total_correlation, width] = moments(
                values, record.truth.value, record.cell.batch_size
            )
    return found


@pytest.mark.parametrize("reading", KNOWN)
def test_values_without_critics_and_with_exact_ones(smoke, reading):
    for total_correlation, known in zip(TOTAL_CORRELATIONS, KNOWN[reading], strict=True):
        if known is None:
            continue
        m, (bias, sigma) = smoke[reading, total_correlation, 128], known
        error = (2 * m.sigma_eval.value**2 / 100) ** 0.5
        rounding = 0.5 if reading == "mws" else 0.01
        assert m.bias.value == pytest.approx(bias, abs=4 * error + rounding), total_correlation
        if sigma is not None:
            low, high = (0.6, 2.0) if reading == "oracle_dv" else (0.7, 1.8)
            assert low < m.sigma_eval.value / sigma < high, total_correlation


@pytest.mark.parametrize("reading", TRAINED)
def test_values_of_trained_critics(smoke, reading):
    total_correlation, bias, sigma = TRAINED[reading]
    m = smoke[reading, total_correlation, 128]
    assert m.bias.value == pytest.approx(bias, abs=0.05 + 0.1 * total_correlation)
    assert 0.7 < m.sigma_eval.value / sigma < 1.8


def test_a_narrow_critic_and_independent_codes_control_the_study(smoke):
    assert smoke["smile_5", 2.0, 8].bias.value < smoke["smile_5", 2.0, 128].bias.value - 0.05
    assert abs(smoke["smile_5", 0.0, 128].bias.value) < 0.05
    assert abs(smoke["gauss_sample_debiased", 0.0, 128].bias.value) < 0.05
