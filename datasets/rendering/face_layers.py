"""What a drawn face is made of, from the backdrop to the spectacles: shapes and colours of its layers.

Coordinates are pixels around the bridge of the nose, x to the right and y downwards, before the head
is moved, turned and scaled; rows and columns bound where a layer can lie after that. A sum of traits
that are 0 or 1 stands for a choice: ``16.5 + 2 * t["Chubby"]`` is 16.5 or 18.5.
"""

import numpy as np

from minebench.datasets.rendering.canvas import Layer, Traits, bar, block, common, ellipse, union
from minebench.datasets.rendering.face_colours import (
    BLACK,
    DARK_RED,
    FLUSH,
    FRAME,
    WHITE,
    beard,
    cloth,
    hat,
    irises,
    lips,
)

Points = np.ndarray


def _ahead(x: Points, t: Traits) -> Points:
    """The place across a face that looks to the side."""
    return np.asarray(x - 2 * t["yaw"])


def _beside(x: Points, t: Traits) -> Points:
    """Distance from the middle of either eye, outwards."""
    return np.asarray(abs(_ahead(x, t)) - (7.3 + t["eyes_apart"]))


def backdrop(x: Points, y: Points, t: Traits) -> np.ndarray:
    """Colours of the backdrop, ``(3, n, H, W)``: a slope of brightness, and a blurred spot beside the head."""
    aside = t["blob_right"] + np.copysign(16, t["blob_right"], dtype=t["blob_right"].dtype)
    right, down = x - aside, y - t["blob_down"]
    spot = np.maximum(1 - (right * right + down * down) * (1 / 14**2), 0)
    shade = t["backdrop_slope"] * ((x + y) * (1 / 64)) + t["blob_shade"] * spot
    return np.stack([t[name] + shade for name in ("backdrop_red", "backdrop_green", "backdrop_blue")])


def _head(x: Points, y: Points, t: Traits) -> Points:
    """An oval; a jaw that is square for men and wide for chubby faces."""
    skull = ellipse(x, y + 1, 16.4 + 0.6 * t["Male"] + 1.2 * t["Chubby"], 21.0)
    half = 14.5 * t["length"]
    jaw = block(x, y - half + 3, 11.2 + 2.0 * t["Male"] + 4.2 * t["Chubby"], half, 11.0 - 2.5 * t["Male"])
    return union(skull, jaw)


def _neck(x: Points, y: Points, t: Traits) -> Points:
    return block(x, y - 32, 8.2 + 2.6 * t["Male"] + 1.8 * t["Chubby"], 14.0, 3.0)


def _cloth(x: Points, y: Points, t: Traits) -> Points:
    return common(ellipse(x, y - 47, 33.0, 17.0), -ellipse(x, y - 29, 9.0 + 1.5 * t["Male"], 6.0))


def _ears(x: Points, y: Points, t: Traits) -> Points:
    return ellipse(abs(x) - (17.0 + 0.6 * t["Chubby"]), y - 3, 2.4, 4.4)


def _back_hair(x: Points, y: Points, t: Traits) -> Points:
    """The hair behind the head: down to the shoulders for women."""
    long = t["long_hair"]
    return block(x, y - 2 - 5 * long, 18.6 + 2.9 * long, 27.5 + 4 * long, 18.0)


def _fringe(x: Points, y: Points, t: Traits) -> Points:
    """The hair before the face: an outline with an opening, narrower and open downwards for women."""
    long = t["long_hair"]
    opening = ellipse(x - 0.35 * t["parting"], y - 8 - 5 * long, 15.6 - 0.6 * long, 21.0 + 5 * long)
    return common(_back_hair(x, y, t), -opening, y - 2 - 40 * long)


def _bangs(x: Points, y: Points, _: Traits) -> Points:
    strands = x * 0.25
    jag = 2.6 * abs(strands - np.floor(strands + 0.5))
    return common(ellipse(x, y + 2, 17.4, 21.5), y + 7.4 + jag)


def _gloss(x: Points, y: Points, t: Traits) -> Points:
    return bar(x - 0.6 * t["parting"] - 2, y + 19 - 0.02 * x * x, 5.5, 0.8)


def _bald_gloss(x: Points, y: Points, t: Traits) -> Points:
    return ellipse(x - 5 * t["light"], y + 15, 4.5, 2.2)


def _hat(x: Points, y: Points, _: Traits) -> Points:
    return common(ellipse(x, y + 10, 21.5, 17.0), y + 9)


def _brim(x: Points, y: Points, _: Traits) -> Points:
    return bar(x, y + 9.6, 21.5, 2.1)


def _brows(x: Points, y: Points, t: Traits) -> Points:
    across = _beside(x, t)
    arch = y + 5.8 + t["brow_height"] - 0.06 * across * across
    return bar(across, arch, 3.2 + 0.5 * t["Bushy_Eyebrows"], 0.55 + 1.0 * t["Bushy_Eyebrows"])


def _eye_whites(x: Points, y: Points, t: Traits) -> Points:
    return ellipse(_beside(x, t), y - 0.5, 3.7, 2.05)


