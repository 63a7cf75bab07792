"""What every metric of the benchmark owes, tested over the list of the five."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minebench.metrics.irs import irs, irs_result
from minebench.metrics.jemmig import jemmig, jemmig_joint, jemmig_result
from minebench.metrics.mig import mig, mig_result
from minebench.metrics.result import MetricResult
from minebench.metrics.z_diff import z_diff, z_diff_result
from minebench.metrics.z_min_var import factor_vae_score, z_min_var, z_min_var_result

VOTES = {"n_train": 600, "n_test": 300}
# four standard errors of the difference of two scores of 300 votes, at worst 2 * 4 * 0.5 * sqrt(2 / 300); a little
# less than twice that is common when the training votes move as well
SAMPLING = 0.16
everywhere = settings(derandomize=True, deadline=None, max_examples=15)


class Metric(NamedTuple):
    score: Callable[..., float]
    result: Callable[..., MetricResult] | None
    direction: str
    low: float  # the worst and the best value of its range, whichever direction
    high: float
    min_codes: int = 1
    sampled: bool = False
    constant: float = 0.0  # the value of constant codes on the grid below

    def __call__(self, codes: Any, factors: Any, seed: int = 0, **arguments: Any) -> float:
        if self.sampled:
            arguments |= {"rng": np.random.default_rng(seed), **VOTES}
        return self.score(codes, factors, **arguments)

    def quality(self, codes: Any, factors: Any, seed: int = 0) -> float:
        """The score turned so that higher is better."""
        score = self(codes, factors, seed)
        return score if self.direction == "up" else self.low + self.high - score


SIZES = (4, 3, 5)
# H(z*) = I = 0: 1 - ln n / (ln n + ln 20). Collapse is rewarded; the joint form answers for it
COLLAPSED = float(np.mean([np.log(20) / (np.log(n) + np.log(20)) for n in SIZES]))
METRICS = {
    "z_diff": Metric(z_diff, z_diff_result, "up", 0, 1, sampled=True, constant=1 / 3),
    "z_min_var": Metric(z_min_var, z_min_var_result, "down", 0, 1, sampled=True, constant=2 / 3),
    "factor_vae_score": Metric(factor_vae_score, None, "up", 0, 1, sampled=True, constant=1 / 3),
    "irs": Metric(irs, irs_result, "up", -1, 1),
    "mig": Metric(mig, mig_result, "up", 0, 1, min_codes=2),
    "jemmig": Metric(jemmig, jemmig_result, "up", 0, 1, min_codes=2, constant=COLLAPSED),
    "jemmig_joint": Metric(jemmig_joint, None, "up", 0, 1, min_codes=2),
}
metrics = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


def grid():
    """Every combination of three factors, five times."""
    return np.tile(np.indices(SIZES).reshape(3, -1), 5).T


def noisy(sigma, seed=0, dtype=np.float64):
    """Factors of unit variance plus noise, and two codes of noise alone."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(size, size=2000) for size in SIZES], axis=1)
    clean = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    codes = np.hstack([clean + sigma * rng.normal(size=clean.shape), rng.normal(size=(2000, 2))])
    return codes.astype(dtype), factors


