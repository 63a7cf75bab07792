"""Explicitness: areas by hand, what it does not see, and the rows it is measured on."""

import numpy as np
import pytest

from minebench.metrics.explicitness import explicitness, explicitness_result


def grid(*sizes, repeats=1):
    return np.tile(np.indices(sizes).reshape(len(sizes), -1), repeats).T


def one_hot(factors):
    return np.hstack([np.eye(column.max() + 1)[column] for column in factors.T])


def rng(seed=0):
    return np.random.default_rng(seed)


def test_one_code_per_value_scores_one_and_so_does_any_rotation():
    factors = grid(4, 3, repeats=20)
    codes = one_hot(factors)
    rotation = np.linalg.qr(rng().normal(size=(7, 7)))[0]
    assert explicitness(codes, factors, rng=rng()) == pytest.approx(1.0)
    assert explicitness(codes @ rotation, factors, rng=rng()) == pytest.approx(1.0)
    assert explicitness(np.hstack([codes, codes]), factors, rng=rng()) == pytest.approx(1.0)


def test_one_code_per_factor_matches_the_areas_by_hand():
    """A classifier of value 1 among 0, 1, 2, 3 slopes down, for the others lie above it on average: it ranks 1 above
    2 and 3 and below 0, an area of 2/3. So does that of 2; the ends are told in full: (1 + 2/3 + 2/3 + 1) / 4.
    The counts of the test rows differ by chance, which moves an area by a few hundredths.
    """
    factors = np.repeat(np.arange(4), 1000)[:, None]
    assert explicitness(factors, factors, rng=rng()) == pytest.approx(5 / 6, abs=0.02)


def test_factors_weigh_the_same_whatever_their_number_of_values():
    """Binary factor told in full (1); ten-valued factor not coded at all (1/2). Over all values it were 7/12."""
    factors = grid(2, 10, repeats=300)
    result = explicitness_result(factors[:, :1], factors, rng=rng())
    assert result.details["factor_area"][0] == pytest.approx(1.0)
    assert result.value == pytest.approx(0.75, abs=0.02)
    assert result.details["scored_values"] == [2, 10]


def test_the_area_is_that_of_rows_that_were_not_fitted():
    """Thirty codes of noise on thirty rows fit any labels: the area on the fitted rows were near 1."""
    factors = np.arange(60)[:, None] % 2
    areas = [explicitness(rng(seed).normal(size=(60, 30)), factors, rng=rng(seed)) for seed in range(20)]
    # each area on 30 rows scatters by about 0.1
    assert np.mean(areas) == pytest.approx(0.5, abs=0.08)


def test_the_scale_of_single_codes_does_not_matter():
    factors = grid(3, 4, repeats=20)
    codes = factors + rng().normal(size=factors.shape)
    expected = explicitness(codes, factors, rng=rng())
    assert explicitness(codes * [0.01, 100.0], factors, rng=rng()) == pytest.approx(expected, abs=1e-3)


def test_constant_codes_score_a_half():
    assert explicitness(np.full((40, 3), 0.1), np.arange(40)[:, None] % 4, rng=rng()) == 0.5


def test_values_that_are_not_in_both_halves_are_left_out():
    factors = np.append(np.repeat([0, 1], 50), 7)[:, None]
    result = explicitness_result(factors, factors, rng=rng())
    assert result.details["scored_values"] == [2]
    assert (result.details["n_train"], result.details["n_test"]) == (51, 50)
    with pytest.raises(ValueError, match=r"factor column 0 has no value in both the 51 training and the 50 test rows"):
        explicitness(factors, np.arange(101)[:, None], rng=rng())


def test_a_fit_that_gives_up_is_noted(monkeypatch):
    monkeypatch.setattr("minebench.metrics.predictors._MAX_ITERATIONS", 1)
    factors = grid(3, 4, repeats=20)
    codes = factors + rng().normal(size=factors.shape)
    notes = explicitness_result(codes, factors, rng=rng()).details["notes"]
    assert notes == ["a logistic regression stopped without converging"]
