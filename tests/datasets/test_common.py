"""What every data set owes, over all of them."""

import numpy as np
import pytest

from minebench.datasets.image_grid import ImageGrid

NAMES = ("shapes_mini", "dsprites")


@pytest.fixture(params=NAMES)
def dataset(request: pytest.FixtureRequest) -> ImageGrid:
    return request.getfixturevalue(request.param)


@pytest.fixture
def rows(dataset):
    return np.random.default_rng(0).integers(0, len(dataset), 300)


def test_the_name_is_the_registrys_key(dataset, request):
    assert dataset.name == request.node.callspec.params["dataset"]
    assert dataset.source in ("real", "procedural")


def test_images_are_bytes_of_the_declared_shape_over_the_whole_range(dataset, rows):
    images = dataset.images(rows)
    assert images.dtype == np.uint8
    assert images.shape == (300, *dataset.image_shape)
    assert (images.min(), images.max()) == (0, 255)


def test_an_image_does_not_depend_on_its_company(dataset, rows):
    together = dataset.images(rows)
    assert all(np.array_equal(dataset.images([row])[0], image) for row, image in zip(rows, together, strict=True))


def test_every_image_shows_something(dataset, rows):
    assert (dataset.images(rows).reshape(300, -1) > 0).any(axis=1).all()


def test_factors_are_value_indices_below_their_sizes(dataset):
    factors = dataset.factors(np.arange(len(dataset)))
    assert factors.dtype == np.int64
    assert factors.shape == (len(dataset), len(dataset.factor_sizes))
    assert factors.min() == 0
    assert factors.max(axis=0).tolist() == [size - 1 for size in dataset.factor_sizes]


def test_rows_and_factors_are_inverse(dataset):
    everything = np.arange(len(dataset))
    assert np.array_equal(dataset.index(dataset.factors(everything)), everything)


def test_the_last_factor_is_the_fastest(dataset):
    n_last = dataset.factor_sizes[-1]
    assert dataset.factors(np.arange(n_last))[:, -1].tolist() == list(range(n_last))
    assert dataset.factors([n_last])[0, -2:].tolist() == [1, 0]


def test_a_sample_has_its_fixed_values(dataset):
    name = dataset.factor_names[1]
    rows = dataset.sample(50, np.random.default_rng(1), fixed={0: 2, name: 1})
    assert (dataset.factors(rows)[:, :2] == (2, 1)).all()


def test_the_caller_may_write_into_images(dataset):
    first = dataset.images([0])
    first[:] = 7
    assert (dataset.images([0]) != 7).all()


def test_the_fingerprint_is_the_same_each_time(dataset):
    assert dataset.fingerprint() == dataset.fingerprint()
    assert len(dataset.fingerprint()) == 64


def test_images_of_no_rows_are_none(dataset):
    assert dataset.images([]).shape == (0, *dataset.image_shape)
    assert dataset.factors([]).shape == (0, len(dataset.factor_sizes))


def test_a_row_beyond_the_end_is_refused(dataset):
    with pytest.raises(IndexError, match=f"got {len(dataset)}"):
        dataset.images([len(dataset)])
    with pytest.raises(IndexError, match="got -1"):
        dataset.factors([-1])


def test_position_moves_the_sprite_right_and_down(dataset):
    """posX and posY are the last two factors; the centre of mass follows each alone."""
    middle = [size // 2 for size in dataset.factor_sizes]
    for axis, column in (("x", -2), ("y", -1)):
        ends = np.array([middle, middle])
        ends[:, column] = (0, dataset.factor_sizes[column] - 1)
        centres = [np.argwhere(image[0])[:, ::-1].mean(axis=0) for image in dataset.images(dataset.index(ends))]
        moved = centres[1] - centres[0]
        along, across = moved if axis == "x" else moved[::-1]
        assert along == pytest.approx(32, abs=0.5)
        assert across == pytest.approx(0, abs=0.5)
