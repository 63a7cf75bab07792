"""The one check of codes and factors: each row of the table of degenerate input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minebench.metrics.block_controls import block_controls
from minebench.metrics.inputs import check_codes, check_codes_and_factors, equal_width_bins

RNG = np.random.default_rng(0)
FACTORS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
CODES = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])


@pytest.mark.parametrize(
    ("codes", "factors"),
    [
        (CODES, FACTORS[:3]),
        (CODES[:, 0], FACTORS),
        (CODES, FACTORS[:, 0]),
        (CODES[None], FACTORS),
        (np.empty((0, 2)), np.empty((0, 2))),
        (np.empty((4, 0)), FACTORS),
        (CODES, np.empty((4, 0))),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_the_shapes(codes, factors):
    with pytest.raises(ValueError, match="codes and factors must") as error:
        check_codes_and_factors(codes, factors)
    assert str(codes.shape) in str(error.value)
    assert str(factors.shape) in str(error.value)


def test_too_few_codes_are_refused():
    with pytest.raises(ValueError, match=r"at least 2 of them; got codes \(4, 1\)"):
        check_codes_and_factors(CODES[:, :1], FACTORS, min_codes=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_codes_that_are_not_finite_are_refused_by_column(bad):
    codes = np.zeros((4, 4))
    codes[2, 1] = codes[0, 3] = bad
    with pytest.raises(ValueError, match=r"code columns \[1, 3\] hold NaN or inf"):
        check_codes_and_factors(codes, FACTORS)


def test_codes_whose_square_overflows_are_refused_by_column():
    with pytest.raises(ValueError, match=r"code columns \[0\] exceed 1e\+150"):
        check_codes_and_factors(CODES * [-1e200, 1], FACTORS)


@pytest.mark.parametrize("codes", [CODES.astype(str), CODES.astype(complex), CODES.astype(object)])
def test_codes_that_are_not_real_numbers_are_refused(codes):
    with pytest.raises(ValueError, match="codes must hold real numbers; got dtype"):
        check_codes_and_factors(codes, FACTORS)


def test_bool_and_integer_codes_are_numbers():
    checked = check_codes_and_factors(FACTORS.astype(bool), FACTORS)
    assert checked.codes.dtype == np.float64
    np.testing.assert_array_equal(checked.codes, FACTORS)


def test_non_integer_factors_are_refused_with_the_way_out():
    factors = np.array([[0, 0.5], [1, 1.5], [0, 2], [1, 3]])
    with pytest.raises(ValueError, match=r"factor columns \[1\] hold non-integer values; pass n_factor_bins="):
        check_codes_and_factors(CODES, factors)


def test_the_way_out_bins_what_has_more_values_and_keeps_the_rest():
    """0..1 in two equal widths: below 1/2 and from 1/2 on. The other column already has two values, 0 and 9."""
    factors = np.array([[0.0, 9], [0.49, 0], [0.5, 9], [1.0, 0]])
    checked = check_codes_and_factors(CODES, factors, n_factor_bins=2)
    np.testing.assert_array_equal(checked.factors, [[0, 1], [0, 0], [1, 1], [1, 0]])
    assert checked.factor_sizes == (2, 2)


def test_binning_never_merges_values_that_are_few():
    """0, 1 and 100 are three values; five equal widths would put 0 and 1 together."""
    factors = np.array([[0], [1], [100], [100]])
    checked = check_codes_and_factors(CODES, factors, n_factor_bins=5)
    np.testing.assert_array_equal(checked.factors, [[0], [1], [2], [2]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_factors_that_are_not_finite_are_refused_even_when_binned(bad):
    factors = np.array([[0, 0], [0, 1], [1, bad], [1, 1]])
    with pytest.raises(ValueError, match=r"factor columns \[1\] hold NaN or inf"):
        check_codes_and_factors(CODES, factors, n_factor_bins=5)


@pytest.mark.parametrize("values", [[0.0, 1e300, 2e300, 3e300], [-1e308, 0.0, 1.0, 1e308]])
def test_factors_whose_width_overflows_are_refused_where_they_would_be_binned(values):
    factors = np.column_stack([FACTORS[:, 1], values])
    with pytest.raises(ValueError, match=r"factor columns \[1\] exceed 1e\+150; rescale the factors to bin them"):
        check_codes_and_factors(CODES, factors, n_factor_bins=2)
    for n_factor_bins in (None, 4):  # few enough values to be names
        checked = check_codes_and_factors(CODES, factors, n_factor_bins=n_factor_bins)
        np.testing.assert_array_equal(checked.factors[:, 1], range(4))


@pytest.mark.parametrize("origin", [0, -(2**63), 2**62 + 1, 2**63])
def test_integers_too_long_for_a_float_are_binned_by_their_distances(origin):
    """0, 1, 2, 3 in two bins, beside an origin that swallows them in double precision."""
    factors = np.array([[origin + offset] for offset in range(4)], dtype=np.uint64 if origin == 2**63 else np.int64)
    checked = check_codes_and_factors(CODES, factors, n_factor_bins=2)
    np.testing.assert_array_equal(checked.factors[:, 0], [0, 0, 1, 1])


def test_masked_entries_are_refused_and_unused_masks_are_not():
    mask = np.zeros(CODES.shape, dtype=bool)
    for check in (lambda *pair: check_codes_and_factors(*pair), lambda *pair: block_controls(*pair, [[0]], rng=RNG)):
        check(np.ma.array(CODES, mask=mask), np.ma.array(FACTORS, mask=mask))
        hidden = mask | [[True, False]]
        with pytest.raises(ValueError, match="codes have 4 masked entries, which have no value; leave their rows out"):
            check(np.ma.array(CODES, mask=hidden), FACTORS)
        with pytest.raises(ValueError, match="factors have 4 masked entries"):
            check(CODES, np.ma.array(FACTORS, mask=hidden))
    with pytest.raises(ValueError, match="codes have 1 masked entries"):
        check_codes(np.ma.masked_equal(CODES, 0.0))


def test_one_factor_bin_is_refused():
    with pytest.raises(ValueError, match="n_factor_bins must be at least 2"):
        check_codes_and_factors(CODES, FACTORS, n_factor_bins=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint8, np.int64, bool])
def test_factors_of_any_dtype_are_the_same_labels(dtype):
    checked = check_codes_and_factors(CODES, FACTORS.astype(dtype))
    np.testing.assert_array_equal(checked.factors, FACTORS)
    assert checked.factors.dtype == np.intp


@pytest.mark.parametrize(
    "values",
    [
        np.array([-1, 1]),  # CelebA
        np.array([-128, 127], dtype=np.int8),  # their difference does not fit into int8
        np.array([2**63, 2**64 - 1], dtype=np.uint64),  # nor these into int64
        np.array([-(10**18), 10**18]),
        np.array([-0.0, 1e300]),
    ],
)
def test_values_become_their_rank(values):
    checked = check_codes_and_factors(CODES, values[FACTORS])
    np.testing.assert_array_equal(checked.factors, FACTORS)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(hnp.arrays(np.int64, st.tuples(st.integers(2, 40), st.just(1)), elements=st.integers(-200, 200)))
def test_labels_are_those_of_unique(factor):
    values, expected = np.unique(factor, return_inverse=True)
    if len(values) == 1:
        with pytest.raises(ValueError, match="every factor is constant"):
            check_codes_and_factors(factor, factor)
        return
    checked = check_codes_and_factors(factor, factor)
    np.testing.assert_array_equal(checked.factors, expected.reshape(-1, 1))
    assert checked.factor_sizes == (len(values),)


def test_constant_factors_are_dropped_and_counted():
    constant = np.full((4, 1), 7)
    checked = check_codes_and_factors(CODES, np.hstack([constant, FACTORS, constant]))
    assert checked.kept_factors == (1, 2)
    assert checked.dropped_factors == (0, 3)
    assert checked.details()["dropped_factors"] == [0, 3]
    np.testing.assert_array_equal(checked.factors, FACTORS)


def test_only_constant_factors_are_refused():
    with pytest.raises(ValueError, match=r"every factor is constant \(2 columns\)"):
        check_codes_and_factors(CODES, np.ones((4, 2)))


def test_dead_means_constant_although_the_standard_deviation_is_not_zero():
    """Summing 0.1 in single precision rounds, so the column's own mean is not 0.1 and its std is above 0."""
    codes = np.full((10_000, 2), 0.1, dtype=np.float32)
    codes[0, 1] = np.nextafter(np.float32(0.1), np.float32(1))
    assert codes[:, 0].std() > 0
    checked = check_codes_and_factors(codes, np.arange(10_000)[:, None] % 2)
    np.testing.assert_array_equal(checked.alive, [False, True])
    assert checked.details()["dead_codes"] == [0]


