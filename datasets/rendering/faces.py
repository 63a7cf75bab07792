"""Faces drawn from flat layers: attributes that can be seen, and nuisances that vary them.

A face is a function of its row and its attributes. Pose, light, proportions and the colours of skin,
cloth and backdrop vary with the row alone, so the same row with another attribute is the same person
with that attribute.
"""

import numpy as np

from minebench.datasets.rendering.canvas import REAL, Traits, paint
from minebench.datasets.rendering.counters import uniforms
from minebench.datasets.rendering.face_attributes import NAMES
from minebench.datasets.rendering.face_colours import hair, skin
from minebench.datasets.rendering.face_layers import LAYERS, backdrop

SIZE = 64
_BATCH = 32  # faces painted at once: their arrays stay in the processor's cache
_BLOCK = 1024  # faces whose traits are worked out at once
_COLUMN, _ROW = 32.0, 29.0  # the bridge of the nose
_FIRST_STREAM = 1000  # beyond those of the attributes

# what varies beside the attributes, uniform between two bounds
NUISANCES = {
    "right": (-2.0, 2.0),  # pixels
    "down": (-1.5, 1.5),
    "scale": (0.94, 1.05),
    "roll": (-0.06, 0.06),  # tangent of half the angle: 7 degrees either way
    "yaw": (-1.0, 1.0),  # features go to the side by up to 2 pixels
    "light": (-1.0, 1.0),  # from the left, from the right
    "brightness": (0.80, 1.08),
    "tone": (0.0, 1.0),  # of the skin, from dark to fair
    "hair_tone": (-0.08, 0.08),
    "iris": (0.0, 1.0),  # from brown to blue
    "length": (0.95, 1.05),  # of the face
    "eyes_apart": (-0.6, 0.6),  # pixels, as the following
    "mouth_width": (-0.7, 0.7),
    "brow_height": (-0.6, 0.6),
    "parting": (-6.0, 6.0),
    "backdrop_red": (0.08, 0.92),
    "backdrop_green": (0.08, 0.92),
    "backdrop_blue": (0.08, 0.92),
    "backdrop_slope": (-0.35, 0.35),  # from the upper left to the lower right
    "blob_right": (-16.0, 16.0),  # of a blurred spot on the backdrop, beside the head on either side
    "blob_down": (-30.0, 20.0),
    "blob_shade": (-0.30, 0.30),
    "cloth_red": (0.05, 0.95),
    "cloth_green": (0.05, 0.95),
    "cloth_blue": (0.05, 0.95),
    "hat_red": (0.05, 0.90),
    "hat_green": (0.05, 0.60),
    "hat_blue": (0.05, 0.90),
}


def draw_faces(rows: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """The pictures of faces.

    Args:
        rows: Row numbers, int64 ``(n,)``; they decide the nuisances.
        attributes: uint8 ``(n, 20)`` of 0 and 1, in the order of ``NAMES``.

    Returns:
        uint8 ``(n, 64, 64, 3)``.
    """
    pictures = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        traits = traits_of(rows[block], attributes[block])
        for first in range(0, len(rows[block]), _BATCH):
            some = slice(first, first + _BATCH)
            pixels = _painted(Traits({name: value[..., some, :, :] for name, value in traits.items()}))
            pictures[block][some] = pixels.transpose(1, 2, 3, 0)
    return pictures


def traits_of(rows: np.ndarray, attributes: np.ndarray) -> dict[str, np.ndarray]:
    """Everything that sets faces apart, by name: numbers ``(n, 1, 1)`` and colours ``(3, n, 1, 1)``, float32."""
    traits = {name: column.astype(REAL)[:, None, None] for name, column in zip(NAMES, attributes.T, strict=True)}
    for stream, (name, (low, high)) in enumerate(NUISANCES.items(), _FIRST_STREAM):
        traits[name] = (low + (high - low) * uniforms(rows, stream)).astype(REAL)[:, None, None]
    traits["has_hair"] = 1 - traits["Bald"]
    traits["long_hair"] = traits["has_hair"] * (1 - traits["Male"])
    traits["short_hair"] = traits["has_hair"] * traits["Male"]
    traits["beard"] = 1 - traits["No_Beard"]
    traits["old"] = 1 - traits["Young"]
    traits["closed"] = 1 - traits["Mouth_Slightly_Open"]
    traits["skin"], traits["hair"] = skin(Traits(traits)), hair(Traits(traits))
    return traits


def _painted(traits: Traits) -> np.ndarray:
    """Colours ``(3, n, 64, 64)``, 0 ... 255 and rounded when cut to whole numbers."""
    centres = np.arange(SIZE, dtype=REAL) + REAL.type(0.5)
    across, down = centres - _COLUMN - traits["right"], centres[:, None] - _ROW - traits["down"]
    half = traits["roll"]
    square = 1 + half * half
    cosine, sine = (1 - half * half) / (square * traits["scale"]), 2 * half / (square * traits["scale"])
    x, y = across * cosine + down * sine, down * cosine - across * sine
    pixels = backdrop(x, y, traits)
    for layer in LAYERS:
        paint(pixels, x, y, layer, traits)
    light = traits["brightness"] * (255 + 3 * traits["light"] * np.minimum(np.maximum(across, -22), 22))
    for channel in pixels:
        channel *= light
        channel += 0.5
        np.maximum(channel, 0, out=channel)
        np.minimum(channel, 255, out=channel)
    return pixels
