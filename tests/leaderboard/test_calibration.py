import numpy as np
import pytest

from minebench.leaderboard.calibration import (
    COVERAGE,
    FALSE_ALARMS,
    OVERALL_COVERAGE,
    POPULATIONS,
    coverage,
    false_alarm_rate,
    simulate_coverage,
    simulate_false_alarms,
    simulate_overall_coverage,
)
from minebench.leaderboard.statistics import estimate, seeds_disagree


def test_the_figures_of_five_seeds():
    """The table that the choice of interval rests on: logit t holds what it promises, plain t does not."""
    assert 0.94 <= coverage(5, "logit t").low <= coverage(5, "logit t").high <= 0.955
    assert 0.91 <= coverage(5, "t").low <= coverage(5, "t").high <= 0.945


def test_the_usual_bar_holds_the_mean_in_six_tables_of_ten():
    """Mean -+ one standard error, 20,000 tables for each population, standard error 0.0035; seed 0."""
    bar = simulate_coverage(5, "bar", rng=np.random.default_rng(0), n_tables=20_000)
    assert bar.low == pytest.approx(0.612, abs=0.01)
    assert bar.high == pytest.approx(0.625, abs=0.01)


def test_the_simulation_draws_the_intervals_of_the_board():
    """The same share from ``estimate`` itself, cell by cell, on one generator's seeds; seed 3."""
    hits = []
    rng = np.random.default_rng(3)
    for a, b in POPULATIONS:
        cells = [estimate(seeds, lower=0.0, upper=1.0) for seeds in rng.beta(a, b, (500, 4))]
        hits.append(np.mean([cell.low <= a / (a + b) <= cell.high for cell in cells]))
    simulated = simulate_coverage(4, "logit t", rng=np.random.default_rng(3), n_tables=500)
    assert simulated == (min(hits), max(hits))


def test_the_overall_simulation_draws_the_intervals_of_the_board():
    """Two, three and five data sets with each population first, as the function draws them; seed 4."""
    shares = []
    rng = np.random.default_rng(4)
    for n_datasets in (2, 3, 5):
        for first in range(len(POPULATIONS)):
            shapes = [POPULATIONS[(first + k) % len(POPULATIONS)] for k in range(n_datasets)]
            draws = np.stack([rng.beta(a, b, (100, 3)) for a, b in shapes])
            truth = np.mean([a / (a + b) for a, b in shapes])
            cells = [estimate(list(draws[:, i]), lower=0.0, upper=1.0) for i in range(100)]
            shares.append(np.mean([cell.low <= truth <= cell.high for cell in cells]))
    simulated = simulate_overall_coverage(3, "logit t", rng=np.random.default_rng(4), n_tables=100)
    assert simulated == pytest.approx((min(shares), max(shares)))


def test_the_false_alarms_are_those_of_the_flag():
    rng = np.random.default_rng(5)
    rates = [np.mean([seeds_disagree(seeds) for seeds in rng.beta(a, b, (500, 8))]) for a, b in POPULATIONS]
    assert simulate_false_alarms(8, rng=np.random.default_rng(5), n_tables=500) == max(rates)


def test_the_last_row_serves_beyond_the_table():
    assert coverage(50, "logit t") == COVERAGE["logit t"][20]
    assert coverage(50, "t", overall=True) == OVERALL_COVERAGE["t"][10]
    assert false_alarm_rate(50) == FALSE_ALARMS[20]


def test_there_is_no_figure_where_there_is_no_interval_or_flag():
    with pytest.raises(ValueError, match="two seeds or more"):
        coverage(1, "t")
    with pytest.raises(ValueError, match="from 8 seeds on"):
        false_alarm_rate(7)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["logit t", "t"])
def test_the_coverage_table_is_what_the_simulation_gives(method):
    """200,000 tables a population: standard error 0.0005; the table was made from seed n."""
    for n, row in COVERAGE[method].items():
        assert simulate_coverage(n, method, rng=np.random.default_rng(n)) == pytest.approx(row, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["logit t", "t"])
def test_the_overall_table_is_what_the_simulation_gives(method):
    for n, row in OVERALL_COVERAGE[method].items():
        assert simulate_overall_coverage(n, method, rng=np.random.default_rng(n)) == pytest.approx(row, abs=0.002)


@pytest.mark.slow
def test_the_false_alarm_table_is_what_the_simulation_gives():
    for n, rate in FALSE_ALARMS.items():
        assert simulate_false_alarms(n, rng=np.random.default_rng(n)) == pytest.approx(rate, abs=0.004)