def test_all_dead_codes_are_noted():
    assert check_codes_and_factors(np.ones((4, 3)), FACTORS).details()["notes"] == ["all codes are constant"]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e149])
def test_standardized_codes_do_not_depend_on_their_unit(scale):
    """0, 1, 2, 3 has mean 3/2 and variance (9 + 1 + 1 + 9) / 4 / 3 = 5/3 with one degree of freedom spent."""
    checked = check_codes_and_factors(CODES * scale, FACTORS)
    standardized, std = checked.standardized()
    np.testing.assert_allclose(standardized[:, 0], (np.arange(4) - 1.5) / np.sqrt(5 / 3), rtol=1e-12)
    np.testing.assert_array_equal(standardized[:, 1], 0)
    np.testing.assert_allclose(std / scale, [np.sqrt(5 / 3), 0], rtol=1e-12)


def test_bins_have_equal_width_and_the_last_is_closed():
    values = np.array([[0.0, -1.0], [0.24, -1.0], [0.25, -1.0], [0.99, -1.0], [1.0, -1.0]])
    np.testing.assert_array_equal(equal_width_bins(values, 4), [[0, 0], [0, 0], [1, 0], [3, 0], [3, 0]])


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e150])
def test_bins_survive_extreme_ranges(scale):
    values = np.array([[0.0], [1.0], [2.0]]) * scale
    np.testing.assert_array_equal(equal_width_bins(values, 20), [[0], [10], [19]])


