"""What an array in a file is, and whether it is the one that was published."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from minebench.datasets.files import DataFileError


class ArrayForm(NamedTuple):
    """Shape and type of an array, as the file declares them."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Expected(NamedTuple):
    """The array that a file must hold.

    Attributes:
        name: What it is called in the file.
        shape: Its shape.
        kinds: Letters of the kinds of type that are accepted (``np.dtype.kind``): "u", "iu", "f".
        what: Those kinds in words.
        one_byte: Whether the type must be one byte wide.
    """

    name: str
    shape: tuple[int, ...]
    kinds: str
    what: str
    one_byte: bool = False

    def check(self, path: Path, found: ArrayForm, remedy: str) -> None:
        """Refuse another array.

        Raises:
            DataFileError: If shape or type differ; arrays of objects are refused here, before anything is read.
        """
        kind_is_right = found.dtype.kind in self.kinds and not (self.one_byte and found.dtype.itemsize != 1)
        if found.shape != self.shape or not kind_is_right:
            raise DataFileError(
                path,
                expected=f"{self.name} to be {self.what} {self.shape}",
                got=f"{found.dtype} {found.shape}",
                remedy=remedy,
            )


def uint8_array(name: str, shape: tuple[int, ...]) -> Expected:
    """An array of bytes."""
    return Expected(name, shape, "u", "uint8", one_byte=True)
