"""Standard errors: against theory where it is known, and against fresh samples where the score has bins and maxima."""

import numpy as np
import pytest

from minebench.metrics.block_irs import irs_blocks, irs_blocks_result
from minebench.metrics.irs import irs, irs_result
from minebench.metrics.jemmig import jemmig
from minebench.metrics.mig import mig
from minebench.metrics.uncertainty import rate_of, standard_error
from minebench.metrics.z_diff import z_diff
from minebench.metrics.z_min_var import z_min_var

SIZES = (3, 6, 10, 8)
VOTES = {"n_train": 1000, "n_test": 500}


def mean(codes, factors):
    return float(codes.mean())


def largest(codes, factors):
    return float(codes.max())


def lottery(codes, factors, *, rng):
    return 0.3 * float(rng.normal())


def lottery_on_rows(codes, factors, *, rng):
    return mean(codes, factors) + 0.05 * float(rng.normal())


def planted(n_samples, seed):
    """Four factors under mixing and noise, and two codes of noise alone."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(size, size=n_samples) for size in SIZES], axis=1)
    clean = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    mixed = clean + 0.35 * np.roll(clean, 1, axis=1) + [0.3, 0.5, 0.8, 1.2] * rng.normal(size=clean.shape)
    return np.hstack([mixed, rng.normal(size=(n_samples, 2))]), factors


def two_values(n_samples):
    return np.arange(n_samples)[:, None] % 2


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_n():
    """400 halvings leave a relative error of 1 / sqrt(800) = 0.035, the deviation of 500 rows itself one of 0.032."""
    codes = 3 * np.random.default_rng(0).normal(size=(500, 1))
    found = standard_error(mean, codes, two_values(500), rng=np.random.default_rng(1), n_splits=400)
    assert found.rows == pytest.approx(3 / np.sqrt(500), rel=0.15)
    assert (found.draws, found.total) == (0, found.rows)


def test_what_comes_from_votes_is_told_from_what_comes_from_rows():
    """N(0, 0.3^2) whatever the rows: pairs of all rows say 0.3, and halves add nothing to it."""
    codes = np.random.default_rng(0).normal(size=(100, 1))
    found = standard_error(lottery, codes, two_values(100), rng=np.random.default_rng(1), n_splits=400)
    assert found.draws == pytest.approx(0.3, rel=0.15)
    assert found.rows < 0.1
    both = standard_error(lottery_on_rows, codes, two_values(100), rng=np.random.default_rng(1), n_splits=400)
    assert both.rows == pytest.approx(0.1, rel=0.25)
    assert both.draws == pytest.approx(0.05, rel=0.15)
    assert both.total == pytest.approx(np.hypot(both.rows, both.draws))


def test_a_maximum_varies_as_much_at_any_n_and_the_halves_say_so():
    """The largest of N exponential values has variance pi^2 / 6 (Gumbel) for every large N: rate 0."""
    squares = []
    for seed in range(200):
        codes = np.random.default_rng(seed).exponential(size=(200, 1))
        found = standard_error(largest, codes, two_values(200), rng=np.random.default_rng(seed), n_splits=5, rate=0)
        squares.append(found.rows**2)
    error = np.std(squares) / np.sqrt(len(squares))
    assert abs(np.mean(squares) - np.pi**2 / 6) < 4 * error < 1


@pytest.mark.parametrize("metric", [mig, jemmig, irs])
def test_it_is_what_fresh_samples_show(metric):
    """Root mean square of 25 estimates against 150 fresh samples: 0.7 to 1.5 holds the noise of both (0.1 to 0.2)."""
    scores = [metric(*planted(1000, seed)) for seed in range(150)]
    squares = [
        standard_error(metric, *planted(1000, seed), rng=np.random.default_rng(seed), n_splits=6).total ** 2
        for seed in range(1000, 1025)
    ]
    assert 0.7 < np.sqrt(np.mean(squares)) / np.std(scores, ddof=1) < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("metric", [z_diff, z_min_var])
def test_it_is_what_fresh_samples_show_for_votes(metric):
    """New rows and new votes; up to 1.7, since half of 2,000 rows has less than 64 of some values and repeats them."""
    scores = [metric(*planted(2000, seed), rng=np.random.default_rng(seed), **VOTES) for seed in range(60)]
    squares = [
        standard_error(metric, *planted(2000, seed), rng=np.random.default_rng(seed), n_splits=6, **VOTES).total ** 2
        for seed in range(1000, 1010)
    ]
    assert 0.7 < np.sqrt(np.mean(squares)) / np.std(scores, ddof=1) < 1.7


def test_four_times_the_rows_halve_the_error_of_mig():
    """And not that of IRS, whose weights are maxima over rows."""
    error = {
        (metric, n): np.sqrt(
            np.mean(
                [
                    standard_error(metric, *planted(n, seed), rng=np.random.default_rng(seed), n_splits=6).rows ** 2
                    for seed in range(20)
                ]
            )
        )
        for metric in (mig, irs)
        for n in (500, 2000)
    }
    assert error[mig, 500] / error[mig, 2000] == pytest.approx(2, rel=0.25)
    assert error[irs, 500] / error[irs, 2000] < 1.5


def test_the_same_generator_gives_the_same_error_and_inputs_are_not_changed():
    codes, factors = planted(200, 0)
    codes.setflags(write=False)
    first, second = (
        standard_error(z_diff, codes, factors, rng=np.random.default_rng(2), n_splits=2, n_train=50, n_test=50)
        for _ in range(2)
    )
    assert first == second


def test_protocol_constants_are_passed_on():
    codes, factors = planted(400, 0)
    found = [standard_error(mig, codes, factors, rng=np.random.default_rng(0), n_splits=3, n_bins=n) for n in (20, 5)]
    assert found[0] != found[1]
    continuous = factors + 0.5
    assert standard_error(mig, codes, continuous, rng=np.random.default_rng(0), n_factor_bins=3).total > 0


def test_too_few_rows_no_halving_and_a_seed_are_refused():
    codes, factors = planted(200, 0)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two halves of two rows are needed at least; got 3 rows"):
        standard_error(mig, np.arange(6.0).reshape(3, 2), np.array([[0], [1], [1]]), rng=rng)
    with pytest.raises(ValueError, match="n_splits must be at least 1; got 0"):
        standard_error(mig, codes, factors, rng=rng, n_splits=0)
    with pytest.raises(TypeError, match=r"got 0; pass np.random.default_rng\(seed\)"):
        standard_error(mig, codes, factors, rng=0)


def test_a_largest_deviation_is_not_taken_to_average():
    """The same halves: the variance of half the rows is halved for a mean, and taken as it is for IRS at quantile 1."""
    codes, factors = planted(400, 0)

    def rows(metric, **options):
        return standard_error(metric, codes, factors, rng=np.random.default_rng(1), n_splits=5, **options).rows

    assert rows(irs) == rows(irs, rate=0.0) == pytest.approx(2**0.5 * rows(irs, rate=1.0))
    blocks = ((0, 1), (2, 3), (4, 5))
    assert rows(irs_blocks, blocks=blocks) == rows(irs_blocks, blocks=blocks, rate=0.0)
    assert rows(irs, diff_quantile=0.5) == rows(irs, diff_quantile=0.5, rate=1.0)
    assert rows(mig) == rows(mig, rate=1.0)


def test_the_rate_of_a_metric_is_that_of_its_result():
    for metric in (irs, irs_result, irs_blocks, irs_blocks_result):
        assert rate_of(metric, {}) == rate_of(metric, {"diff_quantile": 1.0}) == 0
        assert rate_of(metric, {"diff_quantile": 0.99}) == 1
    assert rate_of(mig, {}) == rate_of(z_diff, {"n_train": 10}) == 1
