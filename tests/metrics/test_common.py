"""What every metric owes, tested over the registry: a metric of (codes, factors) is covered as soon as it is listed.

Where a metric owes something else by its definition, ``FACTS`` says what.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minebench.benchmarks import registry
from minebench.metrics.jemmig import jemmig_joint
from minebench.metrics.result import MetricResult
from minebench.metrics.z_min_var import factor_vae_score

VOTES = {"n_train": 600, "n_test": 300}
# four standard errors of the difference of two scores of 300 votes, at worst 2 * 4 * 0.5 * sqrt(2 / 300); a little
# less than twice that is common when the training votes move as well
SAMPLING = 0.16


class Metric(NamedTuple):
    name: str
    score: Callable[..., float]
    result: Callable[..., MetricResult] | None
    direction: str
    low: float  # the worst and the best value of its range, whichever direction
    high: float
    min_codes: int = 1
    min_factors: int = 1
    random: bool = False
    votes: bool = False  # scores votes, each of which fixes a factor
    size: Mapping[str, Any] = MappingProxyType({})  # a smaller protocol than the default, for speed
    constant: float = 0.0  # the value of constant codes on the grid below
    identity: float | None = None  # the value of the factors themselves on this grid, if not the best
    noise: float = 0.5  # more than independent codes reach
    slack: float = 1e-12  # how far a fit may end elsewhere where nothing that matters has changed
    sampling: float = 0.0  # how far other random numbers move the score
    n_examples: int = 15  # fewer for those that fit many classifiers
    needs_rows: str = ""  # the words with which it refuses factors of which each value is too rare

    def __call__(self, codes: Any, factors: Any, seed: int = 0, **arguments: Any) -> float:
        return self.score(codes, factors, **self.protocol(seed), **arguments)

    def protocol(self, seed: int = 0) -> dict[str, Any]:
        return dict(self.size) | ({"rng": np.random.default_rng(seed)} if self.random else {})

    def on_noisy(self, sigma: float = 0.5) -> float:
        """The score of ``noisy(sigma)``, which many laws compare with: made once."""
        return on_noisy(self.name, sigma)

    def everywhere(self, law: Callable[..., None], *drawn: Any) -> None:
        """Hold the law to examples, the same in each run."""
        settings(derandomize=True, deadline=None, max_examples=self.n_examples)(given(*drawn)(law))()

    def quality(self, codes: Any, factors: Any, seed: int = 0) -> float:
        """The score turned so that higher is better."""
        return self.turned(self(codes, factors, seed))

    def turned(self, score: float) -> float:
        return score if self.direction == "up" else self.low + self.high - score


SIZES = (4, 3, 5)
# H(z*) = I = 0: 1 - ln n / (ln n + ln 20). Collapse is rewarded; the joint form answers for it
COLLAPSED = float(np.mean([np.log(20) / (np.log(n) + np.log(20)) for n in SIZES]))
VOTING = {
    "votes": True,
    "size": VOTES,
    "sampling": SAMPLING,
    "needs_rows": r"factor columns \[3\] have no value with two",
}
INFORMATION = {"min_codes": 2, "min_factors": 2}
FACTS: dict[str, dict[str, Any]] = {
    "z_diff": VOTING | {"constant": 1 / 3, "slack": 1 / 300},  # a test vote on the classifier's border
    "z_min_var": VOTING | {"constant": 2 / 3},
    "mig": {"min_codes": 2},
    "jemmig": {"min_codes": 2, "constant": COLLAPSED},
    "mig_sup": INFORMATION,
    "dcimig": INFORMATION,
    # relative to the best information of a code, however small that is
    "modularity": INFORMATION | {"noise": 0.95},
    # a code that knows nothing tells one of n values
    "sap": {"min_codes": 2, "identity": float(np.mean([1 - 1 / n for n in SIZES]))},
    # test_explicitness derives the areas of 4 values on one code; of 3 they are 1, 1/2, 1; of 5: 1, 3/4, 1/2, 3/4, 1
    "explicitness": {
        "size": {"n_train": 300, "n_test": 300},
        "n_examples": 5,
        "constant": 0.5,
        "identity": float(np.mean([5 / 6, 5 / 6, 4 / 5])),
        "noise": 0.6,
        "slack": 1e-4,
        "sampling": 0.05,
        "needs_rows": "no value in both",
    },
    "dci": {
        "min_codes": 2,
        "min_factors": 2,
        "size": {"n_train": 250, "n_test": 300, "n_trees": 4},
        "n_examples": 5,
        "slack": 0.1,
        "sampling": 0.3,
    },
    "downstream_accuracy": {
        "size": {"train_sizes": (10, 300), "n_test": 300},
        "n_examples": 5,
        "constant": float(np.mean([1 / n for n in SIZES])),
        "slack": 1e-2,
        "sampling": 0.1,
    },
}


def takes_codes_and_factors(entry: registry.MetricEntry) -> bool:
    """Whether two arrays, and perhaps a generator, are all that the metric asks for."""
    parameters = inspect.signature(entry.function()).parameters
    needed = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    return list(parameters)[:2] == ["codes", "factors"] and needed <= {"codes", "factors", "rng"}


def registered() -> dict[str, Metric]:
    found = {}
    for name, entry in registry.METRICS.items():
        if takes_codes_and_factors(entry):
            plain = getattr(importlib.import_module(entry.target.split(":")[0]), name)
            bounds = entry.direction, entry.lower, entry.upper
            facts = FACTS.get(name, {})
            found[name] = Metric(name, plain, entry.function(), *bounds, random=entry.is_random(), **facts)
    return found


METRICS = registered() | {
    "factor_vae_score": Metric(
        "factor_vae_score", factor_vae_score, None, "up", 0, 1, random=True, **VOTING, constant=1 / 3
    ),
    "jemmig_joint": Metric("jemmig_joint", jemmig_joint, None, "up", 0, 1, min_codes=2),
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


@cache
def on_noisy(name, sigma):
    return METRICS[name](*noisy(sigma))


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
def test_any_valid_input_scores_within_the_range(metric):
    def law(data):
        if data[1].shape[1] < metric.min_factors:
            with pytest.raises(ValueError, match="at least 2 that vary"):
                metric(*data)
            return
        try:
            score = metric(*data)
        except ValueError as refusal:
            if metric.votes or not metric.needs_rows or metric.needs_rows not in str(refusal):
                raise
            return  # a few rows in two halves
        assert type(score) is float
        assert metric.low - 1e-9 <= score <= metric.high + 1e-9  # NaN fails as well

    metric.everywhere(law, any_input())


@metrics
def test_the_identity_is_near_the_best(metric):
    """Or near what is the best of codes that are the factors."""
    if metric.identity is not None:
        assert metric(grid(), grid()) == pytest.approx(metric.identity, abs=metric.sampling + 1e-9)
    else:
        assert metric.quality(grid(), grid()) > metric.high - max(1e-9, metric.slack if not metric.votes else 0)


@metrics
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_codes_score_what_knowing_nothing_scores(metric, dtype):
    score = metric(np.full((300, 4), 0.1, dtype=dtype), grid())
    assert score == pytest.approx(metric.constant, abs=max(1e-12, 0 if metric.votes else metric.sampling))


@metrics
def test_noise_is_near_chance_and_far_below_the_identity(metric):
    """Independent codes: below 1/2 of the way unless the definition says else; near chance, 1/3, for the votes."""
    _, factors = noisy(0)
    codes = np.random.default_rng(1).normal(size=(len(factors), 5))
    assert metric.quality(codes, factors) < metric.noise * metric.high
    if metric.votes:
        assert abs(metric.quality(codes, factors) - 1 / 3) < SAMPLING


@metrics
def test_more_noise_is_worse(metric):
    scores = [metric.turned(metric.on_noisy(sigma)) for sigma in (0.05, 0.5, 1.0, 3.0, 10.0)]
    if metric.random:
        assert metric.identity is not None or scores[0] > (0.99 if metric.votes else 0.9)
        assert all(a >= b - metric.sampling / 2 for a, b in pairwise(scores))
        assert scores[0] > scores[3] + 0.1 > scores[4] + 0.1
    else:
        assert all(a > b for a, b in pairwise(scores))


@metrics
def test_the_order_of_the_codes_does_not_matter(metric):
    codes, factors = noisy(0.5)
    expected = metric.on_noisy()
    for order in ([4, 3, 2, 1, 0], [1, 0, 4, 2, 3]):
        assert metric(codes[:, order], factors) == pytest.approx(expected, abs=metric.slack)


@metrics
def test_the_order_of_the_rows_and_of_the_factors_does_not_matter(metric):
    codes, factors = noisy(1.0)
    expected, order = metric.on_noisy(1.0), np.random.default_rng(3).permutation(len(codes))
    tolerance = max(metric.sampling, 1e-12)
    assert metric(codes[order], factors[order]) == pytest.approx(expected, abs=tolerance)
    assert metric(codes, factors[:, [2, 0, 1]]) == pytest.approx(expected, abs=tolerance)


@metrics
def test_the_names_of_the_values_do_not_matter(metric):
    codes, factors = noisy(0.5)
    expected = metric.on_noisy()
    assert metric(codes, factors * 7 - 10) == expected
    assert metric(codes, (-factors).astype(np.float32)) == pytest.approx(expected, abs=max(metric.sampling, 1e-12))


@metrics
def test_minus_one_is_a_value_like_any_other(metric):
    """A peer reads -1 as missing."""
    factors = np.tile(np.indices((2, 2, 2)).reshape(3, -1), 20).T
    codes = factors + np.random.default_rng(0).normal(size=(160, 3)) * 0.5
    assert metric(codes, 2 * factors - 1) == metric(codes, factors)


@metrics
def test_sign_unit_and_origin_of_the_codes_do_not_matter(metric):
    """One scale for all codes: IRS weighs codes by their size, min_std looks at it (0.1 keeps them all active)."""
    codes, factors = noisy(0.5)
    expected = metric.on_noisy()
    tolerance = max(2 * metric.slack, 1e-2)  # a code on the edge of a bin may change sides

    def law(scale, sign, origin):
        assert metric(sign * scale * codes + origin, factors) == pytest.approx(expected, abs=tolerance)

    metric.everywhere(law, st.floats(0.1, 1000), st.sampled_from([-1, 1]), st.floats(-5, 5))


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
    expected = metric.on_noisy()
    assert metric(np.asfortranarray(codes), np.asfortranarray(factors)) == expected
    assert metric(np.hstack([codes, codes])[::1, :5], factors) == expected
    assert metric(codes.tolist(), factors.tolist()) == expected


@metrics
def test_the_same_generator_gives_the_same_value_and_global_state_is_not_used(metric):
    codes, factors = noisy(1.0)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert metric(codes, factors, seed=5) == metric(codes, factors, seed=5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    if metric.random:
        assert any(metric(codes, factors, seed=seed) != metric.on_noisy(1.0) for seed in range(1, 5))


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
    """Factors that are continuous, in five bins: the same as factors that are these bins."""
    factors = np.random.default_rng(0).random(size=(1000, 3))
    with pytest.raises(ValueError, match=r"factor columns \[0, 1, 2\] hold non-integer values; pass n_factor_bins="):
        metric(factors, factors)
    bins = np.floor((factors - factors.min(axis=0)) / np.ptp(factors, axis=0) * 5).clip(max=4)
    assert metric(factors, factors, n_factor_bins=5) == metric(factors, bins)


@metrics
def test_constant_factors_do_not_count(metric):
    codes, factors = noisy(0.5)
    constant = np.full((len(factors), 1), 3)
    padded = np.hstack([factors[:, :1], constant, factors[:, 1:], constant])
    assert metric(codes, padded) == metric.on_noisy()
    with pytest.raises(ValueError, match="every factor is constant"):
        metric(codes, np.hstack([constant, constant]))


@metrics
def test_a_dead_code_changes_nothing(metric):
    codes, factors = noisy(0.5)
    dead = np.full((len(codes), 1), 0.1)
    assert metric(np.hstack([dead, codes, dead]), factors) == pytest.approx(metric.on_noisy(), abs=metric.slack)


@metrics
def test_a_rare_value_is_no_obstacle_and_a_factor_of_rare_values_alone_scores_or_is_refused_by_name(metric):
    codes, factors = noisy(0.5)
    factors[0, 0] = 99
    assert np.isfinite(metric(codes, factors))
    codes, factors = codes[:200], factors[:200]  # enough for the law: a classifier learns a tree for each value
    unique = np.hstack([factors, np.arange(len(factors))[:, None]])
    if metric.needs_rows:
        with pytest.raises(ValueError, match=metric.needs_rows):
            metric(codes, unique)
    else:
        assert np.isfinite(metric(codes, unique))


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.result is not None])
def test_the_result_says_what_a_reader_needs(name):
    metric = METRICS[name]
    codes, factors = noisy(0.5)
    codes[:, 4] = 7.0
    factors = np.insert(factors, 1, 3, axis=1)
    result = metric.result(codes, factors, **metric.protocol())
    assert result.value == metric(codes, factors)
    assert result.direction == metric.direction
    expected = {"factors": [0, 2, 3], "dropped_factors": [1], "n_codes": 5, "dead_codes": [4], "notes": []}
    assert expected.items() <= result.details.items()
    assert "standard_error" in result.details or not metric.votes
    assert as_json(result.details)


def as_json(value):
    """Whether the value holds plain JSON types only, no NaN and no numpy scalars."""
    if isinstance(value, dict):
        return all(type(key) is str and as_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(as_json(item) for item in value)
    return value is None or type(value) in (bool, int, str) or (type(value) is float and np.isfinite(value))


def test_too_few_factors_are_refused_where_factors_are_compared():
    codes, factors = noisy(0.5)
    for metric in METRICS.values():
        if metric.min_factors > 1:
            with pytest.raises(ValueError, match="at least 2 that vary"):
                metric(codes, factors[:, :1])
        else:
            assert np.isfinite(metric(codes, factors[:, :1]))


def test_the_metrics_of_the_benchmark_are_covered():
    assert {"z_diff", "z_min_var", "irs", "mig", "jemmig"} < set(METRICS)
    assert set(FACTS) <= set(METRICS)
