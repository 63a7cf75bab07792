import numpy as np
import pytest

from minebench.baselines.contract import DataUse
from minebench.benchmarks.pools import draw_pools

ROWS = np.arange(100, 1100)


def test_without_shares_all_rows_are_for_training_in_their_order():
    pools = draw_pools(ROWS, DataUse(), seed=0)
    assert (pools.train.rows == ROWS).all()
    assert pools.train.labelled is None
    assert len(pools.held_out.rows) == len(pools.train.labelled_rows) == 0


def test_pools_are_disjoint_and_complete():
    train, held_out = draw_pools(ROWS, DataUse(labels=0.1, held_out=0.2), seed=0)
    assert len(held_out.rows) == 200
    assert sorted([*train.rows, *held_out.rows]) == ROWS.tolist()
    assert len(train.labelled_rows) + len(held_out.labelled_rows) == 100
    assert 10 < len(held_out.labelled_rows) < 30  # 20 expected of a hypergeometric draw with standard deviation 3.8


def test_at_one_seed_the_same_images_are_labelled_whatever_is_held_out():
    alone = draw_pools(ROWS, DataUse(labels=0.1), seed=3)
    divided = draw_pools(ROWS, DataUse(labels=0.1, held_out=0.5), seed=3)
    assert set(alone.train.labelled_rows) == {*divided.train.labelled_rows, *divided.held_out.labelled_rows}
    assert set(draw_pools(ROWS, DataUse(labels=0.01), seed=3).train.labelled_rows) < set(alone.train.labelled_rows)
    assert set(draw_pools(ROWS, DataUse(labels=0.1), seed=4).train.labelled_rows) != set(alone.train.labelled_rows)


def test_a_tiny_share_is_one_image_and_all_are_all():
    assert len(draw_pools(ROWS, DataUse(labels=1e-9), seed=0).train.labelled_rows) == 1
    assert len(draw_pools(ROWS, DataUse(labels=1), seed=0).train.labelled_rows) == len(ROWS)


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (DataUse(labels=1.5), "labels is a share of the training images, from 0 to 1; got 1.5"),
        (DataUse(held_out=float("nan")), "held_out is a share .* got nan"),
        (DataUse(held_out=1), "held_out=1 leaves none of 1000 images to train on"),
    ],
)
def test_shares_that_are_none_are_refused(use, says):
    with pytest.raises(ValueError, match=says):
        draw_pools(ROWS, use, seed=0)
