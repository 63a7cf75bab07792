import numpy as np
import pytest

from minebench.datasets.celeba_files import CELEBA
from minebench.datasets.rendering.face_attributes import ATTRIBUTES, NAMES, draw_attributes, may_have

# correlations of the binary columns in CelebA's table, approximate as the table of the module is
CORRELATIONS = {
    ("Male", "Wearing_Lipstick"): -0.79,
    ("Male", "No_Beard"): -0.52,
    ("Male", "Goatee"): 0.31,
    ("Male", "Mustache"): 0.25,
    ("Male", "Blond_Hair"): -0.31,
    ("Male", "Bald"): 0.18,
    ("Male", "Big_Nose"): 0.37,
    ("Male", "Bushy_Eyebrows"): 0.24,
    ("Male", "Eyeglasses"): 0.20,
    ("Male", "Chubby"): 0.21,
    ("Male", "Young"): -0.30,
    ("Male", "Gray_Hair"): 0.20,
    ("Smiling", "Mouth_Slightly_Open"): 0.53,
    ("Young", "Gray_Hair"): -0.37,
    ("Young", "Bald"): -0.20,
    ("Young", "Chubby"): -0.25,
    ("Young", "Eyeglasses"): -0.20,
    ("Young", "Big_Nose"): -0.27,
    ("Young", "Wearing_Lipstick"): 0.28,
}


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """The attributes of 100,000 faces by name, booleans."""
    return dict(zip(NAMES, draw_attributes(np.arange(100_000)).T.astype(bool), strict=True))


def test_there_are_twenty_with_names_of_celeba_in_its_order():
    assert len(NAMES) == 20
    assert [name for name in CELEBA.attributes if name in NAMES] == list(NAMES)


def test_attributes_are_zeros_and_ones_and_those_of_a_row_in_any_company():
    rows = np.array([7, 0, 99])
    drawn = draw_attributes(np.arange(100))
    assert drawn.dtype == np.uint8
    assert set(np.unique(drawn)) == {0, 1}
    assert np.array_equal(draw_attributes(rows), drawn[rows])


@pytest.mark.parametrize("name", NAMES)
def test_shares_are_near_the_published_ones(drawn, name):
    """Within 0.012: 0.005 for chance, the rest for needs that are not independent of what they limit."""
    assert drawn[name].mean() == pytest.approx(ATTRIBUTES[name].share, abs=0.012)


@pytest.mark.parametrize(("one", "other"), CORRELATIONS, ids="-".join)
def test_correlations_are_near_those_of_the_published_table(drawn, one, other):
    found = np.corrcoef(drawn[one], drawn[other])[0, 1]
    assert found == pytest.approx(CORRELATIONS[one, other], abs=0.06)


def test_a_head_has_one_colour_of_hair_or_none(drawn):
    colours = sum(drawn[name].astype(int) for name in ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"))
    assert colours.max() == 1
    assert (colours == 0).mean() > 0.2
    assert not (drawn["Bald"] & (colours > 0)).any()


def test_what_cannot_be_seen_together_does_not_occur_together(drawn):
    never = [
        drawn["Bald"] & (drawn["Bangs"] | drawn["Wearing_Hat"] | ~drawn["Male"]),
        drawn["Wearing_Hat"] & drawn["Bangs"],
        ~drawn["Male"] & ~drawn["No_Beard"],
        drawn["No_Beard"] & (drawn["Goatee"] | drawn["Mustache"]),
        drawn["Male"] & drawn["Wearing_Lipstick"],
    ]
    assert not any(case.any() for case in never)
    assert (drawn["Goatee"] & drawn["Mustache"]).any()


def test_combinations_are_many(drawn):
    numbers = sum(column.astype(np.int64) << place for place, column in enumerate(drawn.values()))
    assert len(np.unique(numbers)) > 3000


def test_faces_that_may_have_an_attribute_meet_its_needs():
    attributes = draw_attributes(np.arange(1000))
    goatee = attributes[may_have("Goatee", attributes)]
    assert (goatee[:, NAMES.index("No_Beard")] == 0).all()
    no_beard = attributes[may_have("No_Beard", attributes)]
    assert (no_beard[:, NAMES.index("Male")] == 1).all()
    assert (no_beard[:, [NAMES.index("Goatee"), NAMES.index("Mustache")]] == 0).all()
    assert all(may_have(name, attributes).any() for name in ATTRIBUTES)
