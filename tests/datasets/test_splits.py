from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chisquare

from minebench.datasets.splits import Split, held_out_split, lasting_numbers, partition_split, rows_hash


class Named(SimpleNamespace):
    """A name and a length: all that decides a split."""

    def __len__(self) -> int:
        return self.n_rows


@pytest.fixture(scope="module")
def dsprites_split():
    return held_out_split(Named(name="dsprites", n_rows=737_280))


@pytest.mark.parametrize(("n_rows", "n_held_out"), [(10, 1), (19, 1), (4608, 460), (737_280, 73_728)])
def test_a_tenth_is_held_out_and_the_rest_is_trained_on(n_rows, n_held_out):
    split = held_out_split(Named(name="toy", n_rows=n_rows))
    assert len(split.held_out) == n_held_out
    assert split.train.dtype == split.held_out.dtype == np.int64
    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(n_rows))


def test_train_ascends_and_held_out_does_not(dsprites_split):
    assert (np.diff(dsprites_split.train) > 0).all()
    assert (np.diff(dsprites_split.held_out[:100]) < 0).any()


def test_the_split_is_the_same_on_every_machine_for_ever(dsprites_split):
    """Pinned: scores in the leaderboard refer to these rows. Change them only with a mark in CHANGELOG."""
    assert dsprites_split.held_out[:3].tolist() == [718967, 730243, 74862]
    assert rows_hash(dsprites_split.held_out) == "abba21fcbc16ef57a50602c2ad57cf11ac14c0108376b5e4e88dd57750ad2431"


def test_the_split_depends_on_the_name_alone(shapes_mini):
    stranger = Named(name="shapes_mini", n_rows=len(shapes_mini))
    other = Named(name="shapes_maxi", n_rows=len(shapes_mini))
    assert np.array_equal(held_out_split(shapes_mini).held_out, held_out_split(stranger).held_out)
    assert not np.array_equal(held_out_split(stranger).held_out, held_out_split(other).held_out)


def test_a_leading_part_is_a_uniform_sample_of_the_grid(dsprites_split):
    """The first 10,000 rows fall evenly into 40 stretches of the grid: chi-square on 39 degrees."""
    assert chisquare(np.bincount(dsprites_split.held_out[:10_000] // (737_280 // 40), minlength=40)).pvalue > 0.01


def test_fewer_than_ten_rows_cannot_be_split():
    with pytest.raises(ValueError, match="at least 10 are needed; toy has 9"):
        held_out_split(Named(name="toy", n_rows=9))


PARTS = np.array([0, 2, 1, 2, 0, 2, 1], np.uint8)


def test_a_partition_trains_on_part_0_and_holds_out_part_2():
    split = partition_split(PARTS, "faces")
    assert split.train.tolist() == [0, 4]
    assert sorted(split.held_out.tolist()) == [1, 3, 5]
    assert split.train.dtype == split.held_out.dtype == np.int64


def test_the_order_of_a_partitions_held_out_rows_is_random_and_keyed_by_the_name():
    parts = np.repeat(np.array([0, 1, 2], np.uint8), 1000)
    first, again, other = (partition_split(parts, name).held_out for name in ("faces", "faces", "others"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert chisquare(np.bincount((first[:300] - 2000) // 100, minlength=10)).pvalue > 0.01


@pytest.mark.parametrize(("missing", "counts"), [(0, "0 and 3"), (2, "2 and 0")])
def test_a_partition_without_training_or_test_rows_is_refused(missing, counts):
    with pytest.raises(ValueError, match=f"partition of faces must have rows .*; got {counts}"):
        partition_split(np.where(missing == PARTS, 1, PARTS), "faces")


def test_a_data_set_with_a_split_of_its_own_decides():
    own = Split(train=np.array([1]), held_out=np.array([0]))
    assert held_out_split(Named(name="faces", n_rows=2, own_split=lambda: own)) is own


def test_lasting_numbers_are_uniform_and_the_first_do_not_depend_on_how_many():
    numbers = lasting_numbers("any", 10_000)
    assert np.array_equal(lasting_numbers("any", 10), numbers[:10])
    assert chisquare(np.bincount((numbers >> np.uint64(60)).astype(int), minlength=16)).pvalue > 0.01


def test_the_hash_of_rows_knows_values_and_order_but_not_width():
    """The empty list hashes to sha256 of nothing."""
    assert rows_hash(np.array([1, 2], np.int32)) == rows_hash([1, 2])
    assert len({rows_hash(rows) for rows in ([1, 2], [2, 1], [1, 2, 3], [1, 258])}) == 4
    assert rows_hash(np.zeros(0, np.int64)).startswith("e3b0c44298fc1c149afb")


def test_only_integers_are_rows():
    with pytest.raises(TypeError, match="rows must be integers; got float64"):
        rows_hash([0.5])
