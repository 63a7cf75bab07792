import numpy as np
import pytest
from scipy.stats import chisquare

from minebench.datasets.attribute_table import AttributeTable

VALUES = np.array([[0, 0], [1, 0], [1, 1], [0, 0], [1, 2]], np.uint8)
TABLE = AttributeTable(("smiling", "hair"), (2, 3), VALUES)


def test_factors_follow_the_index_with_repeats():
    factors = TABLE.factors([4, 0, 4])
    assert factors.tolist() == [[1, 2], [0, 0], [1, 2]]
    assert factors.dtype == np.int64
    assert TABLE.factors([]).shape == (0, 2)


def test_a_row_beyond_the_end_is_refused():
    with pytest.raises(IndexError, match=r"0 ... 4; got 5"):
        TABLE.factors([5])


def test_a_sample_is_uniform_over_the_matching_rows_and_takes_no_other():
    """smiling = 1 leaves rows 1, 2 and 4; chi-square on 2 degrees, seed 0."""
    counts = np.bincount(TABLE.sample(3_000, np.random.default_rng(0), fixed={"smiling": 1}), minlength=5)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert chisquare(counts[[1, 2, 4]]).pvalue > 0.01


def test_without_fixed_values_every_row_is_drawn_alike():
    """Unlike a grid, whose values are drawn: the rows are as correlated as they are."""
    counts = np.bincount(TABLE.sample(5_000, np.random.default_rng(0)), minlength=5)
    assert chisquare(counts).pvalue > 0.01


def test_fixing_by_name_and_by_column_is_the_same_and_both_hold():
    assert set(TABLE.sample(20, np.random.default_rng(0), {0: 1, "hair": 0}).tolist()) == {1}


def test_values_that_no_row_has_are_refused():
    with pytest.raises(ValueError, match=r"none of the 5 rows has \{'smiling': 0, 'hair': 2\}"):
        TABLE.sample(1, np.random.default_rng(0), {"smiling": 0, "hair": 2})


def test_an_unknown_factor_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'hair'"):
        TABLE.sample(1, np.random.default_rng(0), {"hare": 1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": VALUES[:, :1]}, r"values must be uint8 \(n, 2\), one column a factor; got uint8 \(5, 1\)"),
        ({"values": VALUES.astype(int)}, r"got int64 \(5, 2\)"),
        ({"factor_names": ("a", "a")}, "one distinct name per factor size"),
        ({"factor_sizes": (2,)}, "one distinct name per factor size"),
        ({"factor_sizes": (2, 2)}, "values of hair lie beyond"),
    ],
)
def test_a_table_of_another_form_is_refused(changes, message):
    form = {"factor_names": ("smiling", "hair"), "factor_sizes": (2, 3), "values": VALUES} | changes
    with pytest.raises(ValueError, match=message):
        AttributeTable(**form)
