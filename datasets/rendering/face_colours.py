"""The colours of a drawn face: RGB in 0 ... 1, ``(3, 1, 1, 1)`` for all faces or ``(3, n, 1, 1)`` by their traits."""

import numpy as np

from minebench.datasets.rendering.canvas import REAL, Traits


def _constant(red: float, green: float, blue: float) -> np.ndarray:
    return np.array([red, green, blue], REAL)[:, None, None, None]


BLACK, WHITE, DARK_RED = _constant(0.05, 0.05, 0.06), _constant(0.97, 0.97, 0.95), _constant(0.22, 0.04, 0.06)
_LIPSTICK, _BARE_LIPS = _constant(0.80, 0.06, 0.20), _constant(0.88, 0.62, 0.60)
_BROWN_EYES, _BLUE_EYES = _constant(0.26, 0.14, 0.07), _constant(0.30, 0.52, 0.72)
FRAME, _PALE = _constant(0.06, 0.06, 0.08), _constant(1.0, 0.95, 0.94)
_DARK_SKIN, _FAIR_SKIN = _constant(0.46, 0.29, 0.20), _constant(0.96, 0.77, 0.65)
FLUSH = _constant(1.05, 0.97, 0.96)
_AUBURN = _constant(0.60, 0.24, 0.12)
_HAIR = {
    "Black_Hair": _constant(0.07, 0.06, 0.07),
    "Brown_Hair": _constant(0.27, 0.17, 0.10),
    "Blond_Hair": _constant(0.90, 0.76, 0.42),
    "Gray_Hair": _constant(0.68, 0.68, 0.70),
}


def skin(t: Traits) -> np.ndarray:
    """Colour of the skin: from dark to fair, or pale."""
    usual = _DARK_SKIN + t["tone"] * (2 - t["tone"]) * (_FAIR_SKIN - _DARK_SKIN)
    return np.asarray(usual + 0.85 * t["Pale_Skin"] * (_PALE - usual))


def hair(t: Traits) -> np.ndarray:
    """Colour of the hair: one of four attributes, else auburn."""
    colour = _AUBURN
    for name, own in _HAIR.items():
        colour = colour + t[name] * (own - colour)
    return np.asarray(colour * (1 + t["hair_tone"]))


def beard(t: Traits) -> np.ndarray:
    """Colour of beard and brows: darker than the hair, blond ones most, which would be lost on the skin."""
    return np.asarray((0.5 - 0.2 * t["Blond_Hair"]) * t["hair"])


def lips(t: Traits) -> np.ndarray:
    """Colour of the lips: the skin's, redder, or painted."""
    bare = _BARE_LIPS * t["skin"]
    return np.asarray(bare + t["Wearing_Lipstick"] * (_LIPSTICK - bare))


def irises(t: Traits) -> np.ndarray:
    """Colour of the eyes: from brown to blue."""
    return np.asarray(_BROWN_EYES + t["iris"] * (_BLUE_EYES - _BROWN_EYES))


def cloth(t: Traits) -> np.ndarray:
    """Colour of the cloth, free."""
    return np.stack([t["cloth_red"], t["cloth_green"], t["cloth_blue"]])


def hat(t: Traits) -> np.ndarray:
    """Colour of the hat, free."""
    return np.stack([t["hat_red"], t["hat_green"], t["hat_blue"]])
