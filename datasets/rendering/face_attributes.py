"""Which attributes a drawn face has: twenty of CelebA's, with roughly its shares and correlations.

A Gaussian copula: an attribute is present where a normal variable exceeds a threshold, and each
variable is a weighted sum of earlier ones and of a number of its own. A drawing cannot show everything
at once (a bald head has no colour of hair), so some attributes need others to be present or absent;
their thresholds make up for that.

All numbers are **approximate**. Shares are those of ``list_attr_celeba.txt`` (202,599 rows) to a tenth
of a percent. Weights are rounded to 0.05 and kept to the pairs that shape a face; they were chosen so
that the correlations of the binary columns come near those of the same table (men and lipstick -0.79,
men and no beard -0.52, smiling and an open mouth 0.53, youth and gray hair -0.37, and so on).

References:
    Liu, Luo, Wang, Tang (2015), Deep Learning Face Attributes in the Wild. arXiv:1411.7766.
"""

from functools import cache
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from minebench.datasets.rendering.counters import normals


class Attribute(NamedTuple):
    """How an attribute comes about.

    Attributes:
        share: The fraction of all faces that have it.
        needs: Attributes that must be present (True) or absent (False) before.
        otherwise: What it is where they are not.
        weights: How much its variable takes of those of earlier attributes.
    """

    share: float
    needs: tuple[tuple[str, bool], ...] = ()
    otherwise: bool = False
    weights: tuple[tuple[str, float], ...] = ()


_HAIR = (("Bald", False), ("Gray_Hair", False), ("Blond_Hair", False), ("Brown_Hair", False))
_BEARD = (("No_Beard", False),)
# in the order in which they are decided
ATTRIBUTES = {
    "Male": Attribute(0.417),
    "Young": Attribute(0.774, weights=(("Male", -0.45),)),
    "Wearing_Hat": Attribute(0.049, weights=(("Male", 0.30),)),
    "Bald": Attribute(0.022, (("Male", True), ("Wearing_Hat", False)), weights=(("Young", -0.50),)),
    "Gray_Hair": Attribute(0.042, _HAIR[:1], weights=(("Male", 0.30), ("Young", -0.70))),
    "Blond_Hair": Attribute(0.148, _HAIR[:2], weights=(("Male", -0.70),)),
    "Brown_Hair": Attribute(0.205, _HAIR[:3], weights=(("Male", -0.25),)),
    "Black_Hair": Attribute(0.239, _HAIR[:4]),
    "Bangs": Attribute(0.152, (("Bald", False), ("Wearing_Hat", False)), weights=(("Male", -0.35),)),
    "No_Beard": Attribute(0.835, (("Male", True),), otherwise=True),
    "Goatee": Attribute(0.063, _BEARD),
    "Mustache": Attribute(0.042, _BEARD, weights=(("Goatee", 0.40),)),
    "Wearing_Lipstick": Attribute(0.472, (("Male", False),), weights=(("Young", 0.25),)),
    "Smiling": Attribute(0.482, weights=(("Male", -0.20),)),
    "Mouth_Slightly_Open": Attribute(0.483, weights=(("Smiling", 0.75),)),
    "Big_Nose": Attribute(0.235, weights=(("Male", 0.50), ("Young", -0.30))),
    "Bushy_Eyebrows": Attribute(0.142, weights=(("Male", 0.40), ("Black_Hair", 0.20))),
    "Chubby": Attribute(0.058, weights=(("Male", 0.20), ("Young", -0.40), ("Big_Nose", 0.25))),
    "Eyeglasses": Attribute(0.065, weights=(("Male", 0.30), ("Young", -0.35))),
    "Pale_Skin": Attribute(0.043, weights=(("Male", -0.20), ("Black_Hair", -0.15))),
}
NAMES = tuple(sorted(ATTRIBUTES))  # as CelebA orders its columns


def draw_attributes(rows: np.ndarray) -> np.ndarray:
    """The attributes of faces.

    Args:
        rows: Row numbers, int64 ``(n,)``; a row has the same attributes in any company.

    Returns:
        uint8 ``(n, 20)`` of 0 and 1, in the order of ``NAMES``.
    """
    independent = [normals(rows, stream) for stream in range(len(ATTRIBUTES))]
    present: dict[str, np.ndarray] = {}
    for name, threshold, weights in zip(ATTRIBUTES, _thresholds(), _mixture(), strict=True):
        # added one by one: the order of a product of matrices differs between machines
        variable = np.zeros(len(rows))
        for weight, number in zip(weights, independent, strict=False):
            if weight:
                variable += weight * number
        attribute = ATTRIBUTES[name]
        possible = np.ones(len(rows), bool)
        for needed, value in attribute.needs:
            possible &= present[needed] == value
        present[name] = np.where(possible, variable > threshold, attribute.otherwise)
    return np.stack([present[name] for name in NAMES], axis=1).astype(np.uint8)


def may_have(name: str, attributes: np.ndarray) -> np.ndarray:
    """Which faces may as well have an attribute as not: they meet its needs, and no other attribute of theirs needs it.

    Args:
        name: The attribute.
        attributes: uint8 ``(n, 20)``, in the order of ``NAMES``.

    Returns:
        Booleans ``(n,)``.
    """
    free = np.ones(len(attributes), bool)
    for needed, value in ATTRIBUTES[name].needs:
        free &= attributes[:, NAMES.index(needed)] == value
    for other, attribute in ATTRIBUTES.items():
        if name in dict(attribute.needs):
            free &= attributes[:, NAMES.index(other)] == attribute.otherwise
    return free


@cache
def _thresholds() -> tuple[float, ...]:
    """What each variable must exceed: its share among the faces that may have the attribute."""
    thresholds = []
    for attribute in ATTRIBUTES.values():
        possible = _share_of(attribute.needs)
        share = (attribute.share - attribute.otherwise * (1 - possible)) / possible
        thresholds.append(round(NormalDist().inv_cdf(1 - share), 12))
    return tuple(thresholds)


def _share_of(needs: tuple[tuple[str, bool], ...]) -> float:
    """About how many faces meet the needs: absences of attributes that exclude each other or are rare are added up."""
    present = [ATTRIBUTES[name].share for name, value in needs if value]
    absent = sum(ATTRIBUTES[name].share for name, value in needs if not value)
    return (present[0] if present else 1.0) - absent * (present[0] if present else 1.0)


@cache
def _mixture() -> tuple[tuple[float, ...], ...]:
    """Each variable, of variance 1, as a sum of independent ones: rows of a lower triangle."""
    mixture: dict[str, list[float]] = {}
    for number, (name, attribute) in enumerate(ATTRIBUTES.items()):
        row = [0.0] * number
        for other, weight in attribute.weights:
            for column, part in enumerate(mixture[other]):
                row[column] += weight * part
        mixture[name] = [*row, sqrt(1 - sum(part * part for part in row))]
    return tuple(map(tuple, mixture.values()))
