"""That everything that varies can be seen, and that nothing else does."""

import hashlib

import numpy as np
import pytest

from minebench.datasets.rendering import faces
from minebench.datasets.rendering.contact_sheet import face_sheet
from minebench.datasets.rendering.face_attributes import NAMES, draw_attributes, may_have
from minebench.datasets.rendering.faces import NUISANCES, draw_faces

ROWS = np.arange(1000)
PIXELS_SHA256 = "49d5fd9ac801f746a081c5ab6870c835dd1ba1e1d82df0d2b1c6fe8d5d496dbb"


@pytest.fixture(scope="module")
def attributes() -> np.ndarray:
    return draw_attributes(ROWS)


@pytest.fixture(scope="module")
def pictures(attributes) -> np.ndarray:
    return draw_faces(ROWS, attributes)


def test_1000_faces_have_the_hash_of_every_machine(pictures):
    assert pictures.dtype == np.uint8
    assert pictures.shape == (1000, 64, 64, 3)
    assert hashlib.sha256(pictures.data).hexdigest() == PIXELS_SHA256


def test_no_two_faces_are_alike(pictures):
    assert len({picture.tobytes() for picture in pictures}) == 1000


def test_a_face_does_not_depend_on_its_company(pictures, attributes):
    for row in (0, 31, 32, 999):
        assert np.array_equal(draw_faces(ROWS[row : row + 1], attributes[row : row + 1])[0], pictures[row])


@pytest.mark.parametrize("name", NAMES)
def test_each_attribute_can_be_seen_on_every_face_that_may_have_it(name, attributes):
    """At least 12 pixels change by 24 or more of 255 in some channel."""
    rows = ROWS[may_have(name, attributes)][:20]
    assert len(rows) >= 5
    column = NAMES.index(name)
    pair = []
    for value in (0, 1):
        of_these = attributes[rows]
        of_these[:, column] = value
        pair.append(draw_faces(rows, of_these).astype(int))
    changed = (abs(pair[1] - pair[0]).max(axis=3) >= 24).sum(axis=(1, 2))
    assert changed.min() >= 12


@pytest.mark.parametrize("name", NUISANCES)
def test_each_nuisance_can_be_seen(name, monkeypatch):
    """From its one bound to the other, on most of ten faces with hats; a hat's colour on no others."""
    rows = np.arange(16)
    attributes = draw_attributes(rows)
    attributes[6:, [NAMES.index(other) for other in ("Wearing_Hat", "Bald", "Bangs")]] = (1, 0, 0)
    pair = []
    for bound in NUISANCES[name]:
        monkeypatch.setitem(faces.NUISANCES, name, (bound, bound))
        pair.append(draw_faces(rows, attributes).astype(int))
    changed = (abs(pair[1] - pair[0]).max(axis=3) >= 12).sum(axis=(1, 2))
    assert (changed[6:] >= 10).mean() > 0.5
    if name.startswith("hat"):
        assert not changed[attributes[:, NAMES.index("Wearing_Hat")] == 0].any()


def test_no_layer_is_cut_by_the_rows_and_columns_that_bound_it(pictures, attributes, monkeypatch):
    """Without bounds the same pictures arise; 100 faces, and 30 whose pose is at its bounds."""
    rows = ROWS[:100]
    for name, bounds in (("right", (2, 2)), ("down", (1.5, 1.5)), ("roll", (0.06, 0.06)), ("scale", (1.05, 1.05))):
        monkeypatch.setitem(faces.NUISANCES, name, bounds)
    extreme = draw_faces(rows[:30], attributes[:30])
    unbound = tuple(layer._replace(rows=(0, 64), columns=(0, 64)) for layer in faces.LAYERS)
    monkeypatch.setattr(faces, "LAYERS", unbound)
    assert np.array_equal(draw_faces(rows[:30], attributes[:30]), extreme)
    monkeypatch.undo()
    monkeypatch.setattr(faces, "LAYERS", unbound)
    assert np.array_equal(draw_faces(rows, attributes[:100]), pictures[:100])


def test_light_from_the_left_brightens_the_left(monkeypatch):
    rows = np.arange(20)
    means = []
    for light in (-1.0, 1.0):
        monkeypatch.setitem(faces.NUISANCES, "light", (light, light))
        drawn = draw_faces(rows, draw_attributes(rows)).astype(float)
        means.append(drawn[:, :, :20].mean() / drawn[:, :, -20:].mean())
    assert means[0] > 1.2 * means[1]


def test_the_sheet_shows_each_attribute_off_and_on():
    """20 attributes and two rows at random, two pictures for each of two people; names stand left of column 104."""
    picture = face_sheet(n_people=2)
    assert picture.size == (104 + 4 * 66, 22 * 66 - 2)
