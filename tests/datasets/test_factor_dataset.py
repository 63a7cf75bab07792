import numpy as np
import pytest

from minebench.datasets.factor_dataset import FactorDataset, GridDataset, check_rows, factor_column

NAMES = ("shape", "scale", "posX", "posY")


def test_rows_come_back_as_int64_in_the_same_order():
    rows = check_rows(np.array([3, 0, 3], np.uint8), 4)
    assert rows.dtype == np.int64
    assert rows.tolist() == [3, 0, 3]


@pytest.mark.parametrize("nothing", [[], (), np.zeros(0, np.int32)])
def test_no_rows_are_rows(nothing):
    assert check_rows(nothing, 5).shape == (0,)


@pytest.mark.parametrize("index", [[0.0, 1.0], [True, False], ["1"], [None]])
def test_rows_must_be_integers(index):
    with pytest.raises(TypeError, match="integer row numbers"):
        check_rows(index, 5)


@pytest.mark.parametrize(("index", "culprit"), [([0, 5], "got 5"), ([-1, 0], "got -1"), ([7, -3], "got -3")])
def test_a_row_outside_is_named(index, culprit):
    with pytest.raises(IndexError, match=f"0 ... 4; {culprit}"):
        check_rows(index, 5)


@pytest.mark.parametrize("index", [3, [[0, 1]]])
def test_rows_are_one_dimensional(index):
    with pytest.raises(ValueError, match="one-dimensional"):
        check_rows(index, 5)


def test_a_factor_is_known_by_name_and_by_column():
    assert [factor_column(name, NAMES) for name in NAMES] == [0, 1, 2, 3]
    assert [factor_column(column, NAMES) for column in range(4)] == [0, 1, 2, 3]


def test_a_misspelt_factor_is_answered_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'shape'"):
        factor_column("shpae", NAMES)


def test_a_name_near_no_factor_is_answered_with_all_names():
    with pytest.raises(ValueError, match="shape, scale, posX, posY") as refused:
        factor_column("hue", NAMES)
    assert "did you mean" not in str(refused.value)


@pytest.mark.parametrize("column", [-1, 4])
def test_a_column_outside_is_refused(column):
    with pytest.raises(ValueError, match=r"0 ... 3 .*got"):
        factor_column(column, NAMES)


def test_the_protocols_are_what_the_grids_offer(shapes_mini):
    members = {name for protocol in (FactorDataset, GridDataset) for name in vars(protocol) if not name.startswith("_")}
    assert members == {
        *("name", "source", "factor_names", "factor_sizes", "image_shape"),
        *("images", "factors", "sample", "fingerprint", "index"),
    }
    assert all(hasattr(shapes_mini, name) for name in members)