def _irises(x: Points, y: Points, t: Traits) -> Points:
    return common(ellipse(_beside(x, t), y - 0.4, 1.75, 1.75), _eye_whites(x, y, t))


def _pupils(x: Points, y: Points, t: Traits) -> Points:
    return ellipse(_beside(x, t), y - 0.4, 0.8, 0.8)


def _lids(x: Points, y: Points, t: Traits) -> Points:
    across = _beside(x, t)
    return bar(across, y + 1.5 - 0.11 * across * across, 3.3, 0.45 + 0.35 * (1 - t["Male"]))


def _nose_side(x: Points, y: Points, t: Traits) -> Points:
    return bar(y - 3.5, _ahead(x, t) - 1.7 - 0.6 * t["Big_Nose"], 4.0, 0.6)


def _nose_rim(x: Points, y: Points, t: Traits) -> Points:
    return ellipse(_ahead(x, t), y - 8.4 - 0.3 * t["Big_Nose"], 3.1 + 2.5 * t["Big_Nose"], 2.3 + 1.3 * t["Big_Nose"])


def _nose_tip(x: Points, y: Points, t: Traits) -> Points:
    return ellipse(_ahead(x, t), y - 7.8, 2.6 + 2.4 * t["Big_Nose"], 2.0 + 1.2 * t["Big_Nose"])


def _nostrils(x: Points, y: Points, t: Traits) -> Points:
    big = t["Big_Nose"]
    return ellipse(abs(_ahead(x, t)) - 1.4 - 1.2 * big, y - 9.2 - 0.7 * big, 0.85 + 0.45 * big, 0.6 + 0.2 * big)


def _half_mouth(t: Traits) -> np.ndarray:
    return np.asarray(5.4 + t["mouth_width"] + 1.5 * t["Smiling"])


def _mouth_line(x: Points, y: Points, t: Traits) -> Points:
    """Height above the line of the mouth, which a smile bends upwards at its ends."""
    ahead = _ahead(x, t)
    return np.asarray(y - 16.4 - 0.7 * t["Smiling"] + (0.060 * t["Smiling"] - 0.002) * ahead * ahead)


def _lips(x: Points, y: Points, t: Traits) -> Points:
    thick = 1.25 + 0.55 * t["Wearing_Lipstick"] + 1.15 * t["Mouth_Slightly_Open"]
    return bar(_ahead(x, t), _mouth_line(x, y, t), _half_mouth(t) - 1, thick)


def _closed_mouth(x: Points, y: Points, t: Traits) -> Points:
    return bar(_ahead(x, t), _mouth_line(x, y, t), _half_mouth(t) - 0.8, 0.5)


def _open_mouth(x: Points, y: Points, t: Traits) -> Points:
    return bar(_ahead(x, t), _mouth_line(x, y, t), _half_mouth(t) - 2, 1.35)


def _teeth(x: Points, y: Points, t: Traits) -> Points:
    return common(_open_mouth(x, y, t), _mouth_line(x, y, t) - 0.2)


def _smile_folds(x: Points, y: Points, t: Traits) -> Points:
    return bar(y - 14, abs(_ahead(x, t)) - _half_mouth(t) - 1.9 + 0.09 * (y - 14) * (y - 14), 2.4, 0.4)


def _beard(x: Points, y: Points, t: Traits) -> Points:
    ahead = abs(_ahead(x, t))
    above = 12.4 - 0.75 * np.maximum(ahead - 7, 0) - y
    mouth = bar(ahead, _mouth_line(x, y, t), _half_mouth(t) - 0.5, 2.3 + 1.2 * t["Mouth_Slightly_Open"])
    return common(_head(x, y, t), above, -mouth)


def _goatee(x: Points, y: Points, t: Traits) -> Points:
    ahead = _ahead(x, t)
    corners = bar(y - 20, abs(ahead) - _half_mouth(t) - 0.4, 3.2, 1.0)
    return common(union(ellipse(ahead, y - 23.6, 6.2, 3.8), corners), _head(x, y, t))


def _mustache(x: Points, y: Points, t: Traits) -> Points:
    ahead = _ahead(x, t)
    return bar(ahead, y - 12.4 - 0.02 * ahead * ahead, _half_mouth(t) - 0.2, 1.25)


def _forehead_lines(x: Points, y: Points, t: Traits) -> Points:
    ahead = _ahead(x, t)
    bent = y - 0.012 * ahead * ahead
    return union(bar(ahead, bent + 11.6, 6.0, 0.5), bar(ahead, bent + 9.0, 6.5, 0.5))


def _cheek_folds(x: Points, y: Points, t: Traits) -> Points:
    return bar(y - 12, abs(_ahead(x, t)) - 5.6 - 0.42 * (y - 9), 3.4, 0.6)


def _eye_bags(x: Points, y: Points, t: Traits) -> Points:
    across = _beside(x, t)
    return bar(across, y - 4.4 + 0.07 * across * across, 3.0, 0.6)


