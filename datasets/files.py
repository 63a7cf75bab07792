"""Where the published files are looked for, and what is said when one is bad."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


class DataFileError(Exception):
    """A data file is there but cannot be what it should be.

    Args:
        path: The file.
        expected: What it should hold.
        got: What it holds.
        remedy: What to do about it.
    """

    def __init__(self, path: Path, *, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"{path}: expected {expected}; got {got}; {remedy}")
        self.path = path
        self.expected = expected
        self.got = got
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        # the default rebuilds an exception from its message alone, and fails on its way out of a worker process
        return _rebuild, (self.path, self.expected, self.got, self.remedy)


def _rebuild(path: Path, expected: str, got: str, remedy: str) -> DataFileError:
    return DataFileError(path, expected=expected, got=got, remedy=remedy)


def default_root() -> Path:
    """The folder of all data: the environment's ``MINEBENCH_DATA``, else ``~/.cache/minebench``."""
    return Path(os.environ.get("MINEBENCH_DATA") or "~/.cache/minebench").expanduser()


def find_data_file(root: Path, names: Iterable[str]) -> Path | None:
    """The first of ``names`` (relative paths) that exists below ``root``, or None if none does."""
    return next((root / name for name in names if (root / name).exists()), None)


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        DataFileError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataFileError(
            path, expected="a readable file", got=str(error), remedy="correct its permissions or remove it"
        ) from error
