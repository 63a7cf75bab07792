"""CelebA's text files of labels, as published or as Kaggle copied them (CSV), read line by line.

Attributes: a line with the count, one with the names, and rows ``000001.jpg -1 1 ...``. Partition and
identity: rows ``000001.jpg 0`` without a header. Kaggle's copies have commas and one line of names.

References:
    Liu, Luo, Wang, Tang (2015), Deep Learning Face Attributes in the Wild.
    https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from minebench.datasets.files import DataFileError

_BLOCK = 4096  # rows parsed at once: a list of words takes eighty times the bytes they become


def picture_names(n_images: int) -> list[str]:
    """The names of the pictures in their order: ``000001.jpg`` and so on."""
    return [f"{number:06d}.jpg" for number in range(1, n_images + 1)]


def read_attributes(path: Path, n_images: int, names: Sequence[str], remedy: str) -> Iterator[np.ndarray]:
    """The attributes of all pictures.

    Args:
        path: ``list_attr_celeba.txt``, or Kaggle's ``.csv``.
        n_images: How many rows there must be.
        names: The attributes' names in the order of the columns.
        remedy: What a user can do about a bad file.

    Yields:
        Blocks of consecutive rows, int32 ``(n, K)`` of 0 and 1.

    Raises:
        DataFileError: If the file is cut or holds other names, counts, pictures or values.
    """
    csv = path.suffix == ".csv"
    with _Lines(path, remedy) as lines:
        if not csv:
            lines.expect([str(n_images)], f"the number of pictures, {n_images}")
        lines.expect(["image_id", *names] if csv else list(names), f"the names of {len(names)} attributes")
        for block in lines.rows(n_images, len(names), f"{len(names)} values of -1 or 1"):
            if not np.isin(block, (-1, 1)).all():
                raise lines.bad(f"values of -1 and 1 above line {lines.number}", f"{block.min()} to {block.max()}")
            yield (block + 1) // 2


def read_numbers(path: Path, n_images: int, lowest: int, highest: int | None, remedy: str) -> np.ndarray:
    """One number for each picture: its part, or the person on it.

    Args:
        path: ``list_eval_partition.txt``, ``identity_CelebA.txt``, or a copy of them as ``.csv``.
        n_images: How many rows there must be.
        lowest: The smallest number that may occur.
        highest: The largest one, or None.
        remedy: What a user can do about a bad file.

    Returns:
        int32 ``(n_images,)``.

    Raises:
        DataFileError: If the file is cut or holds other counts, pictures or values.
    """
    with _Lines(path, remedy) as lines:
        if path.suffix == ".csv":
            lines.skip()
        numbers = np.concatenate(list(lines.rows(n_images, 1, "one number")))[:, 0]
        if numbers.min() < lowest or (highest is not None and numbers.max() > highest):
            upper = "" if highest is None else f" to {highest}"
            raise lines.bad(f"numbers from {lowest}{upper}", f"{numbers.min()} to {numbers.max()}")
    return numbers


class _Lines:
    """The lines of a text file as words, with errors that name file and line."""

    def __init__(self, path: Path, remedy: str) -> None:
        self.number = 0
        self._path = path
        self._remedy = remedy
        self._comma = "," if path.suffix == ".csv" else None

    def __enter__(self) -> "_Lines":
        try:
            self._file = self._path.open(encoding="ascii", errors="replace")
        except OSError as error:
            raise self.bad("a readable file of labels", str(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def bad(self, expected: str, got: str) -> DataFileError:
        """The error for a file that holds something else."""
        return DataFileError(self._path, expected=expected, got=got, remedy=self._remedy)

    def skip(self) -> None:
        """Pass over one line."""
        self._words()

    def expect(self, words: list[str], what: str) -> None:
        """Refuse a next line that does not hold these words."""
        found = self._words()
        if found != words:
            raise self.bad(f"{what} in line {self.number}", " ".join(found)[:80] or "an empty line")

    def rows(self, n_rows: int, n_values: int, what: str) -> Iterator[np.ndarray]:
        """Blocks of the integers that follow the pictures' names: int32 (n, n_values), all n_rows of them."""
        names = picture_names(n_rows)
        for start in range(0, n_rows, _BLOCK):
            values = []
            for name in names[start : start + _BLOCK]:
                words = self._words()
                if not words:
                    raise self.bad(f"{n_rows} pictures", f"the end after {self.number - 1} lines")
                if words[0] != name or len(words) != n_values + 1:
                    got = " ".join(words)[:80]
                    raise self.bad(f"{name} and {what} in line {self.number}", got)
                values.append(words[1:])
            try:
                yield np.array(values).astype(np.int32)
            except ValueError as error:
                raise self.bad(f"integers above line {self.number}", str(error)) from error
        if self._words():
            raise self.bad(f"{n_rows} pictures", f"more in line {self.number}")

    def _words(self) -> list[str]:
        self.number += 1
        line = self._file.readline()
        return [word.strip() for word in line.split(self._comma)] if line.strip() else []