@st.composite
def any_input(draw):
    """Small random input with ties, dead codes, rare values, negative labels and wild units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples, n_codes, n_factors = draw(st.integers(6, 60)), draw(st.integers(2, 5)), draw(st.integers(1, 4))
    factors = rng.integers(-1, draw(st.integers(1, 4)), size=(n_samples, n_factors))
    factors[:2], factors[2:4] = 0, 1  # every factor varies and has a value with two rows
    codes = rng.normal(size=(n_samples, n_codes)) * 10.0 ** draw(st.integers(-200, 100))
    if draw(st.booleans()):
        codes = np.sign(codes) * codes[0, 0]
    codes[:, : draw(st.integers(0, n_codes))] = 0.1
    return codes, factors


@metrics
@everywhere
@given(any_input())
def test_any_valid_input_scores_within_the_range(metric, data):
    score = metric(*data)
    assert type(score) is float
    assert metric.low - 1e-9 <= score <= metric.high + 1e-9  # NaN fails as well


@metrics
def test_the_identity_is_near_the_best(metric):
    assert metric.quality(grid(), grid()) > metric.high - 1e-9


@metrics
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_codes_score_what_knowing_nothing_scores(metric, dtype):
    score = metric(np.full((300, 4), 0.1, dtype=dtype), grid())
    assert score == pytest.approx(metric.constant, abs=1e-12)


@metrics
def test_noise_is_near_chance_and_far_below_the_identity(metric):
    """Independent codes: below 1/2 of the way for all; near chance, 1/3, for the votes."""
    _, factors = noisy(0)
    codes = np.random.default_rng(1).normal(size=(len(factors), 5))
    assert metric.quality(codes, factors) < 0.5 * metric.high
    if metric.sampled:
        assert abs(metric.quality(codes, factors) - 1 / 3) < SAMPLING


@metrics
def test_more_noise_is_worse(metric):
    scores = [metric.quality(*noisy(sigma)) for sigma in (0.05, 0.5, 1.0, 3.0, 10.0)]
    if metric.sampled:  # they saturate at 1 under little noise
        assert scores[0] > 0.99
        assert all(a >= b - SAMPLING / 2 for a, b in pairwise(scores))
        assert scores[0] > scores[3] + 0.1 > scores[4] + 0.1
    else:
        assert all(a > b for a, b in pairwise(scores))


@metrics
def test_the_order_of_the_codes_does_not_matter(metric):
    codes, factors = noisy(0.5)
    expected = metric(codes, factors)
    tolerance = 1 / 300 if metric is METRICS["z_diff"] else 1e-12  # a test vote on the classifier's border
    for order in ([4, 3, 2, 1, 0], [1, 0, 4, 2, 3]):
        assert metric(codes[:, order], factors) == pytest.approx(expected, abs=tolerance)


@metrics
def test_the_order_of_the_rows_and_of_the_factors_does_not_matter(metric):
    codes, factors = noisy(1.0)
    expected, order = metric(codes, factors), np.random.default_rng(3).permutation(len(codes))
    tolerance = SAMPLING if metric.sampled else 1e-12
    assert metric(codes[order], factors[order]) == pytest.approx(expected, abs=tolerance)
    assert metric(codes, factors[:, [2, 0, 1]]) == pytest.approx(expected, abs=tolerance)


@metrics
def test_the_names_of_the_values_do_not_matter(metric):
    codes, factors = noisy(0.5)
    expected = metric(codes, factors)
    assert metric(codes, factors * 7 - 10) == expected
    assert metric(codes, (-factors).astype(np.float32)) == pytest.approx(
        expected, abs=SAMPLING if metric.sampled else 1e-12
    )


@metrics
def test_minus_one_is_a_value_like_any_other(metric):
    """A peer reads -1 as missing."""
    factors = np.tile(np.indices((2, 2, 2)).reshape(3, -1), 20).T
    codes = factors + np.random.default_rng(0).normal(size=(160, 3)) * 0.5
    assert metric(codes, 2 * factors - 1) == metric(codes, factors)


@metrics
@everywhere
@given(st.floats(0.1, 1000), st.sampled_from([-1, 1]), st.floats(-5, 5))
def test_sign_unit_and_origin_of_the_codes_do_not_matter(metric, scale, sign, origin):
    """One scale for all codes: IRS weighs codes by their size, min_std looks at it (0.1 keeps them all active)."""
    codes, factors = noisy(0.5)
    moved = sign * scale * codes + origin
    tolerance = 2 / 300 if metric.sampled else 1e-2  # a code on the edge of a bin may change sides
    assert metric(moved, factors) == pytest.approx(metric(codes, factors), abs=tolerance)


@metrics
def test_inputs_are_not_changed(metric):
    codes, factors = noisy(0.5)
    codes[:, 4] = 0.1
    kept = codes.copy(), factors.copy()
    codes.setflags(write=False)
    factors.setflags(write=False)
    metric(codes, factors)
    np.testing.assert_array_equal(codes, kept[0])
    np.testing.assert_array_equal(factors, kept[1])


@metrics
def test_the_memory_layout_does_not_matter(metric):
    codes, factors = noisy(0.5)
    expected = metric(codes, factors)
    assert metric(np.asfortranarray(codes), np.asfortranarray(factors)) == expected
    assert metric(np.hstack([codes, codes])[::1, :5], factors) == expected
    assert metric(codes.tolist(), factors.tolist()) == expected


@metrics
def test_the_same_generator_gives_the_same_value_and_global_state_is_not_used(metric):
    codes, factors = noisy(1.0)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert metric(codes, factors, seed=5) == metric(codes, factors, seed=5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    if metric.sampled:
        assert len({metric(codes, factors, seed=seed) for seed in range(5)}) > 1


@metrics
def test_single_and_double_precision_agree(metric):
    codes, factors = noisy(0.5, dtype=np.float32)
    assert metric(codes, factors) == pytest.approx(metric(codes.astype(np.float64), factors), abs=1e-5)


@metrics
def test_not_finite_codes_are_refused(metric):
    codes, factors = noisy(0.5)
    codes[17, 3] = np.nan
    with pytest.raises(ValueError, match=r"code columns \[3\] hold NaN or inf"):
        metric(codes, factors)


@metrics
def test_shapes_that_do_not_fit_are_refused(metric):
    codes, factors = noisy(0.5)
    for bad in ((codes[1:], factors), (codes[:, 0], factors), (codes[:0], factors[:0]), (codes[:, :0], factors)):
        with pytest.raises(ValueError, match="must"):
            metric(*bad)


@metrics
def test_too_few_codes_are_refused(metric):
    codes, factors = noisy(0.5)
    if metric.min_codes == 1:
        assert np.isfinite(metric(codes[:, :1], factors))
    else:
        with pytest.raises(ValueError, match="needs at least 2"):
            metric(codes[:, :1], factors)


@metrics
def test_non_integer_factors_are_refused_unless_binned(metric):
    """Factors that are continuous, in ten bins: codes that are the factors score better than noise."""
    factors = np.random.default_rng(0).random(size=(1000, 3))
    with pytest.raises(ValueError, match=r"factor columns \[0, 1, 2\] hold non-integer values; pass n_factor_bins="):
        metric(factors, factors)
    bins = np.floor((factors - factors.min(axis=0)) / np.ptp(factors, axis=0) * 10).clip(max=9)
    assert metric(factors, factors, n_factor_bins=10) == metric(factors, bins)


@metrics
def test_constant_factors_do_not_count(metric):
    codes, factors = noisy(0.5)
    constant = np.full((len(factors), 1), 3)
    padded = np.hstack([factors[:, :1], constant, factors[:, 1:], constant])
    assert metric(codes, padded) == metric(codes, factors)
    with pytest.raises(ValueError, match="every factor is constant"):
        metric(codes, np.hstack([constant, constant]))


@metrics
def test_a_dead_code_changes_nothing(metric):
    codes, factors = noisy(0.5)
    dead = np.full((len(codes), 1), 0.1)
    tolerance = 1 / 300 if metric is METRICS["z_diff"] else 1e-12
    assert metric(np.hstack([dead, codes, dead]), factors) == pytest.approx(metric(codes, factors), abs=tolerance)


@metrics
def test_a_value_with_one_row_is_left_out_of_votes_and_none_else_is_refused(metric):
    codes, factors = noisy(0.5)
    factors[0, 0] = 99
    assert np.isfinite(metric(codes, factors))
    unique = np.hstack([factors, np.arange(len(factors))[:, None]])
    if metric.sampled:
        with pytest.raises(ValueError, match=r"factor columns \[3\] have no value with two rows"):
            metric(codes, unique)
    else:
        assert np.isfinite(metric(codes, unique))


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.result is not None])
def test_the_result_says_what_a_reader_needs(name):
    metric = METRICS[name]
    codes, factors = noisy(0.5)
    codes[:, 4] = 7.0
    factors = np.insert(factors, 1, 3, axis=1)
    arguments = {"rng": np.random.default_rng(0), **VOTES} if metric.sampled else {}
    result = metric.result(codes, factors, **arguments)
    assert result.value == metric(codes, factors)
    assert result.direction == metric.direction
    expected = {"factors": [0, 2, 3], "dropped_factors": [1], "n_codes": 5, "dead_codes": [4], "notes": []}
    assert expected.items() <= result.details.items()
    assert ("standard_error" in result.details) == metric.sampled
    assert as_json(result.details)


def as_json(value):
    """Whether the value holds plain JSON types only, no NaN and no numpy scalars."""
    if isinstance(value, dict):
        return all(type(key) is str and as_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(as_json(item) for item in value)
    return value is None or type(value) in (bool, int, str) or (type(value) is float and np.isfinite(value))
