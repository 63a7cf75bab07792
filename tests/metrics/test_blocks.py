"""Blocks: their check, their scale, their first principal components."""

import numpy as np
import pytest

from minebench.metrics.blocks import check_blocks, check_columns, pca1

CODES = np.array([[0.0, 1.0, 5.0], [0.0, -1.0, 5.0], [3.0, 1.0, 5.0], [3.0, -1.0, 5.0]])
FACTORS = np.array([[0], [0], [1], [1]])


def scaled(codes, blocks):
    return list(check_blocks(codes, np.arange(len(codes))[:, None] % 2, blocks).scaled())


def test_details_count_codes_dead_blocks_and_codes_in_no_block():
    details = check_blocks(CODES, FACTORS, [[1], [], [2]]).details()
    assert details["codes_per_block"] == [1, 0, 1]
    assert details["dead_blocks"] == [1, 2]
    assert details["codes_in_no_block"] == [0]
    assert details["n_codes"] == 3


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "got none"),
        ([[0, 3]], r"name the columns \[3\]; the 3 codes are columns 0..2"),
        ([[-1]], r"name the columns \[-1\]"),
        ([[0, 1], [1]], r"columns \[1\] are named twice"),
        ([[0, 0]], r"columns \[0\] are named twice"),
        ([[0.5]], "integer columns"),
        ([0, 1], "groups"),
        ([[True, False]], "integer columns"),
    ],
)
def test_blocks_that_are_no_groups_of_columns_are_refused(blocks, message):
    with pytest.raises(ValueError, match=message):
        check_columns(blocks, 3)


def test_too_few_blocks_are_refused():
    with pytest.raises(ValueError, match="needs at least 2 of them; got 1"):
        check_blocks(CODES, FACTORS, [[0, 1]], min_blocks=2)


def test_a_block_is_scaled_as_one_by_hand():
    """Variances (ddof 1): code 0 is 0, 0, 3, 3 about 1.5: 4 * 2.25 / 3 = 3; code 1: 4 / 3. Their sum is 13 / 3."""
    [(block, spread)] = scaled(CODES, [[0, 1]])
    assert spread == pytest.approx(np.sqrt(13 / 3))
    np.testing.assert_allclose(block, (CODES[:, :2] - [1.5, 0]) / np.sqrt(13 / 3))


def test_a_block_of_one_code_is_the_standardised_code():
    codes = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 100]
    unit, std = check_blocks(codes, np.arange(50)[:, None] % 2, [[0]]).inputs.standardized()
    for column, (block, spread) in enumerate(scaled(codes, [[0], [1], [2]])):
        np.testing.assert_array_equal(block[:, 0], unit[:, column])
        assert spread == pytest.approx(std[column])


@pytest.mark.parametrize("unit", [1e-180, 1e120])
def test_no_square_overflows_or_vanishes(unit):
    [(block, spread)] = scaled(CODES * unit, [[0, 1]])
    assert spread == pytest.approx(unit * np.sqrt(13 / 3))
    assert (block**2).sum() / 3 == pytest.approx(1)


def test_dead_codes_of_a_live_block_stay_at_zero_and_dead_blocks_are_left_out():
    [(block, _)] = scaled(np.column_stack([CODES, np.full(4, 0.1)]), [[2], [0, 3]])
    assert (block[:, 1] == 0).all()
    np.testing.assert_allclose(block[:, 0], np.array([-1, -1, 1, 1]) * np.sqrt(3 / 4))


def test_the_first_component_of_points_on_a_line_is_their_place_on_it():
    """Points t (3, 4) / 5 + (7, 7): the place is t - mean(t), whichever way the line runs."""
    t = np.array([0.0, 1.0, 5.0])
    codes = np.column_stack([7 + 0.6 * t, 7 + 0.8 * t])
    np.testing.assert_allclose(pca1(codes, [[0, 1]]), (t - 2)[:, None])
    np.testing.assert_allclose(pca1(codes * [1, -1], [[0, 1]]), (2 - t)[:, None])  # -4/5 is the larger loading


def test_the_first_component_is_that_of_largest_variance_not_of_largest_mean():
    codes = np.column_stack([100 + np.array([1.0, -1, 1, -1]), [3.0, 3, -3, -3]])
    np.testing.assert_allclose(pca1(codes, [[0, 1], []]), [[3, 0], [3, 0], [-3, 0], [-3, 0]], atol=1e-12)


def test_constant_blocks_have_a_constant_component():
    np.testing.assert_array_equal(pca1(np.full((3, 2), 0.1, dtype=np.float32), [[0, 1], []]), np.zeros((3, 2)))
