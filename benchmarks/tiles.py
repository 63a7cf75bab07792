"""Decoded images with labels, pixel for pixel: a grid as PNG, the same rows moving as GIF.

Matplotlib draws the labels, at places given in pixels, and the images are pasted between them: nothing is resampled, no
label is cut, and the same images give the same bytes.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

GAP = 3  # pixels between tiles
_DPI, _POINTS = 100, 9
_LINE = 16  # pixels of a line of text
_MARGIN = 8
_DARK, _FAINT = "#202020", "#5a5a5a"
_FRAME_MS = 80


def grid_png(
    tiles: np.ndarray, rows: Sequence[tuple[str, str]], columns: Sequence[str], *, title: str, foot: str = ""
) -> bytes:
    """Tiles in rows and columns.

    Args:
        tiles: uint8, shape (n_rows, n_columns, height, width, 3).
        rows: Two lines that stand to the left of each row.
        columns: A line below each column.
        title: Above all.
        foot: Below all.

    Returns:
        A PNG.
    """
    n_rows, n_columns, height, width = tiles.shape[:4]
    left = _MARGIN + max(_width(line) for row in rows for line in row) + _MARGIN
    top = _MARGIN + _LINE + _MARGIN
    right = max(left + n_columns * (width + GAP), _MARGIN + max(_width(title), _width(foot))) + _MARGIN
    bottom = top + n_rows * (height + GAP)
    sheet = _Sheet(right, bottom + _LINE + (_LINE if foot else 0) + _MARGIN)
    sheet.text(title, _MARGIN, _MARGIN + _LINE // 2)
    for place, (first, second) in enumerate(rows):
        middle = top + place * (height + GAP) + height // 2
        sheet.text(first, left - _MARGIN, middle - _LINE // 2, align="right")
        sheet.text(second, left - _MARGIN, middle + _LINE // 2, align="right", colour=_FAINT)
    for place, text in enumerate(columns):
        sheet.text(text, left + place * (width + GAP) + width // 2, bottom + _LINE // 2, align="center", colour=_FAINT)
    sheet.text(foot, _MARGIN, bottom + _LINE + _LINE // 2, colour=_FAINT)
    pixels = sheet.pixels()
    for row, column in np.ndindex(n_rows, n_columns):
        _paste(pixels, tiles[row, column], top + row * (height + GAP), left + column * (width + GAP))
    return _png(pixels)


def moving_gif(frames: np.ndarray, labels: Sequence[tuple[str, str]], *, title: str) -> bytes:
    """Tiles that move side by side, there and back, without end.

    Args:
        frames: uint8, shape (n_tiles, n_frames, height, width, 3).
        labels: Two lines above each tile.
        title: Above all.

    Returns:
        A GIF; a mark on the line below shows how far the codes have moved.
    """
    n_tiles, n_frames, height, width = frames.shape[:4]
    n_columns = min(n_tiles, 5)
    cell = max(width, *(_width(line) for label in labels for line in label)) + 2 * _MARGIN
    step = 2 * _LINE + height + _MARGIN
    top = _MARGIN + _LINE + _MARGIN
    bottom = top + -(-n_tiles // n_columns) * step
    sheet = _Sheet(max(n_columns * cell, 2 * _MARGIN + _width(title)), bottom + _LINE)
    sheet.text(title, _MARGIN, _MARGIN + _LINE // 2)
    corners = [(top + step * (tile // n_columns), cell * (tile % n_columns)) for tile in range(n_tiles)]
    for (first, second), (y, x) in zip(labels, corners, strict=True):
        sheet.text(first, x + cell // 2, y + _LINE // 2, align="center")
        sheet.text(second, x + cell // 2, y + _LINE + _LINE // 2, align="center", colour=_FAINT)
    still = sheet.pixels()
    still[bottom + 3 : bottom + 5, _MARGIN:-_MARGIN] = 190
    pictures = []
    for number in [*range(n_frames), *range(n_frames - 2, 0, -1)]:
        pixels = still.copy()
        mark = _MARGIN + round((pixels.shape[1] - 2 * _MARGIN - 8) * number / max(n_frames - 1, 1))
        pixels[bottom : bottom + 8, mark : mark + 8] = (0, 114, 178)
        for tile, (y, x) in enumerate(corners):
            _paste(pixels, frames[tile, number], y + 2 * _LINE, x + (cell - width) // 2)
        pictures.append(Image.fromarray(pixels))
    palette = Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures[:n_frames]])).quantize(256)
    opening, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    opening.save(buffer, "GIF", save_all=True, append_images=rest, duration=_FRAME_MS, loop=0, optimize=False)
    return buffer.getvalue()


def as_tiles(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1], (..., 1 or 3, height, width), as uint8 (..., height, width, 3)."""
    pixels = np.round(np.clip(images, 0.0, 1.0) * 255).astype(np.uint8)
    return np.moveaxis(np.broadcast_to(pixels, (*pixels.shape[:-3], 3, *pixels.shape[-2:])), -3, -1)


class _Sheet:
    """A white page of so many pixels that takes text."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(self.figure)  # its methods have no types

    def text(self, text: str, x: float, y: float, *, align: str = "left", colour: str = _DARK) -> None:
        """A line with its middle at height ``y`` from above."""
        place: dict[str, Any] = {
            "ha": align,
            "va": "center_baseline",
            "fontsize": _POINTS,
            "color": colour,
            "parse_math": False,
        }
        self.figure.text(x / self.width, 1 - y / self.height, text, **place)

    def pixels(self) -> np.ndarray:
        self.canvas.draw()
        return np.array(self.canvas.buffer_rgba())[..., :3].copy()


def _width(text: str) -> int:
    """Pixels that a line takes."""
    canvas: Any = FigureCanvasAgg(Figure(dpi=_DPI))
    line = canvas.figure.text(0, 0, text, fontsize=_POINTS, parse_math=False)
    return int(np.ceil(line.get_window_extent(canvas.get_renderer()).width)) if text else 0


def _paste(pixels: np.ndarray, tile: np.ndarray, y: int, x: int) -> None:
    height, width = tile.shape[:2]
    pixels[y - 1 : y + height + 1, x - 1 : x + width + 1] = 128  # a frame, for tiles as white as the page
    pixels[y : y + height, x : x + width] = tile


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