def _lenses(x: Points, y: Points, t: Traits) -> Points:
    return block(_beside(x, t), y - 0.6, 5.3, 4.3, 2.6)


def _frames(x: Points, y: Points, t: Traits) -> Points:
    ahead = abs(_ahead(x, t))
    temples = common(abs(y + 0.6) - 0.5, 12.0 - ahead, ahead - 17.0)
    return union(abs(_lenses(x, y, t)) - 0.6, bar(ahead, y + 0.8, 2.0, 0.5), temples)


LAYERS = (
    Layer(_back_hair, lambda t: 0.8 * t["hair"], columns=(3, 61), shown="long_hair"),
    Layer(_neck, lambda t: 0.74 * t["skin"], rows=(42, 64), columns=(11, 53)),
    Layer(_cloth, cloth, rows=(54, 64)),
    Layer(_ears, lambda t: 0.86 * t["skin"], rows=(22, 42), columns=(7, 57), shown="Male"),
    Layer(_head, lambda t: t["skin"], rows=(3, 62), columns=(8, 56)),
    Layer(
        _bald_gloss,
        lambda t: 0.5 + 0.5 * t["skin"],
        rows=(6, 22),
        columns=(14, 50),
        opacity=0.6,
        softness=3,
        shown="Bald",
    ),
    Layer(_forehead_lines, lambda t: 0.58 * t["skin"], rows=(13, 25), columns=(18, 46), opacity=0.8, shown="old"),
    Layer(_eye_bags, lambda t: 0.58 * t["skin"], rows=(27, 39), columns=(14, 50), opacity=0.8, shown="old"),
    Layer(_cheek_folds, lambda t: 0.58 * t["skin"], rows=(33, 50), columns=(15, 49), opacity=0.8, shown="old"),
    Layer(_smile_folds, lambda t: 0.58 * t["skin"], rows=(35, 51), columns=(14, 50), opacity=0.8, shown="Smiling"),
    Layer(_eye_whites, lambda _: WHITE, rows=(23, 36), columns=(14, 50)),
    Layer(_irises, irises, rows=(23, 36), columns=(16, 48)),
    Layer(_pupils, lambda _: BLACK, rows=(24, 35), columns=(17, 47)),
    Layer(_lids, lambda t: 0.25 * t["skin"], rows=(22, 35), columns=(14, 50)),
    Layer(_brows, beard, rows=(16, 31), columns=(12, 52), opacity=0.95),
    Layer(_nose_side, lambda t: 0.78 * t["skin"], rows=(24, 42), columns=(26, 42), opacity=0.7, softness=2),
    Layer(_nose_rim, lambda t: 0.64 * t["skin"], rows=(30, 45), columns=(19, 45), softness=1.5),
    Layer(_nose_tip, lambda t: FLUSH * t["skin"], rows=(30, 44), columns=(20, 44), softness=1.5),
    Layer(_nostrils, lambda t: 0.35 * t["skin"], rows=(34, 44), columns=(21, 43)),
    Layer(_beard, beard, rows=(25, 62), columns=(7, 57), opacity=0.68, softness=2, shown="beard"),
    Layer(_goatee, lambda t: 0.2 * t["hair"], rows=(40, 61), columns=(15, 50), shown="Goatee"),
    Layer(_lips, lips, rows=(35, 53), columns=(15, 49)),
    Layer(_closed_mouth, lambda _: DARK_RED, rows=(38, 51), columns=(17, 47), opacity=0.8, shown="closed"),
    Layer(_open_mouth, lambda _: DARK_RED, rows=(38, 52), columns=(17, 47), shown="Mouth_Slightly_Open"),
    Layer(_teeth, lambda _: WHITE, rows=(38, 50), columns=(17, 47), shown="Mouth_Slightly_Open"),
    Layer(_mustache, lambda t: 0.2 * t["hair"], rows=(36, 49), columns=(16, 48), shown="Mustache"),
    Layer(_fringe, lambda t: t["hair"], columns=(3, 61), shown="long_hair"),
    Layer(_fringe, lambda t: t["hair"], rows=(0, 36), columns=(8, 56), shown="short_hair"),
    Layer(_bangs, lambda t: 0.95 * t["hair"], rows=(1, 27), columns=(10, 54), shown="Bangs"),
    Layer(
        _gloss,
        lambda t: 0.3 + 0.8 * t["hair"],
        rows=(4, 20),
        columns=(17, 51),
        opacity=0.35,
        softness=3,
        shown="has_hair",
    ),
    Layer(_hat, hat, rows=(0, 26), columns=(5, 59), shown="Wearing_Hat"),
    Layer(
        _brim,
        lambda t: 0.6 * hat(t),
        rows=(11, 27),
        columns=(3, 61),
        shown="Wearing_Hat",
    ),
    Layer(_lenses, lambda _: WHITE, rows=(21, 39), columns=(13, 52), opacity=0.18, shown="Eyeglasses"),
    Layer(_frames, lambda _: FRAME, rows=(20, 39), columns=(8, 56), shown="Eyeglasses"),
)
