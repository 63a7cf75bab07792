"""Where the published files are looked for, and what is said when one is bad."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

Report = Callable[[str, int, int], object]  # is told a stage, how much of it is done, and how much there is
_BLOCK = 1 << 23  # bytes read at once


def unheard(stage: str, done: int, total: int) -> None:
    """A ``Report`` to nobody."""


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


def store_root(root: Path) -> Path:
    """Where stores made from the files below ``root`` are kept: there, or in the user's cache if it is read-only."""
    return root if os.access(root, os.W_OK) or not root.exists() else Path("~/.cache/minebench").expanduser()


def find_data_file(root: Path, names: Iterable[str]) -> Path | None:
    """The first file or folder below ``root`` of one of ``names``, or None if there is none.

    Args:
        root: The folder of all data.
        names: Relative paths, the ones looked for first in front; ``*`` stands for any part of a name.
    """
    return next((path for name in names for path in sorted(root.glob(name))), None)


def file_stamp(path: Path) -> str:
    """A file's length and time of change: it tells a changed file at no cost, where a hash reads it all.

    Raises:
        DataFileError: If it cannot be read.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return f"{found.st_size} bytes of {found.st_mtime_ns}"


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        DataFileError: If it cannot be read.
    """
    return file_digest(path, "sha256")


def file_digest(path: Path, algorithm: str, report: Report = unheard) -> str:
    """A hash of a file's bytes.

    Args:
        path: The file.
        algorithm: A name that ``hashlib`` knows: ``md5``, ``sha256``.
        report: Is told how many bytes are done.

    Returns:
        Hexadecimal digits.

    Raises:
        DataFileError: If it cannot be read.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        n_bytes = path.stat().st_size
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                report(f"{algorithm} of {path.name}", file.tell(), n_bytes)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _unreadable(path: Path, error: OSError) -> DataFileError:
    return DataFileError(
        path, expected="a readable file", got=str(error), remedy="correct its permissions or remove it"
    )