def test_too_few_factors_that_vary_are_refused():
    factors = np.array([[0, 1, 5], [1, 1, 5], [2, 1, 6]])
    checked = check_codes_and_factors(np.arange(3.0)[:, None], factors)
    checked.need_factors(2)
    with pytest.raises(ValueError, match=r"needs at least 3 that vary; got 2 \(columns \[0, 2\]\)"):
        checked.need_factors(3)


def test_codes_alone_are_held_to_the_same_rules():
    checked = check_codes([[1, 2], [1, 3]])
    assert checked.alive.tolist() == [False, True]
    assert checked.details() == {"factors": [], "dropped_factors": [], "n_codes": 2, "dead_codes": [0], "notes": []}
    for bad, message in (
        ([1.0, 2.0], r"codes must be \(n_samples, n_codes\); got shape \(2,\)"),
        (np.zeros((0, 2)), "must not be empty"),
        ([["a"]], "must hold real numbers"),
        ([[np.nan, 1.0]], r"columns \[0\] hold NaN or inf"),
        ([[1e200]], "rescale"),
    ):
        with pytest.raises(ValueError, match=message):
            check_codes(bad)
    with pytest.raises(ValueError, match="at least 2"):
        check_codes([[1.0]], min_codes=2)


def test_factors_beyond_int64_are_relabelled_like_any_others():
    codes, factors = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50)[:, None] % 3
    large = factors.astype(np.uint64) + np.uint64(2**63)
    found = check_codes_and_factors(codes, large)
    np.testing.assert_array_equal(found.factors, check_codes_and_factors(codes, factors).factors)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_factors_in_single_precision_are_binned_without_a_warning(dtype):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(300, 2)).astype(dtype)
    checked = check_codes_and_factors(rng.normal(size=(300, 2)), factors, n_factor_bins=5)
    assert checked.factors.max() == 4
